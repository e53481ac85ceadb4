"""One block of memory for all tensors and for scratch, and where each tensor lies in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from npfacenet.inference.arena import aligned, arrange
from npfacenet.inference.placement import Place, Root
from npfacenet.inference.region import Region, contiguous
from npfacenet.inference.schedule import Task, still_used
from npfacenet.layers import Shape


class Workspace:
    """The memory of one bound plan: `block`, and for each core its `scratch` in it."""

    def __init__(
        self,
        places: Mapping[str, Place],
        roots: Mapping[str, Root],
        tasks: Sequence[Task],
        shapes: Mapping[str, Shape],
        batch: int,
    ) -> None:
        self._places, self._roots, self._shapes, self._batch = places, roots, shapes, batch
        lifetimes = [root.lifetime(name, batch) for name, root in roots.items()]
        cores = 1 + max((task.core for task in tasks), default=0)
        if cores > 1:  # one core may be ahead of the other
            over = still_used(tasks, 1 + max(task.index for task in tasks))
            lifetimes = [
                one._replace(last=over[one.last]) if 0 <= one.last < len(over) else one
                for one in lifetimes
            ]
        offsets, size = arrange(lifetimes)
        needed = [0] * cores
        for task in tasks:
            needed[task.core] = max(needed[task.core], task.sized.scratch)
        self.block = aligned((size + sum(needed),))
        self.scratch = []
        for numbers in needed:
            self.scratch.append(contiguous(self.block, size, (numbers,)))
            size += numbers
        self._regions: dict[str, Region] = {}
        self._offsets = dict(zip(roots, offsets, strict=True))
        for lifetime, offset in zip(lifetimes, offsets, strict=True):
            if lifetime.zeros is not None:
                self.block[offset : offset + lifetime.size] = 0

    def region(self, name: str) -> Region:
        """Return where the tensor of this name lies."""
        if name not in self._regions:
            self._regions[name] = self._region(name)
        return self._regions[name]

    def extent(self, root: str) -> tuple[int, int]:
        """Return where in the block the array of a root begins and ends."""
        begin = self._offsets[root]
        return begin, begin + self._batch * prod(self._roots[root].full_shape)

    def _region(self, name: str) -> Region:
        place, shape = self._places[name], self._shapes[name]
        root = self._roots[place.root]
        whole = contiguous(self.block, self._offsets[place.root], (self._batch, *root.full_shape))
        origin = list(place.origin)
        for axis in range(2 if len(shape) == 3 else 0):
            origin[axis] += root.border[axis][0]
        return whole.within(tuple(origin), shape)
