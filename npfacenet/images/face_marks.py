"""Drawing found faces on a copy of their picture: boxes, scores and landmarks.

Lines and letters grow with the picture, so that they can be read when the whole of it is looked at,
but not so much that they hide a small face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

if TYPE_CHECKING:
    from PIL import ImageDraw

BOX = (40, 255, 90)
LANDMARK = (255, 225, 0)
DARK = (0, 0, 0)
SMALLEST_LETTERS = 11
"""Pixels of the height of letters in a small picture, or of a small face."""
LINES, LETTERS, POINTS = 1 / 400, 1 / 45, 1 / 320
"""Width of lines, height of letters and radius of landmarks, as parts of the longer side."""
LINE_OF_FACE, LETTERS_OF_FACE, POINT_OF_FACE = 1 / 16, 1 / 3, 1 / 24
"""The most that these may be as parts of a face's side, so that marks hide no neighbour."""


@dataclass(frozen=True)
class FaceMark:
    """What is drawn around a face: box, landmarks (x, y) in pixels, and the text of a label."""

    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    label: str = ""

    def scaled(self, by: float) -> FaceMark:
        """Return the mark on a picture that is larger or smaller by a factor."""
        left, top, right, bottom = self.box
        points = tuple((by * x, by * y) for x, y in self.landmarks)
        return replace(self, box=(by * left, by * top, by * right, by * bottom), landmarks=points)


def with_faces(
    image: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.floating],
    landmarks: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
) -> npt.NDArray[np.uint8]:
    """Return a copy of a picture, uint8 (H, W, 3), on which faces are marked.

    `boxes` (N, 4) are left, top, right and bottom in pixels, `landmarks` (N, K, 2) x and y, and
    `scores` (N,) are written beside the boxes with two decimals. Of a box that lies partly outside,
    the edges are drawn along the edge of the picture. Raises ImageError for what is not a picture.

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> marked = with_faces(image, np.array([[10.0, 20, 40, 50]]), np.array([[[25, 35.0]]]), [0.9])
    >>> marked.shape, bool(marked[35, 25].any()), bool(image.any())
    ((60, 80, 3), True, False)
    """
    surest_first = np.argsort(scores)[::-1].tolist()
    marks = []
    for row in surest_first:
        left, top, right, bottom = (float(edge) for edge in boxes[row])
        points = tuple((float(x), float(y)) for x, y in landmarks[row])
        label = f"{float(scores[row]):.2f}"
        marks.append(FaceMark((left, top, right, bottom), points, label))
    return with_marks(image, marks)


def with_marks(image: npt.NDArray[np.uint8], faces: Sequence[FaceMark]) -> npt.NDArray[np.uint8]:
    """Return a copy of a picture, uint8 (H, W, 3), with these marks, the first one uppermost.

    Raises ImageError for what is not a picture.
    """
    import_pillow("ImageDraw", "ImageFont")
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(picture(image).copy())
    pen = _Pen(ImageDraw.Draw(canvas), canvas.size)
    for face in reversed(faces):
        box = np.array(face.box)
        pen.box(box)
        points = np.array(face.landmarks, np.float64).reshape(-1, 2)
        pen.points(points, side=float(np.max(box[2:] - box[:2])))
    for face in reversed(faces):
        if face.label:
            pen.label(face.label, np.array(face.box))
    return np.asarray(canvas)


@dataclass(frozen=True)
class _Pen:
    """What draws on a picture of a size (width, height), as large as suits that size."""

    draw: ImageDraw.ImageDraw
    size: tuple[int, int]

    def length(self, of_picture: float, of_face: float, side: float) -> int:
        """Return the smaller of two parts, of the picture and of a face's side; at least 1."""
        return max(1, round(min(of_picture * max(self.size), of_face * side)))

    def corners(self, box: npt.NDArray[np.floating]) -> tuple[int, int, int, int]:
        """Return the first and the last pixels of the visible part of a box."""
        width, height = self.size
        left, right = (int(x) for x in np.clip(np.round(box[[0, 2]]) - (0, 1), 0, width - 1))
        top, bottom = (int(y) for y in np.clip(np.round(box[[1, 3]]) - (0, 1), 0, height - 1))
        return left, top, max(left, right), max(top, bottom)

    def box(self, box: npt.NDArray[np.floating]) -> None:
        """Draw the edges of a box, bright between dark."""
        left, top, right, bottom = self.corners(box)
        side = max(right - left, bottom - top)
        width = self.length(LINES, LINE_OF_FACE, side)
        edge = max(1, width // 3)
        around = (left - edge, top - edge, right + edge, bottom + edge)
        self.draw.rectangle(around, outline=DARK, width=width + 2 * edge)
        self.draw.rectangle((left, top, right, bottom), outline=BOX, width=width)

    def points(self, points: npt.NDArray[np.floating], *, side: float) -> None:
        """Draw a disc for each landmark of a face with this longer side."""
        radius = self.length(POINTS, POINT_OF_FACE, side)
        edge = max(1, radius // 3)
        for x, y in np.floor(np.clip(points, -1e5, 1e5)).astype(int).tolist():
            for r, fill in ((radius + edge, DARK), (radius, LANDMARK)):
                self.draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)

    def label(self, text: str, box: npt.NDArray[np.floating]) -> None:
        """Write a text above a box, or inside it at the top where there is no room above."""
        from PIL import ImageFont

        left, top, right, _ = self.corners(box)
        letters = max(SMALLEST_LETTERS, self.length(LETTERS, LETTERS_OF_FACE, right - left))
        font = ImageFont.load_default(letters)
        x0, y0, x1, y1 = self.draw.textbbox((0, 0), text, font=font)
        margin = self.length(LINES, LINE_OF_FACE, right - left)
        width, height = round(x1 - x0) + 2 * margin, round(y1 - y0) + 2 * margin
        x = max(0, min(left, self.size[0] - width))
        y = top - height if top >= height else min(top, max(0, self.size[1] - height))
        self.draw.rectangle((x, y, x + width - 1, y + height - 1), fill=DARK)
        self.draw.text((x + margin - x0, y + margin - y0), text, fill=BOX, font=font)
