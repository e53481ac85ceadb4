"""Shapes whose height and width may be open."""

from __future__ import annotations

from typing import TypeAlias

from npfacenet.arguments import is_shape
from npfacenet.errors import ShapeError
from npfacenet.layers import Shape

OpenShape: TypeAlias = tuple[int | None, ...]
"""A shape without the batch axis; None stands for a height or width that is open."""


def is_open_shape(value: object) -> bool:
    """Whether it is a shape, of which height and width may be None."""
    if not isinstance(value, tuple) or not value:
        return False
    if None not in value:
        return is_shape(value)
    return len(value) == 3 and is_shape(tuple(1 if a is None else a for a in value[:2]) + value[2:])


def fits(shape: Shape, expected: OpenShape) -> bool:
    """Whether a shape is the expected one, whatever it has for None.

    >>> fits((200, 120, 3), (None, None, 3)), fits((200, 120, 3), (96, 96, 3))
    (True, False)
    """
    return len(shape) == len(expected) and all(
        want is None or have == want for have, want in zip(shape, expected, strict=True)
    )


def shown(shape: OpenShape) -> str:
    """Return a shape as messages show it, after the batch axis.

    >>> shown((None, None, 3))
    'height, width, 3'
    """
    names = ("height", "width", "channels")
    return ", ".join(
        names[axis] if length is None else str(length) for axis, length in enumerate(shape)
    )


def fixed(name: str, shape: OpenShape) -> Shape:
    """Return the shape if no axis is open; raise ShapeError, naming its owner, otherwise."""
    lengths = tuple(axis for axis in shape if axis is not None)
    if len(lengths) < len(shape):
        raise ShapeError(
            f"{name} is for pictures of any size, so its shape ({shown(shape)}) is open: ask "
            "Network.shapes(...) for one size, or with_input_shape(...) for a network of it"
        )
    return lengths
