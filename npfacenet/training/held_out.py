"""People who are held out from training, and validation on their pictures."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.models import Model
from npfacenet.models.view_embeddings import embed_views
from npfacenet.networks import NetworkParameters
from npfacenet.recognition.calibration import calibrate
from npfacenet.recognition.evaluation import Distances
from npfacenet.recognition.lfw import Fold, picture_path
from npfacenet.threads.blas import single_threaded
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.identity_folder import IdentityFolder
from npfacenet.training.picture_preparation import (
    FaceFinder,
    PicturePreparation,
    picture_preparation,
)
from npfacenet.training.picture_store import PictureStore
from npfacenet.training.validation import (
    Pairs,
    Validation,
    distances_of_pairs,
    draw_pairs,
    validated,
)

FALSE_MATCH_RATE = 0.01
WITNESSES, PICTURES_EACH = 16, 4


class HeldOut:
    """Pictures and pairs of held-out people; possibly none.

    `model` is what training begins with, `learnt` lists the names of the people it learns from,
    and `where` describes the pairs. `preparation` is what the card of the trained model states.
    `witnesses` are pictures and pairs of some people who are learnt from; they show a collapse if
    nobody is held out.
    """

    def __init__(
        self,
        model: Model,
        store: PictureStore,
        pairs: Pairs | None,
        learnt: Sequence[str],
        where: str,
        preparation: Preparation,
        witnesses: tuple[PictureStore, Pairs] | None = None,
    ) -> None:
        require_kind("the model", model, Model)
        require_kind("the store of pictures", store, PictureStore)
        self.store, self._witnesses, self._preparation = store, witnesses, preparation
        self._model, self._pairs, self._learnt, self._where = model, pairs, learnt, where

    @property
    def pairs(self) -> int:
        """The number of genuine pairs of held-out people."""
        return 0 if self._pairs is None else int(self._pairs.genuine.sum())

    @property
    def preparation(self) -> Preparation:
        """The preparation of pictures that the card of a trained model states."""
        return self._preparation

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that identify the pairs, their pictures and how these are cut."""
        digest = hashlib.sha256(f"{self._where}, crop {self.store.crop}\n".encode())
        for path in self.store.paths:
            digest.update(f"{path.parent.name}/{path.name}\n".encode("utf-8", "surrogateescape"))
        if self._pairs is not None:
            for part in (self._pairs.a, self._pairs.b, self._pairs.genuine):
                digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()

    def require_pairs(self, patience: int) -> None:
        """Raise ArgumentError for patience without pairs to validate on."""
        if patience and self._pairs is None:
            raise ArgumentError(
                "patience needs people to validate on: hold out a larger share, of more people"
            )

    def model(self, parameters: NetworkParameters) -> Model:
        """Return a model of these parameters; its card states the people and the preparation.

        The thresholds of the model that training began with were measured with other weights: the
        card has none.
        """
        old = self._model.card
        card = replace(
            old,
            threshold=None,
            other_thresholds=(),
            preparation=self._preparation,
            source=f"trained by npfacenet from: {old.source}"[:500],
            trained_on=tuple(sorted({*old.trained_on, *self._learnt})),
        )
        return Model(self._model.network, parameters, card)

    def measure(self, parameters: NetworkParameters) -> tuple[Validation | None, Model]:
        """Return the rates with these parameters, and a model whose card states them.

        The card's threshold allows one false match in a hundred on these pairs, if there are enough
        pairs for that. The rates are None if nobody is held out. Raises ImageError for a picture
        that cannot be read, WeightsError for parameters that give no embeddings.
        """
        model = self.model(parameters)
        if self._pairs is None:
            return None, model
        genuine, impostors = _distances(model, self.store, self._pairs)
        if len(impostors) * FALSE_MATCH_RATE >= 3:
            chosen = calibrate(genuine, impostors, FALSE_MATCH_RATE)
            evidence = f"chosen on pairs of {self._where}: {chosen}"
            card = replace(model.card, threshold=Threshold(chosen.threshold, evidence))
            model = replace(model, card=card)
        return validated(genuine, impostors), model

    def look(self, model: Model) -> Validation | None:
        """Return the rates on people who are learnt from, which can show no more than a collapse.

        None without pairs of them. Raises as `measure`.
        """
        return None if self._witnesses is None else validated(*_distances(model, *self._witnesses))


