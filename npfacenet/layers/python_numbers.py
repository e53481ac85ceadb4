"""Layers whose hyperparameters are NumPy's numbers."""

from __future__ import annotations

from dataclasses import fields, replace
from operator import is_
from typing import TypeVar

import numpy as np

from npfacenet.layers.layer import Layer

LayerT = TypeVar("LayerT", bound=Layer)


def with_python_numbers(layer: LayerT) -> LayerT:
    """The layer with Python's numbers for NumPy's; the layer itself if it has none of them.

    Sums of narrow whole numbers would wrap around, and no file holds them.
    """
    values = {each.name: getattr(layer, each.name) for each in fields(layer) if each.init}
    plain = {name: _python(value) for name, value in values.items()}
    changed = {name: plain[name] for name, value in values.items() if plain[name] is not value}
    return replace(layer, **changed) if changed else layer


def _python(value: object) -> object:
    if isinstance(value, tuple):
        items = tuple(map(_python, value))
        return value if all(map(is_, items, value)) else items
    return value.item() if isinstance(value, (np.integer, np.floating, np.bool_)) else value
