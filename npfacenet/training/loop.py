"""Training on a folder of people, from the first step or resumed from a checkpoint."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from npfacenet.errors import ArgumentError
from npfacenet.faces.detector import Detector
from npfacenet.images import preprocessing
from npfacenet.losses import OnlineTripletLoss
from npfacenet.models import Model
from npfacenet.progress import Progress
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.threads.cores import threads_to_use
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.held_out import HeldOut, held_out_people
from npfacenet.training.identity_folder import IdentityFolder, OnError, require_on_error
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import MININGS, Objective, objectives, parse
from npfacenet.training.picture_batches import PictureBatches
from npfacenet.training.picture_preparation import PicturePreparation, picture_preparation
from npfacenet.training.picture_store import PictureStore, read_all
from npfacenet.training.run import Run
from npfacenet.training.run_beginning import require_choices, run_record
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.run_reports import Callbacks, Trained
from npfacenet.training.sampling import IdentitySampler
from npfacenet.training.validation import Split, hold_out

_log = logging.getLogger(__name__)


def train(
    model: Model,
    pictures: str | os.PathLike[str] | IdentityFolder,
    run_folder: str | os.PathLike[str],
    configuration: Configuration | None = None,
    *,
    teacher: Model | None = None,
    detector: Detector | None = None,
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    threads: int | None = None,
    callbacks: Callbacks | None = None,
    on_error: OnError = "raise",
) -> Trained:
    """Train a model on a folder of people; the run is recorded in `run_folder`.

    `model` is what training begins with: a loaded model, or one with fresh parameters
    (`npfacenet.models.fresh`). `pictures` is a folder that holds NAME/*.jpg; a share of the people
    is held out if at least four have two or more pictures. `resume` continues a run from its last
    checkpoint, with the same model, pictures and configuration: on one machine, NumPy and BLAS,
    an interrupted run comes to the same bits as an uninterrupted one. `about` is stored in the
    folder (JSON). `callbacks` are called while the run goes on.

    The configuration and the model's card say what is cut out of each picture, for training and
    for validation: the face that a detector finds, aligned, or the centre. `detector` is used
    instead of one that they name. The card of the result states this preparation, and its
    threshold is for it. `teacher` is the model whose embeddings "distillation" and "relations"
    match: it is shown the same views, resized, whatever preparation its own card states.

    Up to `threads` shards of a batch are worked on, or pictures searched for faces, at a time
    (None: NPFACENET_THREADS, or one for each core); meanwhile NumPy's matrix products use one
    thread each in the whole process. With `on_error="skip"`, pictures that cannot be read or in
    which no face is found, and people left without pictures, are skipped and listed in the result.

    Returns the best model by validation, or the last if nobody is held out. An interrupt writes a
    checkpoint first. Raises TrainingError for pictures that nothing can be learnt from, for a loss
    that is not finite, for a collapse that shows in batches or validations, and if another process
    is training in the folder; ArgumentError for choices that do not fit; WeightsNotFoundError for
    a detector whose weights are missing; OutputError for a folder that cannot be written or
    already holds a run. The last checkpoint and the best weights stay.
    """
    choices = Configuration() if configuration is None else configuration
    calls = Callbacks() if callbacks is None else callbacks
    require_choices(model, choices, about, calls, resume=resume)
    require_kind("the teacher", teacher, Model, type(None))
    require_on_error(on_error)
    folder = RunFolder(run_folder)
    folder.require_free()
    (folder.require_begun if resume else folder.require_new)()
    prepared, cores = picture_preparation(model.card, choices, detector), threads_to_use(threads)
    whole = _identities(pictures, choices, prepared, on_error, calls.progress, cores)
    people = _parted(whole, model, choices, prepared)
    terms = objectives(choices.loss, choices.margin, model.card.outputs, len(people.learnt.names))
    batches = _batches(people.learnt, model, terms, choices, prepared, teacher)
    record = run_record(model, choices, about or {}) | {
        "preparation": str(prepared.preparation),
        "pictures": whole.digest,
        "held_out": people.held_out.digest,
        "teacher": None if teacher is None else teacher.fingerprint_of(CENTRAL_SQUARE),
    }

    def ready() -> None:
        read_all([batches.store, people.held_out.store], calls.progress, cores)
        level = logging.INFO if people.split.held_out else logging.WARNING
        _log.log(level, "%s: %s", folder.path, people.split)
        if calls.begins is not None:
            calls.begins(people.split)

    learner = Learner(model.network, model.parameters, terms, choices, threads=cores)
    run = Run(model, learner, batches, people.held_out, folder)
    trained = run.train(record, resume=resume, watch=calls.watch, split=people.split, ready=ready)
    return replace(trained, split=people.split, skipped=whole.skipped)


@dataclass(frozen=True)
class _People:
    """The people who are learnt from, and those who are held out."""

    learnt: IdentityFolder
    held_out: HeldOut
    split: Split


def _identities(
    pictures: str | os.PathLike[str] | IdentityFolder,
    choices: Configuration,
    prepared: PicturePreparation,
    on_error: OnError,
    progress: Progress | None,
    threads: int,
) -> IdentityFolder:
    """List the pictures to use: those that can be read, of people whom the loss can use."""
    whole = pictures if isinstance(pictures, IdentityFolder) else IdentityFolder.of(pictures)
    if on_error == "skip":
        crop, finder = prepared.preparation.crop, prepared.finder
        whole = whole.readable(crop, progress, finder=finder, threads=threads)
    if {parse(text)[0] for text in choices.loss} <= set(MININGS):
        whole = whole.with_at_least(2)  # triplets use nobody else
    return whole


def _parted(
    whole: IdentityFolder, model: Model, choices: Configuration, prepared: PicturePreparation
) -> _People:
    """Hold out some of the people."""
    mines = {parse(text)[0] for text in choices.loss} & set(MININGS)
    learn, held = hold_out(whole.labels, choices.held_out, choices.seed, 2 if mines else 1)
    learnt = whole.subset(learn)
    held_out = held_out_people(model, whole.subset(held), learnt, choices, prepared)
    held_out.require_pairs(choices.patience)
    reason = _reason(whole, choices, held)
    return _People(learnt, held_out, Split(len(learn), len(held), held_out.pairs, reason))


def _reason(whole: IdentityFolder, choices: Configuration, held: Sequence[int]) -> str:
    """Return why nobody is held out, or "" if somebody is."""
    if held:
        return ""
    if not choices.held_out:
        return "held_out is 0"
    paired = sum(count >= 2 for count in Counter(whole.labels).values())
    return (
        "two people must be held out and two left to learn from, and only "
        f"{paired} have two pictures or more"
    )


def _batches(
    people: IdentityFolder,
    model: Model,
    terms: Sequence[Objective],
    choices: Configuration,
    prepared: PicturePreparation,
    teacher: Model | None,
) -> PictureBatches:
    """Return the batches to learn from; ArgumentError for losses that do not fit."""
    if any(term.targets == "teacher" for term in terms) != (teacher is not None):
        raise ArgumentError("distillation needs a teacher, and only distillation takes one")
    mines = any(isinstance(term.loss, OnlineTripletLoss) for term in terms)
    if mines and choices.pictures < 2:
        raise ArgumentError("triplets need 2 pictures of each identity or more, not 1")
    sampler = IdentitySampler(
        people.labels, choices.identities, choices.pictures, 2 if mines else 1, choices.seed
    )
    card = model.card
    largest = max(card.input_size, teacher.card.input_size if teacher else 0)
    crop, finder = prepared.preparation.crop, prepared.finder
    return PictureBatches(
        PictureStore(people.paths, crop, largest, finder=finder), sampler, choices.augmentation,
        card.input_size, preprocessing(card.preprocessing), choices.seed, teacher,
    )  # fmt: skip
