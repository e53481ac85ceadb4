"""A folded network bound to the size of a batch and to memory: a list of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.folding import FoldedNetwork
from npfacenet.inference.operation import Operation, SizedOperation
from npfacenet.inference.placement import in_place, places_of, roots_of
from npfacenet.inference.schedule import Task, one_after_the_other, schedule
from npfacenet.inference.two_cores import TwoCores, make_calls
from npfacenet.inference.workspace import Workspace
from npfacenet.layers import Array, Shape
from npfacenet.networks import Network


class Work(NamedTuple):
    """The calls of one operation or half of it; `multiply_adds` are those of the readable layer."""

    names: tuple[str, ...]
    kind: str
    core: int
    multiply_adds: int
    calls: list[Call]


class BoundPlan:
    """A plan for batches of one size; it owns its memory and serves one caller at a time.

    `shapes` are those of all tensors for one picture. With `cores` = 2 two threads share the work
    if there is enough of it, which pays for few pictures. `key` is (batch, shape of a picture,
    cores), `workspace_bytes` the memory for tensors, and `work` what is done, in order.
    """

    def __init__(
        self,
        folded: FoldedNetwork,
        shapes: Mapping[str, Shape],
        batch: int,
        cores: int,
        costs: Costs,
    ) -> None:
        outputs = [*folded.outputs.values()]
        operations, sized = folded.operations, _sized(folded.operations, shapes, batch, costs)
        shared = cores > 1 and sum(one.cost for one in sized) >= costs.worth_sharing
        if shared:
            known = dict(zip(operations, sized, strict=True))
            operations = tuple(part for whole in operations for part in whole.apart())
            joined = [one for one in operations if one not in known]
            known |= zip(joined, _sized(joined, shapes, batch, costs), strict=True)
            sized = [known[one] for one in operations]
        places = places_of(operations, shapes, outputs)
        tasks = one_after_the_other(sized)
        if shared:
            idle = {i for i, one in enumerate(operations) if in_place(one, shapes, places)}
            tasks = schedule(operations, sized, idle, costs)
        roots = roots_of(operations, sized, shapes, places, outputs)
        workspace = Workspace(places, roots, tasks, shapes, batch)

        self.key = (batch, shapes[Network.INPUT], cores)
        self.workspace_bytes = workspace.block.nbytes
        self._image = workspace.region(Network.INPUT).array()
        self._outputs = [workspace.region(name).array() for name in outputs]
        self.work = [
            _work(operations[task.index], task, sized[task.index], shapes, workspace)
            for task in tasks
        ]
        self._calls = [call for work in self.work for call in work.calls]
        self._two = TwoCores(tasks, [work.calls for work in self.work]) if shared else None

    def run(self, images: Array, *outputs: Array) -> None:
        """Compute images (batch, H, W, C) to outputs (batch, ...), in the network's order.

        ReLU would turn NaN into 0, so all outputs of a picture with a number that is not finite
        are set to NaN. After an interrupt or a MemoryError, the object must not be used again.
        """
        with np.errstate(all="ignore"):
            np.copyto(self._image, images)
            axes = tuple(range(1, self._image.ndim))
            finite = self._image.sum(axis=axes) * 0  # 0, or NaN if a number is not finite
            if self._two is None:
                make_calls(self._calls)
            else:
                self._two.run()
            for computed, output in zip(self._outputs, outputs, strict=True):
                np.add(computed, finite.reshape(-1, *[1] * (computed.ndim - 1)), out=output)


def _sized(
    operations: Sequence[Operation], shapes: Mapping[str, Shape], batch: int, costs: Costs
) -> list[SizedOperation]:
    return [one.sized(costs, batch, *(shapes[name] for name in one.inputs)) for one in operations]


def _work(
    operation: Operation,
    task: Task,
    whole: SizedOperation,
    shapes: Mapping[str, Shape],
    workspace: Workspace,
) -> Work:
    """What a task does, which is all of an operation, `whole`, or half of it."""
    read, written = (
        [workspace.region(name) for name in names]
        for names in (operation.inputs, operation.outputs)
    )
    calls = task.sized.calls(read, written, workspace.scratch[task.core])
    counted = operation.multiply_adds(*(shapes[name] for name in operation.inputs))
    share = 1 if task.sized is whole else 2
    return Work(operation.outputs, task.sized.kind, task.core, counted // share, calls)
