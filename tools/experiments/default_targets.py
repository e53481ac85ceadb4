"""What the default network learns for each view: the answers of two teachers, in 128 numbers.

Both teachers' embeddings of a view, joined, are a unit vector whose products with others are the
means of the teachers' products. It is projected to the directions in which the training views vary
most (principal components, without subtracting a mean, so that products stay), and scaled to unit
length. The projection follows from the views alone, and is kept with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.errors import TrainingError
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.threads.blas import single_threaded
from npfacenet.training.drawn_codes import codes
from npfacenet.training.teacher_views import unit_vectors

Vectors = npt.NDArray[np.float32]

FILE = "targets.npz"
NUMBERS = 128


@dataclass(frozen=True)
class Targets:
    """The targets of photographs (N, 128) and of drawn people (M, 128): unit vectors, float32."""

    photographs: Vectors
    drawn: Vectors


def principal(vectors: Vectors, numbers: int) -> Vectors:
    """Return the directions (D, numbers) in which vectors (N, D) vary most about zero.

    >>> principal(np.array([[3, 0, 0], [0, 2, 0], [0, 0, 1]], np.float32), 2).shape
    (3, 2)
    """
    with single_threaded():  # the same bits on any number of cores
        moments = np.zeros((vectors.shape[1],) * 2)
        for part in np.array_split(vectors, -(-len(vectors) // 4096)):
            moments += part.T.astype(np.float64) @ part
        _, directions = np.linalg.eigh(moments)
    return np.ascontiguousarray(directions[:, ::-1][:, :numbers], np.float32)


def projected(vectors: Vectors, directions: Vectors) -> Vectors:
    """Return vectors (N, D) in the coordinates of directions (D, E), scaled to unit length."""
    return unit_vectors(vectors @ directions)


def targets_of(run: Path, photographs: Vectors, drawn: Vectors, each: int) -> Targets:
    """Return the targets for the teachers' embeddings of all views; computed once.

    `drawn` has `each` rows for every drawn person, who has one target for all of them. Raises
    TrainingError if `run` keeps the targets of other views.
    """
    path = run / FILE
    if not path.exists():
        directions = principal(photographs, NUMBERS)
        coded = codes(unit_vectors(drawn @ directions), each)
        with writing_in(run), atomic_file(path) as file:
            np.savez(
                file, photographs=projected(photographs, directions).astype("<f2"),
                drawn=coded.astype("<f2"), directions=directions,
            )  # fmt: skip
    try:
        with np.load(path) as kept:
            found = [
                unit_vectors(kept[name].astype(np.float32)) for name in ("photographs", "drawn")
            ]
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{path} cannot be read: {error}; remove it") from error
    if [len(rows) for rows in found] != [len(photographs), len(drawn)]:
        raise TrainingError(f"{path} holds the targets of other views: remove it")
    return Targets(*found)
