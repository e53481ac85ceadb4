"""Bound plans that are in use, and those that wait for the next call, bounded in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from npfacenet.inference.bound_plan import BoundPlan
from npfacenet.inference.costs import Costs
from npfacenet.layers import Shape
from npfacenet.threads import OfProcess

Key: TypeAlias = tuple[int, Shape, int]


class KeptPlans:
    """The bound plans of one plan; each call borrows one, and gives it back for the next call.

    Those that wait have at most `costs.kept_bytes` of memory in all. Those for one size of
    pictures have at most `costs.kept_largest` times that of the largest of them, or as many times
    as plans have been in use at once: many sizes of batches do not add up. The oldest go first,
    and the last one always stays.
    """

    def __init__(self, costs: Costs) -> None:
        # Without a lock, which a forked child could find locked: each change is one of a deque or a
        # dict. What threads of a parent were writing to is in use there, and never free here.
        self._costs = costs
        self._free: deque[BoundPlan] = deque()
        self._in_use: OfProcess[dict[int, BoundPlan]] = OfProcess(dict)
        self._most_at_once = 0

    @property
    def workspace_bytes(self) -> int:
        """Bytes of memory for tensors, of the calls under way and kept for the next ones."""
        plans = [*self._in_use.get().copy().values(), *self._free.copy()]
        return sum(one.workspace_bytes for one in plans)

    @contextmanager
    def borrowed(self, key: Key, bind: Callable[[], BoundPlan]) -> Iterator[BoundPlan]:
        """Borrow a plan that is free or new; it is kept afterwards, unless there was an error."""
        bound = self._take(key) or bind()
        in_use = self._in_use.get()
        whole = False
        try:
            in_use[id(bound)] = bound
            self._most_at_once = max(self._most_at_once, len(in_use))
            yield bound
            whole = True
        finally:
            in_use.pop(id(bound), None)  # an interrupt may come before it is there
            if whole:
                self._free.append(bound)
                self._let_oldest_go(key[1])

    def _take(self, key: Key) -> BoundPlan | None:
        for bound in self._free.copy():
            if bound.key == key:
                with suppress(ValueError):  # another thread was faster
                    self._free.remove(bound)
                    return bound
        return None

    def _let_oldest_go(self, shape: Shape) -> None:
        """Keep within both bounds, after a plan for pictures of this shape came back."""
        plans = [bound for bound in self._free.copy() if bound.key[1] == shape]
        sizes = [bound.workspace_bytes for bound in plans]
        times = max(self._costs.kept_largest, self._most_at_once)
        while sizes and sum(sizes) > times * max(sizes):
            with suppress(ValueError):  # another thread was faster
                self._free.remove(plans.pop(0))
            del sizes[0]
        sizes = [bound.workspace_bytes for bound in self._free.copy()]
        while len(sizes) > 1 and sum(sizes) > self._costs.kept_bytes:
            with suppress(IndexError):
                self._free.popleft()
            del sizes[0]
