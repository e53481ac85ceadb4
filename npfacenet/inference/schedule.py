"""Sharing the steps for a few pictures between two cores: who does what, and who waits for whom.

A list schedule (Graham 1969, "Bounds on Multiprocessing Timing Anomalies") by the estimated cost
of each step: a step runs on the core where it can begin first, or half on each where that ends
earlier. Waiting for the other core costs as much as a small step, so there is little of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from npfacenet.inference import costs
from npfacenet.inference.operation import Operation, SizedOperation


@dataclass(frozen=True, eq=False)
class Task:
    """A step or half of one, the `order`-th of its core, once `after` of the other is done."""

    index: int
    step: SizedOperation
    core: int
    order: int
    end: float
    after: Task | None


def schedule(
    operations: Sequence[Operation], steps: Sequence[SizedOperation], idle: Collection[int]
) -> list[Task]:
    """The tasks of cores 0 and 1, in an order in which each finds its inputs computed.

    Operations of the indices in `idle` have nothing to do.
    """
    halves = _Halves()
    tried = [_Schedule(operations, steps, idle, halves, worth) for worth in costs.WORTH_HALVING]
    return min(tried, key=lambda one: max(one.free)).tasks


class _Halves(dict[SizedOperation, list[tuple[SizedOperation, SizedOperation]]]):
    """The ways to halve a step, worked out once."""

    def __missing__(self, step: SizedOperation) -> list[tuple[SizedOperation, SizedOperation]]:
        self[step] = step.halves()
        return self[step]


class _Schedule:
    """The tasks so far, and when each core is free."""

    def __init__(
        self,
        operations: Sequence[Operation],
        steps: Sequence[SizedOperation],
        idle: Collection[int],
        halves: _Halves,
        worth_halving: float,
    ) -> None:
        self.tasks: list[Task] = []
        self.free = [0.0, 0.0]
        self._count = [0, 0]  # tasks of each core
        self._known = [-1, -1]  # for each core: the task of the other that it has waited for
        self._halves, self._worth_halving = halves, worth_halving
        makers: dict[str, list[Task]] = {}
        for index, (operation, step) in enumerate(zip(operations, steps, strict=True)):
            needed = [task for name in operation.inputs for task in makers.get(name, [])]
            made = self._assign(index, step, needed) if index not in idle else needed
            makers |= dict.fromkeys(operation.outputs, made)

    def _assign(self, index: int, step: SizedOperation, needed: list[Task]) -> list[Task]:
        starts = [self._start(needed, core) for core in (0, 1)]
        core = starts.index(min(starts))
        ways = self._halves[step] if step.cost >= self._worth_halving else []
        ends = [max(s + half.cost for s, half in zip(starts, way, strict=True)) for way in ways]
        if ends and min(ends) + costs.WAIT < starts[core] + step.cost:
            halves = ways[ends.index(min(ends))]
            return [self._add(index, halves[i], i, starts[i], needed) for i in (0, 1)]
        return [self._add(index, step, core, starts[core], needed)]

    def _start(self, needed: Sequence[Task], core: int) -> float:
        ready = [task.end + (costs.WAIT if task.core != core else 0) for task in needed]
        return max(self.free[core], *ready, 0.0)

    def _add(
        self, index: int, step: SizedOperation, core: int, start: float, needed: list[Task]
    ) -> Task:
        others = [t for t in needed if t.core != core and t.order > self._known[core]]
        after = max(others, key=lambda task: task.order, default=None)
        if after is not None:
            self._known[core] = after.order
        task = Task(index, step, core, self._count[core], start + step.cost, after)
        self._count[core] += 1
        self.free[core] = task.end
        self.tasks.append(task)
        return task
