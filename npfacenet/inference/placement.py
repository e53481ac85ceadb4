"""Which tensors share an array, and the zeros around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from npfacenet.inference.arena import Lifetime
from npfacenet.inference.assemble import Assemble
from npfacenet.inference.operation import Operation, SizedOperation
from npfacenet.layers import Shape
from npfacenet.layers.window import Margins


@dataclass(frozen=True)
class Place:
    """The place of a tensor: in the array of the tensor `root`, beginning at `origin`."""

    root: str
    origin: tuple[int, ...]


@dataclass
class Root:
    """An array that holds one tensor, or several that are placed into it."""

    shape: Shape
    border: list[list[int]] = field(default_factory=lambda: [[0, 0], [0, 0]])
    first: int = -1
    last: int = -1
    gaps: bool = False  # zeros were assembled into it

    @property
    def full_shape(self) -> Shape:
        """Its shape with its border."""
        if len(self.shape) != 3:
            return self.shape
        (top, bottom), (left, right) = self.border
        height, width, channels = self.shape
        return (top + height + bottom, left + width + right, channels)

    def lifetime(self, name: str, batch: int) -> Lifetime:
        """Return its lifetime for `arrange`."""
        size = batch * prod(self.full_shape)
        zeros: Hashable = None
        if self.gaps:
            zeros = name
        elif any(map(any, self.border)):
            zeros = (self.shape, *map(tuple, self.border))
        return Lifetime(self.first, self.last, size, zeros)


def roots_of(
    operations: Sequence[Operation],
    sized: Sequence[SizedOperation],
    shapes: Mapping[str, Shape],
    places: Mapping[str, Place],
    outputs: Collection[str],
) -> dict[str, Root]:
    """Return all arrays, with borders and lifetimes; those of `outputs` live to the end."""
    roots: dict[str, Root] = {}
    for name, place in places.items():
        if place.root == name:
            roots[name] = Root(shapes[name])
    for index, (operation, one) in enumerate(zip(operations, sized, strict=True)):
        for name in operation.outputs:
            root = roots[places[name].root]
            root.first = index if root.first < 0 else root.first
            root.last = max(root.last, index)
        for name in operation.inputs:
            root = roots[places[name].root]
            root.last = max(root.last, index)
        for name, margins in zip(operation.inputs, one.borders, strict=False):
            _widen(roots[places[name].root], places[name], shapes[name], margins)
        if isinstance(operation, Assemble) and any(map(any, operation.margins or ())):
            roots[places[operation.outputs[0]].root].gaps = True
    for output in outputs:
        roots[places[output].root].last = len(operations)
    return roots


def in_place(
    operation: Operation, shapes: Mapping[str, Shape], places: Mapping[str, Place]
) -> bool:
    """Whether an operation has nothing to do: all that it assembles is in place already."""
    return isinstance(operation, Assemble) and all(
        places[name] == there for name, there in _parts(operation, shapes, places)
    )


def places_of(
    operations: Sequence[Operation], shapes: Mapping[str, Shape], outputs: Collection[str]
) -> dict[str, Place]:
    """Place each tensor: from the last operation to the first, each places its inputs."""
    readers = Counter([*outputs, *(name for one in operations for name in one.inputs)])
    maker = {name: operation for operation in operations for name in operation.outputs}
    places: dict[str, Place] = {}
    for operation in reversed(operations):
        for name in operation.outputs:
            places.setdefault(name, Place(name, (0,) * len(shapes[name])))
        if isinstance(operation, Assemble):
            for name, there in _parts(operation, shapes, places):
                if name in maker:
                    places.setdefault(name, there)
        elif operation.in_place is not None:
            name = operation.inputs[operation.in_place]
            # An assembled tensor may have zeros that must stay, where this operation would write.
            free = name in maker and not isinstance(maker[name], Assemble)
            if free and readers[name] == 1:
                places.setdefault(name, places[operation.outputs[0]])
    for name, shape in shapes.items():
        places.setdefault(name, Place(name, (0,) * len(shape)))
    return places


def _parts(
    operation: Assemble, shapes: Mapping[str, Shape], places: Mapping[str, Place]
) -> Iterator[tuple[str, Place]]:
    """Yield the inputs, and where each belongs."""
    whole = places[operation.outputs[0]]
    origins = operation.origins(*(shapes[name] for name in operation.inputs))
    for name, origin in zip(operation.inputs, origins, strict=True):
        there = tuple(a + b for a, b in zip(whole.origin, origin, strict=True))
        yield name, Place(whole.root, there)


def _widen(root: Root, place: Place, shape: Shape, margins: Margins) -> None:
    """Widen a root so that it has at least these margins of zeros around a tensor in it."""
    if len(shape) != 3:
        return
    for axis, (before, after) in enumerate(margins):
        border, origin = root.border[axis], place.origin[axis]
        border[0] = max(border[0], before - origin)
        border[1] = max(border[1], origin + shape[axis] + after - root.shape[axis])