def _distances(model: Model, store: PictureStore, pairs: Pairs) -> tuple[Distances, Distances]:
    """Return the distances of genuine and of impostor pairs."""
    faces = (store.plain(i) for i in range(len(store.paths)))
    with single_threaded():  # or the bits depend on whether the teacher is at work
        distances = distances_of_pairs(embed_views(model, faces), pairs)
    return distances[pairs.genuine], distances[~pairs.genuine]


def held_out_people(
    model: Model,
    folder: IdentityFolder,
    learnt: IdentityFolder,
    choices: Configuration,
    prepared: PicturePreparation | None = None,
) -> HeldOut:
    """Draw pairs of the people of `folder`, who are held out from those of `learnt`.

    `prepared` is the preparation of the pictures; None: as `choices` and the model's card say.
    Raises ArgumentError if the people have no genuine or no impostor pair.
    """
    require_kind("the model", model, Model)
    for people in (folder, learnt):
        require_kind("people", people, IdentityFolder)
    if prepared is None:
        prepared = picture_preparation(model.card, choices)
    store = _plain_pictures(folder.paths, model, prepared)
    pairs = draw_pairs(folder.labels, choices.seed) if folder.paths else None
    where = f"{len(folder.names)} held-out people, {prepared}"
    witnesses = None if folder.paths else _witnesses(model, learnt, choices, prepared)
    return HeldOut(model, store, pairs, learnt.names, where, prepared.preparation, witnesses)


def _plain_pictures(
    paths: Sequence[Path], model: Model, prepared: PicturePreparation
) -> PictureStore:
    """Return a store of pictures that are embedded as they are, without augmentation."""
    crop, finder = prepared.preparation.crop, prepared.finder
    return PictureStore(paths, crop, model.card.input_size, finder=finder, room=1)


def _witnesses(
    model: Model, learnt: IdentityFolder, choices: Configuration, prepared: PicturePreparation
) -> tuple[PictureStore, Pairs] | None:
    """Return a few pictures and pairs of the people who are learnt from and have most pictures."""
    counts = Counter(learnt.labels)
    people = sorted(counts, key=lambda person: (-counts[person], person))[:WITNESSES]
    some = learnt.subset(people)
    chosen = [
        i for person in range(len(people)) for i in some.picture_numbers(person)[:PICTURES_EACH]
    ]
    try:
        pairs = draw_pairs([some.labels[i] for i in chosen], choices.seed)
    except ArgumentError:
        return None
    return _plain_pictures([some.paths[i] for i in chosen], model, prepared), pairs


def held_out_folds(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    learnt: Sequence[str],
    *,
    name: str,
    crop: int | None = None,
    finder: FaceFinder | None = None,
) -> HeldOut:
    """Hold out the pairs of LFW's folds (`read_pairs`); `name` describes them for the card.

    The pictures are cropped (None: their whole central square), to be framed as those that the
    model is for, or their faces are found by a `finder`; the card keeps its preparation. Raises
    TrainingError for folds without pairs, and for a person in them who is `learnt` from;
    ArgumentError for both a crop and a finder.
    """
    if crop is not None and finder is not None:
        raise ArgumentError("pictures are cropped, or faces are found in them: crop or finder")
    chosen = [pair for fold in folds for pair in fold]
    known = {name for pair in chosen for name, _ in (pair.a, pair.b)} & set(learnt)
    if known or not chosen:
        what = f"{quoted(min(known))}, who is learnt from" if known else "no pair"
        raise TrainingError(f"{name} cannot be held out: there is {what} in it")
    pictures = list(dict.fromkeys(picture for pair in chosen for picture in (pair.a, pair.b)))
    index = {picture: i for i, picture in enumerate(pictures)}
    used = Preparation(crop=crop) if finder is None else model.card.preparation
    prepared = PicturePreparation(used, finder)
    paths = [picture_path(Path(images), picture) for picture in pictures]
    pairs = Pairs(
        np.array([index[pair.a] for pair in chosen], np.intp),
        np.array([index[pair.b] for pair in chosen], np.intp),
        np.array([pair.genuine for pair in chosen]),
    )
    store, where = _plain_pictures(paths, model, prepared), f"{name}, {prepared}"
    return HeldOut(model, store, pairs, learnt, where, model.card.preparation)
