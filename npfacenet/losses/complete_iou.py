"""How well boxes fit: their overlap, and a loss that also pulls boxes that do not touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import real_array
from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Float64, Loss, LossValue, Targets

FARTHEST, NARROWEST = 1e50, 1e-50
"""The largest edge, and the smallest side of a true box, with which all terms are finite."""
TINY = 1e-150
"""A diagonal of a box that counts as none, so that its square does not underflow."""


@dataclass(frozen=True)
class CompleteIoU(Loss):
    """The mean over rows of 1 - IoU + d^2 / c^2 + alpha v, for boxes and the true boxes.

    Zheng et al. 2020, "Distance-IoU Loss", equations 8 to 11. IoU is intersection over union; d
    is the distance between the centres, c the diagonal of the smallest box around both;
    v = 4 / pi^2 (arctan(w' / h') - arctan(w / h))^2 compares the shapes, and
    alpha = v / (1 - IoU + v). The paper holds alpha constant in its gradient and leaves out
    1 / (w^2 + h^2). Here the gradient is the exact derivative of the value, with both.

    A box is left, top, right, bottom in any unit, which does not change the value. A box without
    a width or height has no area and an IoU of 0, as has one whose right lies left of its left:
    its width counts as 0. Its value and gradient are finite. A true box has an area. Edges are at
    most 1e50, and the sides of true boxes at least 1e-50.

    >>> boxes = np.array([[0.0, 0, 2, 2], [0, 0, 2, 2]])
    >>> truth = np.array([[0.0, 0, 2, 2], [2, 0, 4, 2]])
    >>> loss = CompleteIoU().value_and_gradient(boxes, truth)
    >>> loss.value, loss.measures  # 0 for the first, 1 + 4 / 20 for the second
    (0.6, {'iou': 0.5})
    """

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of boxes and true boxes, each (N, 4), floating.

        Measures `iou`, the mean overlap. Pass the rows of positives only: there is no target that
        means "ignore". Raises ShapeError for another shape or dtype, or for no row; ArgumentError
        for numbers that are not finite or too large, and for a true box without an area.
        """
        boxes = self.accept(outputs, ("N", 4))
        truth = self.accept(targets, boxes.shape, role="targets")
        farthest = max(np.abs(boxes).max(), np.abs(truth).max())
        if farthest > FARTHEST:
            raise ArgumentError(f"{self} takes edges of at most {FARTHEST:g}, received {farthest}")
        empty = ~(truth[:, 2:] - truth[:, :2] >= NARROWEST).all(axis=1)
        if empty.any():
            raise ArgumentError(
                f"{self} takes true boxes with an area, not {truth[empty][0].tolist()}"
            )
        edges, true_edges = _edges(boxes), _edges(truth)
        overlap, to_overlap = _overlap(edges, true_edges)
        distance, to_distance = _distance(edges, true_edges)
        shape, to_shape = _shape_difference(edges, true_edges)
        wrong = 1 - overlap
        # alpha v is v^2 / (wrong + v), whose derivatives are alpha (2 - alpha) by v and
        # -alpha^2 by wrong.
        alpha = shape / np.where(shape > 0, wrong + shape, 1)
        value = (wrong + distance + alpha * shape).mean()
        by_overlap, by_shape = alpha**2 - 1, alpha * (2 - alpha)
        gradient = by_overlap * to_overlap + by_shape * to_shape + to_distance
        gradient = np.ascontiguousarray(gradient.T) / len(boxes)
        return self.result(outputs, value, gradient, iou=overlap.mean())


