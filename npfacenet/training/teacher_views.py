"""Views of faces, each with the embedding that a pupil is to learn for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ShapeError, TrainingError
from npfacenet.training.checks import require_kind


@dataclass(frozen=True)
class Views:
    """`pictures`, uint8 (N, S, S, 3), and one embedding for each: `targets`, float32 (N, D).

    The pictures may be memory-mapped. Raises ShapeError for another shape or dtype,
    TrainingError if the numbers of pictures and targets differ or there are none.
    """

    pictures: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        pictures, targets = self.pictures, self.targets
        for name in ("pictures", "targets"):
            require_kind(f"views: {name}", getattr(self, name), np.ndarray)
        square = pictures.ndim == 4 and pictures.shape[1:] == (pictures.shape[1],) * 2 + (3,)
        if pictures.dtype != np.uint8 or not square:
            raise ShapeError(
                f"views are uint8 (N, S, S, 3), received {pictures.dtype} {pictures.shape}"
            )
        if targets.dtype != np.float32 or targets.ndim != 2:
            raise ShapeError(
                f"targets are float32 (N, D), received {targets.dtype} {targets.shape}"
            )
        if len(self.pictures) != len(self.targets) or not len(self.pictures):
            raise TrainingError(
                f"{len(self.pictures)} views with {len(self.targets)} embeddings: each view needs "
                "one, and there must be at least one view"
            )

    def __len__(self) -> int:
        return len(self.pictures)


def unit_vectors(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scale vectors (N, D) to unit length; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
