"""The faces of embeddings as arrays, for their file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EmbeddingError
from npfacenet.faces.choice import ChosenFace
from npfacenet.files.npz import Arrays
from npfacenet.models.file_columns import column, counts, finite

FACE_ARRAYS = ("boxes", "scores", "landmarks", "face_indices", "face_counts")


def arrays_of_faces(faces: Sequence[ChosenFace]) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of N faces: none for none.

    `landmarks` are (N, K, 2); of a face with fewer than K, the rest is NaN. Raises TypeError,
    ValueError or OverflowError for faces that are not of numbers.
    """
    if not faces:
        return {}
    most = max(len(face.landmarks) for face in faces)
    rest = [(np.nan, np.nan)] * most
    landmarks = [[*face.landmarks, *rest[len(face.landmarks) :]] for face in faces]
    return {
        "boxes": np.array([face.box for face in faces], np.float64),
        "scores": np.array([face.score for face in faces], np.float64),
        "landmarks": np.array(landmarks, np.float64).reshape(len(faces), most, 2),
        "face_indices": np.array([face.index for face in faces], np.int64),
        "face_counts": np.array([face.count for face in faces], np.int64),
    }


def faces_in(arrays: Arrays, rows: int) -> tuple[ChosenFace, ...]:
    """Return the faces of as many rows; EmbeddingError for arrays that no faces give."""
    if not arrays.keys() & {*FACE_ARRAYS}:
        return ()
    boxes, scores = finite(arrays, "boxes", (rows, 4)), finite(arrays, "scores", (rows,))
    indices, of = counts(arrays, "face_indices", rows), counts(arrays, "face_counts", rows)
    landmarks = column(arrays, "landmarks", "f", (rows, None, 2)).astype(np.float64)
    there = np.isfinite(landmarks).all(axis=2)
    most = np.arange(landmarks.shape[1])
    known = there.sum(axis=1)
    if (there != (most < known[:, np.newaxis])).any() or not np.isnan(landmarks[~there]).all():
        raise EmbeddingError("'landmarks' are not finite, with NaN after the last of each face")
    columns = zip(boxes, landmarks.tolist(), known.tolist(), scores, indices, of, strict=True)
    return tuple(
        ChosenFace((left, top, right, bottom), tuple(map(_point, points[:known])), score, i, count)
        for (left, top, right, bottom), points, known, score, i, count in columns
    )


def _point(coordinates: Sequence[float]) -> tuple[float, float]:
    x, y = coordinates
    return x, y
