"""Geometry of boxes: left, top, right, bottom in pixels, (N, 4).

Coordinates are those of edges: a box around the whole picture is (0, 0, width, height).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Boxes: TypeAlias = npt.NDArray[np.floating]
Scores: TypeAlias = npt.NDArray[np.floating]
Points: TypeAlias = npt.NDArray[np.floating]
Shared: TypeAlias = Literal["union", "smaller"]

TOGETHER = 64
"""Boxes that are compared with all others at once."""


def sides(boxes: Boxes) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Return widths and heights, (N,) each."""
    return boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]


def overlaps(
    box: Boxes, boxes: Boxes, *, of: Shared = "union", pixel: float = 0
) -> npt.NDArray[np.floating]:
    """Return the overlap of boxes, 0 to 1: (..., 4) and (N, 4) to (..., N).

    The shared area is divided by that of the union (intersection over union), or by that of the
    smaller box, so that a box inside another has 1. With `pixel` 1 the last row and column belong
    to a box, as some detectors count.

    >>> overlaps(np.array([0.0, 0, 2, 2]), np.array([[1.0, 0, 3, 2], [0, 0, 1, 1], [2, 2, 3, 3]]))
    array([0.33333333, 0.25      , 0.        ])
    """
    left, top, right, bottom = np.moveaxis(box[..., np.newaxis, :], -1, 0)
    lefts, tops, rights, bottoms = boxes.T
    width = np.minimum(right, rights) - np.maximum(left, lefts) + pixel
    height = np.minimum(bottom, bottoms) - np.maximum(top, tops) + pixel
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = (right - left + pixel) * (bottom - top + pixel)
    areas = (rights - lefts + pixel) * (bottoms - tops + pixel)
    whole = np.minimum(area, areas) if of == "smaller" else area + areas - shared
    parts: npt.NDArray[np.floating] = shared / np.maximum(whole, np.finfo(boxes.dtype).tiny)
    return parts


def suppress(
    boxes: Boxes, scores: Scores, most_shared: float, *, of: Shared = "union", pixel: float = 0
) -> npt.NDArray[np.intp]:
    """Return the rows of the boxes to keep, best score first, where several overlap.

    Non-maximum suppression: keep the box with the best score, drop those that overlap it by more
    than `most_shared` (`overlaps`), and go on with the best that is left.

    >>> boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> suppress(boxes, np.array([0.8, 0.9, 0.7]), 0.5)
    array([1, 2])
    """
    order = np.argsort(-scores, kind="stable")
    ranked = boxes[order]
    kept: list[int] = []
    dropped = np.zeros(len(order), bool)
    for start in range(0, len(order), TOGETHER):  # all pairs of a few at a time, which is faster
        few = start + np.flatnonzero(~dropped[start : start + TOGETHER])
        alike = overlaps(ranked[few], ranked, of=of, pixel=pixel) > most_shared
        for row, drops in zip(few.tolist(), alike, strict=True):
            if not dropped[row]:
                kept.append(row)
                dropped |= drops
    return order[kept]


def squares(boxes: Boxes) -> Boxes:
    """Return squares with the same centres and with the longer side of each box.

    >>> squares(np.array([[0.0, 0, 4, 2]]))
    array([[ 0., -1.,  4.,  3.]])
    """
    width, height = sides(boxes)
    side = np.maximum(width, height)
    left, top = boxes[:, 0] + width / 2 - side / 2, boxes[:, 1] + height / 2 - side / 2
    return np.stack([left, top, left + side, top + side], axis=1)


def moved(boxes: Boxes, shares: Boxes, *, pixel: float = 0) -> Boxes:
    """Move each edge by a fraction of the box's width or height, (N, 4) in the order of edges.

    With `pixel` 1 the last row and column belong to a box.

    >>> moved(np.array([[0.0, 0, 10, 20]]), np.array([[0.1, 0, -0.1, 0.5]]))
    array([[ 1.,  0.,  9., 30.]])
    """
    width, height = sides(boxes)
    lengths = np.stack([width, height, width, height], axis=1) + pixel
    return boxes + (shares * lengths).astype(boxes.dtype)
