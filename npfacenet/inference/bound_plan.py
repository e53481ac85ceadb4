"""A folded network bound to the size of pictures and to memory: lists of calls.

Locks are those of `_thread`, on which `threading` builds: their own methods are calls like the
others.
"""

from __future__ import annotations

import _thread
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from npfacenet.inference import costs
from npfacenet.inference.arena import Lifetime, aligned, arrange
from npfacenet.inference.convolve import Convolve
from npfacenet.inference.operation import Call, Operation, SizedOperation
from npfacenet.inference.placement import Place, Root, in_place, places_of, roots_of
from npfacenet.inference.region import Region, contiguous
from npfacenet.inference.schedule import Task, schedule
from npfacenet.layers import Array, Shape
from npfacenet.threads.worker_threads import beside


class Work(NamedTuple):
    """The calls of one operation or half of it; `multiply_adds` are those of the readable layer."""

    names: tuple[str, ...]
    kind: str
    core: int
    multiply_adds: int
    calls: list[Call]


class BoundPlan:
    """A plan for batches of one size; it owns its memory and serves one caller at a time.

    `names` are those of the input and the output, `shapes` those of all tensors. With `cores` = 2
    two threads share the work if there is enough of it, which pays for few pictures. `key` is
    (batch, shape of a picture, cores), `workspace` the memory in bytes, and `work` what is done,
    in order.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        names: tuple[str, str],
        shapes: Mapping[str, Shape],
        batch: int,
        cores: int = 1,
    ) -> None:
        def step_of(operation: Operation) -> SizedOperation:
            return operation.sized(batch, *(shapes[name] for name in operation.inputs))

        steps = [step_of(operation) for operation in operations]
        shared = cores > 1 and sum(step.cost for step in steps) >= costs.WORTH_SHARING
        if shared:
            known = {id(one): step for one, step in zip(operations, steps, strict=True)}
            operations = [part for whole in operations for part in _apart(whole)]
            steps = [known.get(id(one)) or step_of(one) for one in operations]
        places = places_of(operations, shapes, names[1])
        if shared:
            idle = {i for i, one in enumerate(operations) if in_place(one, shapes, places)}
            tasks = schedule(operations, steps, idle)
        else:
            tasks = [Task(i, step, 0, i, 0.0, None) for i, step in enumerate(steps)]
        roots = roots_of(operations, steps, shapes, places, names[1])
        memory = _Memory(places, roots, tasks, shapes, batch)

        self.key, self.workspace = (batch, shapes[names[0]], cores), memory.block.nbytes
        self._image, self._output = memory.view(names[0]).array(), memory.view(names[1]).array()
        self.work = []
        for task in tasks:
            operation = operations[task.index]
            read, written = (
                [memory.view(name) for name in tensors]
                for tensors in (operation.inputs, operation.outputs)
            )
            calls = task.step.calls(read, written, memory.scratch[task.core])
            counted = operation.multiply_adds(*(shapes[name] for name in operation.inputs))
            share = 1 if task.step is steps[task.index] else 2
            work = Work(operation.outputs, task.step.kind, task.core, counted // share, calls)
            self.work.append(work)
        self._calls = [call for work in self.work for call in work.calls]
        self._shared = _synchronised(tasks, self.work) if shared else None

    def run(self, images: Array, output: Array) -> None:
        """Images (batch, H, W, C) to output (batch, ...).

        What is not finite in a picture would be lost where ReLU makes 0 of it: its outputs are
        NaN. If it is interrupted, or memory ends, the object is of no more use.
        """
        with np.errstate(all="ignore"):
            np.copyto(self._image, images)
            axes = tuple(range(1, self._image.ndim))
            finite = self._image.sum(axis=axes) * 0  # 0, or NaN if a number is not finite
            if self._shared is None:
                _call(self._calls)
            else:
                _call_both(*self._shared, self._calls)
            np.add(self._output, finite.reshape(-1, *[1] * (self._output.ndim - 1)), out=output)


class _Memory:
    """One block for all tensors and for scratch, and where each tensor lies in it."""

    def __init__(
        self,
        places: dict[str, Place],
        roots: dict[str, Root],
        tasks: Sequence[Task],
        shapes: Mapping[str, Shape],
        batch: int,
    ) -> None:
        self._places, self._roots, self._shapes, self._batch = places, roots, shapes, batch
        lifetimes = [root.lifetime(name, batch) for name, root in self._roots.items()]
        cores = 1 + max((task.core for task in tasks), default=0)
        if cores > 1:  # one core may be ahead of the other: nothing is reused
            lifetimes = [Lifetime(-1, len(tasks), one.size, one.zeros) for one in lifetimes]
        offsets, size = arrange(lifetimes)
        needed = [0] * cores
        for task in tasks:
            needed[task.core] = max(needed[task.core], task.step.scratch)
        self.block = aligned((size + sum(needed),))
        self.scratch = []
        for numbers in needed:
            self.scratch.append(contiguous(self.block, size, (numbers,)))
            size += numbers
        self._views: dict[str, Region] = {}
        self._offsets = dict(zip(self._roots, offsets, strict=True))
        for lifetime, offset in zip(lifetimes, offsets, strict=True):
            if lifetime.zeros is not None:
                self.block[offset : offset + lifetime.size] = 0

    def view(self, name: str) -> Region:
        """Where the tensor of this name lies."""
        if name not in self._views:
            self._views[name] = self._view(name)
        return self._views[name]

    def _view(self, name: str) -> Region:
        spot, shape = self._places[name], self._shapes[name]
        root = self._roots[spot.root]
        whole = contiguous(self.block, self._offsets[spot.root], (self._batch, *root.full_shape))
        origin = list(spot.origin)
        for axis in range(2 if len(shape) == 3 else 0):
            origin[axis] += root.border[axis][0]
        return whole.within(tuple(origin), shape)


def _apart(operation: Operation) -> Sequence[Operation]:
    """Convolutions that share a product, each on its own: cores can share them otherwise."""
    if isinstance(operation, Convolve) and len(operation.members) > 1:
        return operation.apart()
    return [operation]


def _synchronised(tasks: Sequence[Task], work: Sequence[Work]) -> tuple[list[Call], list[Call]]:
    """The calls of both cores; it takes a lock where it waits, which the other core gives free."""
    signals: dict[int, list[Call]] = {}
    calls: tuple[list[Call], list[Call]] = [], []
    waits = {}
    for task in tasks:
        if task.after is not None:
            lock = _thread.allocate_lock()
            lock.acquire()
            waits[id(task)] = lock.acquire
            signals.setdefault(id(task.after), []).append(lock.release)
    for task, one in zip(tasks, work, strict=True):
        if id(task) in waits:
            calls[task.core].append(waits[id(task)])
        calls[task.core].extend([*one.calls, *signals.get(id(task), [])])
    return calls


def _call(calls: Sequence[Call]) -> None:
    for call in calls:
        call()


def _call_both(own: Sequence[Call], others: Sequence[Call], alone: Sequence[Call]) -> None:
    """The calls of two cores; this thread makes the first core's. Raises the first error.

    Where the system has no thread for the second core, this one makes all of them, `alone`.
    """
    errors: list[BaseException] = []

    def call_others() -> None:
        try:
            with np.errstate(all="ignore"):  # each thread has its own
                _call(others)
        except BaseException as error:  # noqa: BLE001  (raised below, by the caller's thread)
            errors.append(error)
            _let_go(own)

    try:
        with beside([call_others]) as helping:
            _call(own if helping else alone)
    except BaseException:
        # The other is not waited for: it may not have begun, and what it does concerns nobody.
        _let_go(others)
        if not errors:
            raise
    if errors:
        raise errors[0]


def _let_go(calls: Sequence[Call]) -> None:
    """End all waiting of a core whose signals will not come any more."""
    for call in calls:
        lock = getattr(call, "__self__", None)
        if isinstance(lock, _thread.LockType) and call == lock.acquire and lock.locked():
            lock.release()
