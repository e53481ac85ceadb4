"""Sharing the operations for a few pictures between two cores: who does what, who waits for whom.

A list schedule (Graham 1969, "Bounds on Multiprocessing Timing Anomalies") by the estimated cost
of each operation: it runs on the core where it can begin first, or half on each where that ends
earlier. Waiting for the other core costs as much as a small operation, so there is little of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from npfacenet.inference.costs import Costs
from npfacenet.inference.operation import Operation, SizedOperation


@dataclass(frozen=True, eq=False)
class Task:
    """An operation or half of one, the `order`-th of its core; it waits for `after` of the other.

    `index` is that of the operation, `end` the estimated time of its end.
    """

    index: int
    sized: SizedOperation
    core: int
    order: int
    end: float
    after: Task | None


def one_after_the_other(sized: Sequence[SizedOperation]) -> list[Task]:
    """Return the tasks of a single core."""
    return [Task(i, one, 0, i, 0.0, None) for i, one in enumerate(sized)]


def schedule(
    operations: Sequence[Operation],
    sized: Sequence[SizedOperation],
    idle: Collection[int],
    costs: Costs,
) -> list[Task]:
    """Return the tasks of cores 0 and 1, in an order in which each finds its inputs computed.

    Operations of the indices in `idle` have nothing to do.
    """
    halves = _Halves()
    tried = []
    for worth_halving in costs.worth_halving:
        one = _Schedule(halves, costs.wait, worth_halving)
        one.fill(operations, sized, idle)
        tried.append(one)
    return min(tried, key=lambda one: max(one.free)).tasks


def still_used(tasks: Sequence[Task], count: int) -> list[int]:
    """For each of `count` operations: the last one that a core may begin before it is over on both.

    Operations after that one may use the memory of tensors that are not read any more.
    """
    known, seen = [-1, -1], []  # tasks of the other core that are done when a task begins
    for task in tasks:
        if task.after is not None:
            known[task.core] = task.after.order
        seen.append((task, known[task.core]))
    begun, last = [-1, -1], []  # the last task of each core up to an operation
    for index in range(count):
        for task in tasks:
            if task.index == index:
                begun[task.core] = task.order
        beside = (task.index for task, order in seen if order < begun[1 - task.core])
        last.append(max([index, *beside]))
    return last


class _Halves(dict[SizedOperation, list[tuple[SizedOperation, SizedOperation]]]):
    """The ways to halve an operation, computed once."""

    def __missing__(self, sized: SizedOperation) -> list[tuple[SizedOperation, SizedOperation]]:
        self[sized] = sized.halves()
        return self[sized]


class _Schedule:
    """The tasks so far, and when each core is free."""

    def __init__(self, halves: _Halves, wait: float, worth_halving: float) -> None:
        self.tasks: list[Task] = []
        self.free = [0.0, 0.0]
        self._count = [0, 0]  # tasks of each core
        self._known = [-1, -1]  # for each core: the task of the other that it has waited for
        self._halves, self._wait, self._worth_halving = halves, wait, worth_halving

    def fill(
        self,
        operations: Sequence[Operation],
        sized: Sequence[SizedOperation],
        idle: Collection[int],
    ) -> None:
        """Assign all operations, in order."""
        makers: dict[str, list[Task]] = {}
        for index, (operation, one) in enumerate(zip(operations, sized, strict=True)):
            needed = [task for name in operation.inputs for task in makers.get(name, [])]
            made = self._assign(index, one, needed) if index not in idle else needed
            makers |= dict.fromkeys(operation.outputs, made)

    def _assign(self, index: int, sized: SizedOperation, needed: list[Task]) -> list[Task]:
        starts = [self._start(needed, core) for core in (0, 1)]
        core = starts.index(min(starts))
        ways = self._halves[sized] if sized.cost >= self._worth_halving else []
        ends = [max(s + half.cost for s, half in zip(starts, way, strict=True)) for way in ways]
        if ends and min(ends) + self._wait < starts[core] + sized.cost:
            halves = ways[ends.index(min(ends))]
            return [self._add(index, halves[i], i, starts[i], needed) for i in (0, 1)]
        return [self._add(index, sized, core, starts[core], needed)]

    def _start(self, needed: Sequence[Task], core: int) -> float:
        ready = [task.end + (self._wait if task.core != core else 0) for task in needed]
        return max(self.free[core], *ready, 0.0)

    def _add(
        self, index: int, sized: SizedOperation, core: int, start: float, needed: list[Task]
    ) -> Task:
        others = [t for t in needed if t.core != core and t.order > self._known[core]]
        after = max(others, key=lambda task: task.order, default=None)
        if after is not None:
            self._known[core] = after.order
        task = Task(index, sized, core, self._count[core], start + sized.cost, after)
        self._count[core] += 1
        self.free[core] = task.end
        self.tasks.append(task)
        return task
