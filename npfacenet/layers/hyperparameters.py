"""Hyperparameters as JSON values: numbers, strings, booleans, None and lists of these."""

from __future__ import annotations

import types
import typing
from typing import Literal, TypeAlias, Union, get_args, get_origin

import numpy as np

from npfacenet.arguments import is_finite, is_whole

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | None"
DEEPEST = 8
"""Lists within lists; those of a malformed file could exhaust the stack."""


def to_json(value: object) -> JSONValue:
    """Return a hyperparameter as a JSON value: tuples become lists, NumPy's numbers Python's.

    Raises TypeError for anything that JSON cannot hold, NaN and infinity included.

    >>> to_json(((1, 0), (np.int64(2), 3))), to_json("same"), to_json(None)
    ([[1, 0], [2, 3]], 'same', None)
    """
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if is_whole(value):
        return int(value)
    if is_finite(value):
        return float(value)
    raise TypeError(f"JSON cannot hold a value of type {type(value).__name__}")


def from_json(value: object, depth: int = DEEPEST) -> object:
    """Return the value with tuples for its lists, down to `depth` lists within each other.

    >>> from_json([[1, 0], [2, 3]]), from_json("same")
    (((1, 0), (2, 3)), 'same')
    """
    if depth and isinstance(value, (list, tuple)):
        return tuple(from_json(item, depth - 1) for item in value)
    return value


def is_of_type(value: object, annotation: object) -> bool:
    """Return whether a value is of an annotated type.

    Whole numbers pass for `float`, as they do for type checkers, but booleans are not numbers.
    An annotation of a kind that hyperparameters do not have accepts every value.

    >>> is_of_type((1, 2), int | tuple[int, int]), is_of_type("full", Literal["valid", "same"])
    (True, False)
    >>> is_of_type(1, float), is_of_type(True, int), is_of_type((1, 2), tuple[int, ...])
    (True, False, True)
    """
    origin, options = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(is_of_type(value, option) for option in options)
    if origin is Literal:
        return any(type(value) is type(option) and value == option for option in options)
    if origin is tuple:
        return isinstance(value, tuple) and _are_of_types(value, options)
    if annotation is int:
        return is_whole(value)
    if annotation is float:
        return is_finite(value)
    if annotation is None or annotation is types.NoneType:
        return value is None
    return isinstance(value, annotation) if annotation in (bool, str) else True


def _are_of_types(values: tuple[object, ...], annotations: tuple[object, ...]) -> bool:
    if len(annotations) == 2 and annotations[1] is Ellipsis:
        return all(is_of_type(value, annotations[0]) for value in values)
    return len(values) == len(annotations) and all(map(is_of_type, values, annotations))


def annotations_of(layer: type) -> dict[str, object]:
    """Return the annotations of a class, those of its bases included, by name.

    Empty if one names something that its module does not define at run time.
    """
    try:
        return typing.get_type_hints(layer)
    except (NameError, TypeError):
        return {}
