"""Converting results to JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TypeAlias

import numpy as np

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"


class JsonReady:
    """The base of results that can be converted to JSON."""

    def as_json(self) -> dict[str, JSON]:
        """Return all fields, for `json.dumps`; NaN and infinity, which JSON lacks, become None."""
        return fields_as_json(self)


def fields_as_json(result: object) -> dict[str, JSON]:
    """Return the fields of a dataclass by name, each converted by `as_json`."""
    if not is_dataclass(result):
        raise TypeError(f"{type(result).__name__} is not a dataclass")
    return {field.name: as_json(getattr(result, field.name)) for field in fields(result)}


def as_json(value: object) -> JSON:
    """Convert a value and everything in it to JSON values; unknown types become text.

    >>> as_json({"rate": np.float32(0.5), "folds": (np.int64(3), float("nan"))})
    {'rate': 0.5, 'folds': [3, None]}
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return as_json(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if callable(convert := getattr(value, "as_json", None)) and not isinstance(value, type):
        return as_json(convert())
    if is_dataclass(value) and not isinstance(value, type):
        return fields_as_json(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [as_json(entry) for entry in value]
    return str(value)
