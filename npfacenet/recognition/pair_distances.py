"""The distances of labelled pairs of pictures, each picture embedded once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from npfacenet.errors import ArgumentError, EmbeddingError, EvaluationError, ImageError, quoted
from npfacenet.files.paths import checked_path
from npfacenet.models import Embeddings, Model
from npfacenet.models.embeddings import Skipped
from npfacenet.models.face_options import FaceChoices, FaceOptions
from npfacenet.models.picture_reading import OnError
from npfacenet.progress import Progress
from npfacenet.recipes.preparation import Preparation
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.labelled_pairs import Distances, Failures, Flags, checked_labels
from npfacenet.recognition.lfw import Fold, checked_folds, picture_path


@dataclass(frozen=True, eq=False)
class PairDistances:
    """The distances of pairs, fold by fold, and the failures to detect a face.

    `failed` marks the pairs of which a picture shows no face that was found; their distances are
    NaN. `skipped` lists these pictures, of `pictures` in all. `preparation` says how the pictures
    were prepared.
    """

    distances: list[Distances]
    failed: list[Flags]
    skipped: tuple[Skipped, ...]
    pictures: int
    preparation: Preparation

    @property
    def failed_pairs(self) -> int:
        """The number of pairs that failed."""
        return sum(int(failed.sum()) for failed in self.failed)

    def by_kind(self, genuine: Sequence[Flags]) -> tuple[Distances, Distances, Failures]:
        """Return the distances of genuine pairs, those of impostors, and how many more failed.

        `genuine` says which pairs are, fold by fold (`lfw.genuine_flags`). Raises EvaluationError
        if the numbers of pairs differ.
        """
        distances, failed = np.concatenate(self.distances), np.concatenate(self.failed)
        flags = checked_labels(np.concatenate([checked_labels(fold) for fold in genuine]))
        if len(flags) != len(distances):
            raise EvaluationError(f"{len(flags)} labels for {len(distances)} pairs")
        failures = Failures(int((failed & flags).sum()), int((failed & ~flags).sum()))
        return distances[flags & ~failed], distances[~flags & ~failed], failures


def measure_pairs(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    *,
    progress: Progress | None = None,
    **faces: Unpack[FaceChoices],
) -> PairDistances:
    """Return the distances of all pairs; arguments as of `pair_embeddings`.

    A picture without a face that can be used fails, and its pairs with it; `evaluate` counts them
    as errors. Raises what `pair_embeddings` raises for other faults.
    """
    choices = _checked(faces)
    pictures, paths = _paths(model, images, folds)
    embeddings = _embed(model, paths, choices, "skip-no-face", progress)
    return distances_of(embeddings, pictures, folds)


def distances_of(
    embeddings: Embeddings, pictures: Sequence[tuple[str, int]], folds: Sequence[Fold]
) -> PairDistances:
    """Return the distances of pairs of pictures, whose embeddings have their `positions`.

    Raises ImageError if a picture was skipped for another reason than its faces, and EmbeddingError
    if the embeddings do not say how their pictures were prepared.
    """
    if embeddings.preparation is None:
        raise EmbeddingError("the embeddings do not say how their pictures were prepared")
    for skipped in embeddings.skipped:
        if not skipped.no_face:
            raise ImageError(skipped.reason)
    row = {pictures[position]: i for i, position in enumerate(embeddings.positions)}
    distances, failures = [], []
    for fold in folds:
        failed = np.array([pair.a not in row or pair.b not in row for pair in fold])
        measured = [pair for pair, gone in zip(fold, failed, strict=True) if not gone]
        first, second = [row[pair.a] for pair in measured], [row[pair.b] for pair in measured]
        values = np.full(len(fold), np.nan)
        if measured:
            values[~failed] = paired_distances(embeddings[first], embeddings[second])
        distances.append(values)
        failures.append(failed)
    return PairDistances(
        distances, failures, embeddings.skipped, len(pictures), embeddings.preparation
    )


def pair_distances(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    *,
    progress: Progress | None = None,
    **faces: Unpack[FaceChoices],
) -> list[Distances]:
    """Return the distances of all pairs, fold by fold; arguments as of `pair_embeddings`."""
    pairs = pair_embeddings(model, images, folds, progress=progress, **faces)
    return [paired_distances(a, b) for a, b in pairs]


def pair_embeddings(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    *,
    progress: Progress | None = None,
    **faces: Unpack[FaceChoices],
) -> list[tuple[Embeddings, Embeddings]]:
    """Return the embeddings of both sides of all pairs, fold by fold; embed each picture once.

    `detect`, `crop`, `choose`, `smallest_face` and `least_score` are as in `Model.embed` (LFW's
    pictures are 250 wide, and a face fills about 150), except that of several faces that are found,
    the central one is used unless `choose` says otherwise. `progress` counts pictures. Raises
    EvaluationError for missing pictures, ImageError for those that cannot be used, and what
    `Model.embed` raises; ArgumentError for all faces of a picture.
    """
    choices = _checked(faces)
    pictures, paths = _paths(model, images, folds)
    embeddings = _embed(model, paths, choices, "raise", progress)
    index = {picture: i for i, picture in enumerate(pictures)}
    return [
        (embeddings[[index[pair.a] for pair in fold]], embeddings[[index[pair.b] for pair in fold]])
        for fold in folds
    ]


def _checked(faces: FaceChoices) -> FaceChoices:
    """Return the choices; raise ArgumentError, before any work, for those that cannot be."""
    if faces.get("choose") == "all":
        raise ArgumentError("a pair is of one face in each picture: choose one of them, not all")
    FaceOptions(**faces)
    return faces


def _embed(
    model: Model,
    paths: Sequence[Path],
    faces: FaceChoices,
    on_error: OnError,
    progress: Progress | None,
) -> Embeddings:
    choose = faces.get("choose")
    if choose is None and FaceOptions(**faces).finds_faces(model.card):
        choose = "central"
    choices: FaceChoices = {**faces, "choose": choose}
    return model.embed(paths, on_error=on_error, progress=progress, **choices)


def _paths(
    model: Model, images: str | os.PathLike[str], folds: Sequence[Fold]
) -> tuple[list[tuple[str, int]], list[Path]]:
    """Return every picture of the pairs once, and the paths where they lie."""
    root = checked_path(images, "the folder of pictures", EvaluationError)
    if not isinstance(model, Model):
        raise ArgumentError(f"pairs are embedded by a model, npfacenet.load(), not {quoted(model)}")
    pairs = [pair for fold in checked_folds(folds) for pair in fold]
    pictures = list(dict.fromkeys(p for pair in pairs for p in (pair.a, pair.b)))
    paths = [picture_path(root, picture) for picture in pictures]
    # os.path, because Path.is_file raises for names that are too long.
    if missing := [path for path in paths if not os.path.isfile(path)]:
        raise EvaluationError(
            f"{len(missing)} of {len(pictures)} pictures are missing, the first: "
            f"{quoted(str(missing[0]))}"
        )
    return pictures, paths
