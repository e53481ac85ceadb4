"""Codes of drawn people: one target for all views of a person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.training.checks import require_kind, require_whole
from npfacenet.training.teacher_views import unit_vectors

SMALLEST = 1e-6  # length of a person's mean after subtracting the mean of all


def codes(embeddings: npt.NDArray[np.float32], pictures: int) -> npt.NDArray[np.float32]:
    """Compute one code for each drawn person, repeated for each of their views: (N, D).

    `embeddings` (N, D) are a teacher's, grouped by person, `pictures` rows for each. The code of
    a person is the mean of their embeddings minus the mean of all embeddings, scaled to unit
    length. Subtracting the common mean removes what a teacher that was trained on photographs
    sees in every drawing.

    Raises ShapeError unless the embeddings are finite (N, D); ArgumentError unless N is
    `pictures` times at least two people, and if a person's mean equals the mean of all, which
    leaves no direction.
    """
    require_kind("embeddings", embeddings, np.ndarray)
    require_whole("the number of pictures of a person", pictures, -(2**31), 2**31)
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise ShapeError(f"embeddings are finite numbers (N, D), received {embeddings.shape}")
    people, rest = divmod(len(embeddings), pictures) if pictures > 0 else (0, 1)
    if rest or people < 2:
        raise ArgumentError(
            f"{len(embeddings)} views are not {pictures} of each of two or more people"
        )
    means = embeddings.reshape(people, pictures, -1).mean(axis=1)
    own = means - means.mean(axis=0)
    if not (np.linalg.norm(own, axis=1) > SMALLEST).all():
        raise ArgumentError("a person's mean embedding equals the mean of all: no direction")
    return np.repeat(unit_vectors(own), pictures, axis=0)
