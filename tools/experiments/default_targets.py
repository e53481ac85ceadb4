"""What the default network learns for each view: the answers of two teachers, in 128 numbers.

The teachers' embeddings of a view are joined (`view_preparation.joined`), the first with the larger
weight, which is the better of the two. The mean over the training views is subtracted, because all
faces have it in common; what is left is projected to its principal components, and scaled to unit
length. The projection follows from the views alone, and the targets are kept with them.
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
FIRST = 0.7  # the weight of the first teacher's products; the rest is the second's
TOGETHER = 4096


@dataclass(frozen=True)
class Targets:
    """The targets of photographs (N, 128) and of drawn people (M, 128): unit vectors, float32."""

    photographs: Vectors
    drawn: Vectors


@dataclass(frozen=True)
class Projection:
    """Maps the joined embeddings (N, D) of two teachers to targets (N, 128).

    `weights` (D,) are factors of the numbers, `mean` (D,) is that of the weighted training views,
    `directions` (D, 128) are their principal components.
    """

    weights: Vectors
    mean: Vectors
    directions: Vectors

    @classmethod
    def of(cls, joined: Vectors, first: int, numbers: int = NUMBERS) -> Projection:
        """Fit the projection to training views; `first` numbers are the first teacher's."""
        weights = np.full(joined.shape[1], np.sqrt(2 * (1 - FIRST)), np.float32)
        weights[:first] = np.sqrt(2 * FIRST)
        with single_threaded():  # the same bits on any number of cores
            mean = (joined.mean(axis=0, dtype=np.float64) * weights).astype(np.float32)
            moments = np.zeros((joined.shape[1],) * 2)
            for part in np.array_split(joined, -(-len(joined) // TOGETHER)):
                centred = part * weights - mean
                moments += centred.T.astype(np.float64) @ centred
            _, found = np.linalg.eigh(moments)
        directions = found[:, ::-1][:, :numbers]
        # The sign of an eigenvector is arbitrary: other kernels of OpenBLAS give others.
        largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], axis=0)
        directions = directions * np.sign(largest)
        return cls(weights, mean, np.ascontiguousarray(directions, np.float32))

    def __call__(self, joined: Vectors) -> Vectors:
        """Return the targets of views, unit vectors."""
        found = [
            np.asarray((part * self.weights - self.mean) @ self.directions, np.float32)
            for part in np.array_split(joined, -(-len(joined) // TOGETHER))
        ]
        return unit_vectors(np.concatenate(found))


def targets_of(
    run: Path, photographs: Vectors, drawn: Vectors, each: int, first: int = NUMBERS
) -> Targets:
    """Return the targets for the teachers' joined embeddings of all views; computed once.

    `drawn` has `each` rows for every drawn person, who has one target for all of them; `first` is
    the length of the first teacher's embeddings. Raises TrainingError if `run` keeps the targets of
    other views.
    """
    path = run / FILE
    if not path.exists():
        projection = Projection.of(photographs, first)
        learnt, coded = projection(photographs), codes(projection(drawn), each)
        with writing_in(run), atomic_file(path) as file:
            np.savez(
                file, photographs=learnt.astype("<f2"), drawn=coded.astype("<f2"),
                **vars(projection),
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
