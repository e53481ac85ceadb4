"""Squared distances between all rows of a batch, and their gradient."""

from __future__ import annotations

import numpy as np

from npfacenet.losses.loss import Float64


def squared_distances(x: Float64) -> Float64:
    """Return |x_i - x_j|^2 for all pairs of rows: (N, D) to (N, N).

    Computed from differences: |x|^2 + |y|^2 - 2xy would lose the digits by which mining sorts
    near points.

    >>> squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]))
    array([[ 0., 25.],
           [25.,  0.]])
    """
    with np.errstate(over="ignore"):  # beyond float64, points are infinitely far apart
        return np.array([np.square(x - row).sum(axis=1) for row in x])


def through_squared_distances(x: Float64, weights: Float64) -> Float64:
    """Return the derivative by x of the sum over i and j of weights_ij * |x_i - x_j|^2."""
    both = weights + weights.T
    gradient: Float64 = 2 * (both.sum(axis=1, keepdims=True) * x - both @ x)
    return gradient
