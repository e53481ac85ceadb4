"""A folded network bound to the size of pictures and to memory: a list of calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from npfacenet.inference.arena import arrange
from npfacenet.inference.placement import Place, Root, place
from npfacenet.inference.step import Call, Operation
from npfacenet.inference.view import View, contiguous
from npfacenet.layers import Array, Shape


class Part(NamedTuple):
    """The calls of one operation; `kind` is how it works, for one picture `multiply_adds`."""

    names: tuple[str, ...]
    kind: str
    multiply_adds: int
    calls: list[Call]


class Bound:
    """A plan for batches of one size; it owns its memory and serves one caller at a time."""

    def __init__(
        self, operations: Sequence[Operation], names: tuple[str, str], shape: Shape, batch: int
    ) -> None:
        self.batch = batch
        shapes = {names[0]: shape}
        steps = []
        for operation in operations:
            inputs = [shapes[name] for name in operation.inputs]
            steps.append(operation.step(batch, *inputs))
            shapes |= zip(operation.outputs, operation.output_shapes(*inputs), strict=True)
        places, roots = place(operations, steps, shapes, names[1])
        lifetimes = [root.lifetime(name, batch) for name, root in roots.items()]
        offsets, size = arrange(lifetimes)
        free = max((step.scratch for step in steps), default=0)
        memory = _allocate(size + free)
        scratch = contiguous(memory, size, (free,))
        origins = dict(zip(roots, offsets, strict=True))
        for root, lifetime, offset in zip(roots.values(), lifetimes, offsets, strict=True):
            if lifetime.shape is not None:
                memory[offset : offset + lifetime.size] = 0
                assert root

        def view(name: str) -> View:
            spot = places[name]
            return _view(memory, origins[spot.root], roots[spot.root], spot, shapes[name], batch)

        self.workspace = memory.nbytes
        self._image, self._output = view(names[0]).array(), view(names[1]).array()
        self.parts = []
        for operation, step in zip(operations, steps, strict=True):
            inputs = [shapes[name] for name in operation.inputs]
            views = [view(n) for n in operation.inputs], [view(n) for n in operation.outputs]
            calls = step.calls(*views, scratch)
            counted = operation.multiply_adds(*inputs)
            self.parts.append(Part(operation.outputs, step.kind, counted, calls))
        self._calls = [call for part in self.parts for call in part.calls]

    def run(self, images: Array, output: Array) -> None:
        """Images (batch, H, W, C) to output (batch, ...)."""
        np.copyto(self._image, images)
        for call in self._calls:
            call()
        np.copyto(output, self._output)


def _allocate(numbers: int) -> Array:
    """Memory that begins with a cache line."""
    spare = np.empty(numbers + 16, np.float32)
    skip = -spare.ctypes.data // spare.itemsize % 16
    return spare[skip : skip + numbers]


def _view(memory: Array, offset: int, root: Root, spot: Place, shape: Shape, batch: int) -> View:
    """Where a tensor lies in the memory."""
    whole = contiguous(memory, offset, (batch, *root.full_shape))
    origin = list(spot.origin)
    for axis in range(2 if len(shape) == 3 else 0):
        origin[axis] += root.border[axis][0]
    return whole.within(tuple(origin), shape)