def intersection_over_union(boxes: Array, others: Array) -> Float64:
    """Return the overlap of each box with the other in the same row, (N, 4) each to (N,), 0 to 1.

    A box is left, top, right, bottom; without an area it overlaps nothing. Computes in float64.
    Raises ShapeError for other shapes and for anything else than real numbers, ArgumentError for
    edges that are not finite or above 1e50.

    >>> boxes = np.array([[0.0, 0, 2, 2], [0, 0, 2, 2]])
    >>> others = np.array([[1.0, 0, 3, 2], [2, 0, 4, 2]])
    >>> intersection_over_union(boxes, others)
    array([0.33333333, 0.        ])
    """
    one, other = (real_array(each, "boxes", ShapeError) for each in (boxes, others))
    if one.ndim != 2 or one.shape[1] != 4 or one.shape != other.shape:
        raise ShapeError(f"boxes are (N, 4) and (N, 4), not {one.shape} and {other.shape}")
    edges, others = _edges(one), _edges(other)
    if not all((np.abs(each) <= FARTHEST).all() for each in (edges, others)):
        raise ArgumentError(f"edges of boxes are finite, and at most {FARTHEST:g}")
    return _overlap(edges, others)[0]


def _edges(boxes: npt.NDArray[np.generic]) -> Float64:
    """Return left, top, right, bottom as rows (4, N), which is faster than columns."""
    return np.ascontiguousarray(boxes.T, np.float64)


def _overlap(boxes: Float64, truth: Float64) -> tuple[Float64, Float64]:
    """Return intersection over union (N,) and its derivative by the boxes' edges (4, N)."""
    starts, ends, true_starts, true_ends = boxes[:2], boxes[2:], truth[:2], truth[2:]
    inner = np.minimum(ends, true_ends) - np.maximum(starts, true_starts)
    inner = inner * (inner > 0).all(axis=0)
    sizes = np.maximum(ends - starts, 0)
    shared = inner.prod(axis=0)
    areas = sizes.prod(axis=0) + np.maximum(true_ends - true_starts, 0).prod(axis=0)
    union = np.where(areas > 0, areas - shared, 1)
    # An edge inside the true box moves the intersection's edge, which is as long as the
    # intersection's other side; every edge moves the box's own.
    across, other = inner[::-1], sizes[::-1] * (ends > starts)
    by_starts, by_ends = -across * _beyond(starts, true_starts), across * _beyond(true_ends, ends)
    shared_by, area_by = np.concatenate([by_starts, by_ends]), np.concatenate([-other, other])
    overlap = shared / union
    # Of I / (A + T - I): (I' - overlap (A' - I')) / union.
    return overlap, (shared_by - overlap * (area_by - shared_by)) / union


def _distance(boxes: Float64, truth: Float64) -> tuple[Float64, Float64]:
    """Return d^2 / c^2 (N,) and its derivative by the boxes' edges (4, N)."""
    starts, ends, true_starts, true_ends = boxes[:2], boxes[2:], truth[:2], truth[2:]
    apart = (starts + ends - true_starts - true_ends) / 2
    around = np.maximum(ends, true_ends) - np.minimum(starts, true_starts)
    diagonal = np.square(around).sum(axis=0)
    share = np.square(apart).sum(axis=0) / diagonal
    widens = 2 * share * around
    by_starts = apart + widens * _beyond(true_starts, starts)
    by_ends = apart - widens * _beyond(ends, true_ends)
    return share, np.concatenate([by_starts, by_ends]) / diagonal


def _shape_difference(boxes: Float64, truth: Float64) -> tuple[Float64, Float64]:
    """Return v (N,) and its derivative by the boxes' edges (4, N)."""
    lengths, wanted = boxes[2:] - boxes[:2], truth[2:] - truth[:2]
    sizes = np.maximum(lengths, 0)
    angle = np.arctan2(wanted[0], wanted[1]) - np.arctan2(sizes[0], sizes[1])
    diagonal = np.maximum(np.hypot(sizes[0], sizes[1]), TINY)
    # The angle arctan(w / h) changes by h / (w^2 + h^2) with w, and by -w / (w^2 + h^2) with h.
    turn = np.stack([sizes[1], -sizes[0]]) / diagonal / diagonal
    by_sizes = -8 / np.pi**2 * angle * turn * (lengths > 0)
    return 4 / np.pi**2 * angle**2, np.concatenate([-by_sizes, by_sizes])


def _beyond(edges: Float64, others: Float64) -> Float64:
    """Return 1 where an edge is greater than the other, and 1/2, between both slopes, on it."""
    return np.heaviside(edges - others, 0.5)
