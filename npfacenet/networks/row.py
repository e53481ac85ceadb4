"""Parameters that lie one behind the other in one row of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from npfacenet.layers import Array, Shape
from npfacenet.networks.network import ParameterName


def split(row: Array, shapes: Mapping[ParameterName, Shape]) -> dict[ParameterName, Array]:
    """Views of a row (n,) in the shapes of the parameters, which have n numbers, in their order.

    >>> import numpy as np
    >>> views = split(np.arange(3.0), {("a", "bias"): (2,), ("b", "kernel"): (1, 1)})
    >>> views["b", "kernel"].tolist()
    [[2.0]]
    """
    views: dict[ParameterName, Array] = {}
    start = 0
    for name, shape in shapes.items():
        end = start + prod(shape)
        views[name] = row[start:end].reshape(shape)
        start = end
    return views
