"""Parameters laid out one after the other in a single vector."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.layers import Array, Shape
from npfacenet.networks.node import ParameterName

Vector: TypeAlias = npt.NDArray[np.float32]
"""Numbers (n,), float32."""


def split(vector: Array, shapes: Mapping[ParameterName, Shape]) -> dict[ParameterName, Array]:
    """Return views of a vector (n,) in the shapes of the parameters, n numbers in all, in order.

    >>> views = split(np.arange(3.0), {("a", "bias"): (2,), ("b", "kernel"): (1, 1)})
    >>> views["b", "kernel"].tolist()
    [[2.0]]
    """
    views: dict[ParameterName, Array] = {}
    start = 0
    for name, shape in shapes.items():
        end = start + prod(shape)
        views[name] = vector[start:end].reshape(shape)
        start = end
    return views
