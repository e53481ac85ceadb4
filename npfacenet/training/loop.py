"""Training from the first step to the last, or from where it was left off."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images import preprocessing
from npfacenet.losses import OnlineTripletLoss
from npfacenet.models import Model
from npfacenet.progress import Progress
from npfacenet.threads.blas import threads as threads_to_use
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.held_out import held_out_people
from npfacenet.training.identity_folder import (
    IdentityFolder,
    OnError,
    PictureStore,
    read_all,
    require_on_error,
)
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import MININGS, Objective, objectives, parse
from npfacenet.training.picture_batches import PictureBatches
from npfacenet.training.run import Run, run_record
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.run_reports import Trained, Watch
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
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
    reading: Progress | None = None,
    begins: Callable[[Split], None] | None = None,
    on_error: OnError = "raise",
) -> Trained:
    """Train a model on a folder of identities; what happens is written to `run_folder`.

    `model` is what training begins with: a loaded one, or one with fresh parameters.
    `pictures` is a folder that holds NAME/*.jpg; a share of the people is held out if there are
    four with two pictures or more. With `resume` a run goes on from its last
    checkpoint, with the same model, pictures and configuration: on one machine, NumPy and BLAS
    it comes to the same bits as a run that was never interrupted. `teacher` is for
    distillation. `about` is written down with the configuration. `threads` (default: the cores,
    or NPFACENET_THREADS) says how many shards are worked on at a time. While a step runs,
    NumPy's matrix products are kept to one thread each in the whole process. `watch` is told
    of every step, `reading` of the reading of pictures, `begins`, before the first step, of how
    many people are learnt from and held out. With `on_error="skip"` pictures that cannot be read,
    and people who have none, are left out and listed in the result.

    Returns the best model by validation, or the last where nobody is held out. An interrupt
    writes a checkpoint first. Raises TrainingError for pictures that nothing can be learnt
    from, for a loss that is not finite, for a collapse, which batches or validations show, and
    where another process is training in the folder; ArgumentError for choices that do not fit;
    OutputError for a folder that cannot be written or holds a run. The last checkpoint and the
    best weights stay.
    """
    choices = Configuration() if configuration is None else configuration
    require_choices(model, choices, about, watch, reading, begins, resume=resume)
    require_kind("the teacher", teacher, Model, type(None))
    require_on_error(on_error)
    folder = RunFolder(run_folder)
    folder.require_free()
    (folder.require_begun if resume else folder.require_new)()
    whole = pictures
    if not isinstance(whole, IdentityFolder):
        whole = IdentityFolder.of(whole)
    if on_error == "skip":
        whole = whole.readable(choices.crop, reading)
    losses = {parse(text)[0] for text in choices.loss}
    if losses <= set(MININGS):
        whole = whole.with_at_least(2)  # others would be read for nothing
    learn, held = hold_out(
        whole.labels, choices.held_out, choices.seed, 2 if losses & set(MININGS) else 1
    )
    people, card = whole.subset(learn), model.card
    held_out = held_out_people(model, whole.subset(held), people, choices)
    held_out.require_pairs(choices.patience)
    terms = objectives(choices.loss, choices.margin, card.outputs, len(people.names))
    sampler = _sampler(people, terms, choices, teacher)
    largest = max(card.input_size, teacher.card.input_size if teacher else 0)
    store = PictureStore(people.paths, choices.crop, largest)
    feed = PictureBatches(
        store, sampler, choices.augmentation, card.input_size,
        preprocessing(card.preprocessing), choices.seed, teacher,
    )  # fmt: skip
    record = run_record(model, choices, about or {}) | {
        "pictures": whole.digest,
        "held_out": held_out.digest,
        "teacher": None if teacher is None else teacher.fingerprint,
    }
    split = Split(len(learn), len(held), held_out.pairs, _reason(whole, choices, held))

    def ready() -> None:
        read_all([store, held_out.store], reading)
        _log.log(logging.INFO if held else logging.WARNING, "%s: %s", folder.path, split)
        if begins is not None:
            begins(split)

    learner = Learner(
        model.network, model.parameters, terms, choices, threads=threads_to_use(threads)
    )
    run = Run(model, learner, feed, held_out, folder)
    trained = run.made(record, resume=resume, watch=watch, split=split, ready=ready)
    return replace(trained, split=split, skipped=whole.skipped)


def require_choices(
    model: object, configuration: object, about: object, *calls: object, resume: object
) -> None:
    """Raise ArgumentError for what a run cannot be made of, or told to."""
    require_kind("the model", model, Model)
    require_kind("the configuration", configuration, Configuration)
    require_kind("resume", resume, bool)
    for call in calls:
        if call is not None and not callable(call):
            raise ArgumentError(f"a run tells of its progress to a function, not {quoted(call)}")
    try:
        json.dumps({} if about is None else about)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"about is written as JSON, which it cannot be: {error}") from error
    if about is not None:
        require_kind("about", about, Mapping)


def _reason(whole: IdentityFolder, choices: Configuration, held: Sequence[int]) -> str:
    """Why nobody is held out, if so."""
    if held:
        return ""
    if not choices.held_out:
        return "held_out is 0"
    paired = sum(count >= 2 for count in Counter(whole.labels).values())
    return (
        "two people must be held out and two left to learn from, and only "
        f"{paired} have two pictures or more"
    )


def _sampler(
    people: IdentityFolder,
    terms: Sequence[Objective],
    choices: Configuration,
    teacher: Model | None,
) -> IdentitySampler:
    if any(term.targets == "teacher" for term in terms) != (teacher is not None):
        raise ArgumentError("distillation needs a teacher, and only distillation takes one")
    mines = any(isinstance(term.loss, OnlineTripletLoss) for term in terms)
    if mines and choices.pictures < 2:
        raise ArgumentError("triplets need 2 pictures of each identity or more, not 1")
    return IdentitySampler(
        people.labels, choices.identities, choices.pictures, 2 if mines else 1, choices.seed
    )
