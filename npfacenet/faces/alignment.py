"""Cutting a face out of its picture: by its five landmarks, or by its box.

Least squares fit of a similarity: Umeyama 1991, "Least-squares estimation of transformation
parameters between two point patterns", for two dimensions.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real, real_array
from npfacenet.errors import ArgumentError, ImageError, quoted
from npfacenet.faces.faces import FARTHEST
from npfacenet.images.affine import resampled
from npfacenet.images.argument import require_size
from npfacenet.images.array import picture as checked
from npfacenet.recipes.alignment import Alignment, Margin, Template

LARGEST_ROOM = 3.0
DEGENERATE = 1e-6
"""Ratio of lengths below which points count as one, or as a line."""
NEAREST = 1e-9
"""Pixels between points below which nothing is fitted."""

Matrix: TypeAlias = npt.NDArray[np.float64]
Points: TypeAlias = npt.NDArray[np.generic]


def similarity(points: Points, template: Points) -> Matrix:
    """Fit the similarity that maps `points` (N, 2) to `template` (N, 2), N of at least 2.

    Of all maps that move, turn and scale, but do not mirror, it leaves the least sum of squared
    distances. Returns float64 (2, 3), whose last column is the shift. Raises ImageError if the
    points determine none, ArgumentError for arrays of other shapes.

    >>> similarity(np.array([[0, 0], [2, 0]]), np.array([[5, 5], [5, 9]])).round(9).tolist()
    [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    given, wanted = _pair(points, template, least=2)
    centre, target = given.mean(axis=0), wanted.mean(axis=0)
    # As complex numbers, turning and scaling is one product.
    z, w = ((p - m) @ (1, 1j) for p, m in ((given, centre), (wanted, target)))
    spread, wide = float(np.linalg.norm(z)), float(np.linalg.norm(w))
    if spread <= max(DEGENERATE * float(np.abs(given).max()), NEAREST):
        raise ImageError("the landmarks are degenerate: all lie at one point")
    z /= spread
    factor = complex(np.vdot(z, w))
    if abs(factor) <= DEGENERATE * wide:
        raise ImageError("the landmarks are degenerate: no turn brings them near the template")
    factor /= spread
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([linear, target - linear @ centre])


def affine(points: Points, template: Points) -> Matrix:
    """Fit the affine map of `points` (N, 2) to `template` (N, 2), N of at least 3.

    It leaves the least sum of squared distances. Returns float64 (2, 3), whose last column is the
    shift. Raises ImageError if the points lie on one line, ArgumentError for arrays of other
    shapes.

    >>> corners = np.array([[0, 0], [1, 0], [0, 1]])
    >>> affine(corners, np.array([[3, 4], [5, 5], [4, 6]])).round(9).tolist()
    [[2.0, 1.0, 3.0], [1.0, 2.0, 4.0]]
    """
    given, wanted = _pair(points, template, least=3)
    centre, target = given.mean(axis=0), wanted.mean(axis=0)
    u, lengths, v = np.linalg.svd(given - centre, full_matrices=False)
    if lengths[0] <= max(DEGENERATE * float(np.abs(given).max()), NEAREST):
        raise ImageError("the landmarks are degenerate: all lie at one point")
    if lengths[1] <= DEGENERATE * lengths[0]:
        raise ImageError("the landmarks are degenerate: all lie on one line")
    linear = (wanted - target).T @ (u / lengths) @ v
    return np.column_stack([linear, target - linear @ centre])


def aligned(
    picture: npt.NDArray[np.uint8],
    box: npt.NDArray[np.generic],
    landmarks: npt.NDArray[np.generic],
    alignment: Alignment,
    size: int,
    room: float = 1.0,
) -> npt.NDArray[np.uint8]:
    """Cut a face out of uint8 (H, W, 3) as an alignment says: a new array (size, size, 3).

    `box` (4,) and `landmarks` (5, 2) are one face's of `Faces`. A `Template` takes the landmarks to
    their places in the crop. A `Margin` widens the box to side / (1 - fraction), cuts it to the
    picture and to whole pixels as facenet-pytorch's `extract_face` does, and stretches it to a
    square. With `room`, from 1 to 3, the crop shows that many times as much in each direction,
    about the same centre. Outside of the picture its edge pixels are repeated.

    Raises ImageError if this is not a picture or no crop follows from the face (landmarks that are
    degenerate, a box outside of the picture), ArgumentError for other values.
    """
    pixels = checked(picture)
    require_size(size)
    if not is_real(room, 1, LARGEST_ROOM):
        raise ArgumentError(f"room must be 1 to {LARGEST_ROOM:.0f}, not {quoted(room)}")
    if isinstance(alignment, Margin):
        matrix = _matrix_of_margin(pixels, _numbers(box, "box", (4,)), alignment, size, room)
        return resampled(pixels, matrix, size, "triangle")
    points = _numbers(landmarks, "landmarks", (5, 2))
    matrix = crop_to_picture(points, alignment, size, room)
    try:
        return resampled(pixels, matrix, size)
    except ArgumentError as error:
        raise ImageError(f"the landmarks are degenerate: {error}") from error


def crop_to_picture(points: Matrix, template: Template, size: int, room: float = 1.0) -> Matrix:
    """Return the map (2, 3) from points of the crop to those of the picture that they show.

    `points` (5, 2) are the landmarks; `room` is that of `aligned`. Raises ImageError if the
    landmarks are degenerate.
    """
    places = size * ((np.array(template.points) - 0.5) / room + 0.5)
    fit = similarity if template.fit == "similarity" else affine
    matrix = fit(points, places)
    linear, shift = matrix[:, :2], matrix[:, 2]
    largest, smallest = np.linalg.svd(linear, compute_uv=False).tolist()
    if smallest <= DEGENERATE * largest:
        raise ImageError("the landmarks are degenerate: they fit the template only as a line")
    inverse = np.linalg.inv(linear)
    return np.column_stack([inverse, -inverse @ shift])


def window_of_margin(
    box: Matrix, margin: Margin, width: int, height: int
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the whole pixels that facenet-pytorch cuts out.

    Raises ImageError if there are none, ArgumentError for a fraction that no margin has.

    >>> window_of_margin(np.array([20.5, 30, 100.5, 110]), Margin(0.2), 105, 200)
    (10, 20, 105, 120)
    """
    if not 0 <= margin.fraction < 1:
        raise ArgumentError(f"a margin's fraction is from 0 to below 1, not {margin.fraction}")
    left, top, right, bottom = box.tolist()
    share = margin.fraction / (1 - margin.fraction) / 2
    more_x, more_y = share * (right - left), share * (bottom - top)
    window = (
        math.trunc(max(left - more_x, 0)),
        math.trunc(max(top - more_y, 0)),
        math.trunc(min(right + more_x, width)),
        math.trunc(min(bottom + more_y, height)),
    )
    if not (window[0] < window[2] and window[1] < window[3]):
        edges = ", ".join(f"{edge:.1f}" for edge in (left, top, right, bottom))
        raise ImageError(
            f"the face's box ({edges}) holds no pixel of the picture, which is {width} x {height}"
        )
    return window


def _matrix_of_margin(
    pixels: npt.NDArray[np.uint8], box: Matrix, margin: Margin, size: int, room: float
) -> Matrix:
    height, width, _ = pixels.shape
    left, top, right, bottom = window_of_margin(box, margin, width, height)
    across, down = room * (right - left), room * (bottom - top)
    return np.array(
        [
            [across / size, 0, (left + right - across) / 2],
            [0, down / size, (top + bottom - down) / 2],
        ]
    )


def _pair(points: Points, template: Points, least: int) -> tuple[Matrix, Matrix]:
    given, wanted = (
        np.asarray(real_array(array, name, ArgumentError), np.float64)
        for array, name in ((points, "points"), (template, "template"))
    )
    if given.shape != wanted.shape or given.shape != (len(given), 2) or len(given) < least:
        raise ArgumentError(
            f"points and template have the same shape (N, 2), N of at least {least}, not "
            f"{given.shape} and {wanted.shape}"
        )
    if not ((np.abs(given) <= FARTHEST).all() and (np.abs(wanted) <= FARTHEST).all()):
        raise ImageError("the landmarks are degenerate: they are not finite, or far from anything")
    return given, wanted


def _numbers(values: object, name: str, shape: tuple[int, ...]) -> Matrix:
    array = np.asarray(real_array(values, name, ArgumentError), np.float64)
    if array.shape != shape:
        raise ArgumentError(f"{name} of a face has the shape {shape}, not {array.shape}")
    if not (np.abs(array) <= FARTHEST).all():
        raise ImageError(f"the face's {name} must be finite, and nearer than {FARTHEST:.0e} pixels")
    return array
