"""The faces that were found in a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite, real_array
from npfacenet.errors import ArgumentError, quoted

LANDMARKS = (
    "eye at the left of the picture",
    "eye at the right of the picture",
    "nose",
    "left corner of the mouth",
    "right corner of the mouth",
)

FARTHEST = 1e9
"""The largest number of pixels: more than any picture has."""


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of one picture, best score first, as read-only float32 arrays.

    `boxes` (N, 4) are left, top, right and bottom in pixels of the upright picture, from its top
    left corner; they may lie partly outside. `landmarks` (N, 5, 2) are x and y of the points that
    `LANDMARKS` names, as seen in the picture. `scores` (N,) from 0 to 1 can be compared
    within one detector only. Without faces the arrays are empty. `source` names the picture.
    `skipped` is the reason why it could not be read (`on_error="skip"`), None if it was read.
    `best_score` is the best score that any place of the picture had, below the detector's
    thresholds too; None if none was looked at.

    The truth value tells whether there is a face. Raises ArgumentError for arrays of other shapes,
    with numbers that are not finite or above `FARTHEST`, and for boxes whose edges are exchanged.

    >>> faces = Faces([[10, 20, 50, 70]], [[[22, 40], [38, 40], [30, 48], [24, 58], [36, 58]]], [1])
    >>> len(faces), faces
    (1, <Faces: 1 face, 40x50 pixels, score 1.00>)
    """

    boxes: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 4), np.float32))
    landmarks: npt.NDArray[np.float32] = field(
        default_factory=lambda: np.empty((0, 5, 2), np.float32)
    )
    scores: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    source: str | None = None
    skipped: str | None = None
    best_score: float | None = None

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[int, ...]] = {"boxes": (4,), "landmarks": (5, 2), "scores": ()}
        count = None
        for name, shape in shapes.items():
            given = real_array(getattr(self, name), name, ArgumentError)
            if not (np.abs(given) <= FARTHEST).all():
                raise ArgumentError(f"{name} must be finite, and at most {FARTHEST:.0e}")
            array = np.array(given, np.float32)
            count = len(array) if count is None and array.ndim else count
            if array.shape != (count, *shape):
                raise ArgumentError(
                    f"{name} of {count} faces have the shape {(count, *shape)}, not {array.shape}"
                )
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if (self.boxes[:, :2] > self.boxes[:, 2:]).any():
            raise ArgumentError("boxes are left, top, right, bottom; in one, edges are exchanged")
        for name in ("source", "skipped"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise ArgumentError(f"{name} is text or None, not {quoted(getattr(self, name))}")
        if self.best_score is not None and not is_finite(self.best_score):
            raise ArgumentError(f"best_score is a number or None, not {quoted(self.best_score)}")

    def __len__(self) -> int:
        return len(self.boxes)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __repr__(self) -> str:
        if self.skipped is not None:
            return f"<Faces: skipped, {quoted(self.skipped)}>"
        if not self:
            return "<Faces: no face>"
        left, top, right, bottom = self.boxes[0].tolist()
        first = f"{right - left:.0f}x{bottom - top:.0f} pixels, score {self.scores[0]:.2f}"
        if len(self) == 1:
            return f"<Faces: 1 face, {first}>"
        return f"<Faces: {len(self)} faces, the best {first}>"

    def as_json(self) -> dict[str, object]:
        """Return the faces as JSON values.

        Pixels are rounded to hundredths, scores to four places.
        """
        faces = [
            {
                "box": [round(edge, 2) for edge in box],
                "score": round(score, 4),
                "landmarks": [[round(x, 2), round(y, 2)] for x, y in points],
            }
            for box, score, points in zip(
                self.boxes.tolist(), self.scores.tolist(), self.landmarks.tolist(), strict=True
            )
        ]
        told = {} if self.skipped is None else {"skipped": self.skipped}
        return {"source": self.source, "faces": faces, **told}
