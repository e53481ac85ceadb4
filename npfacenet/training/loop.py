"""Training from the first step to the last, or from where it was left off."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from npfacenet.checkpoints.placing import Report
from npfacenet.errors import ArgumentError
from npfacenet.images import preprocessing
from npfacenet.inference.blas import threads as threads_to_use
from npfacenet.losses import OnlineTripletLoss
from npfacenet.models import Model
from npfacenet.training.configuration import Configuration
from npfacenet.training.feed import Feed
from npfacenet.training.held_out import held_out_people
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import MININGS, Objective, objectives, parse
from npfacenet.training.pictures import IdentityFolder, PictureStore
from npfacenet.training.run import Run, Trained, Watch, run_record
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.sampling import IdentitySampler
from npfacenet.training.validation import hold_out


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
    reading: Report | None = None,
) -> Trained:
    """Train a model on a folder of identities; what happens is written to `run_folder`.

    `model` is what training begins with: a loaded one, or one with fresh parameters.
    `pictures` is a folder that holds NAME/*.jpg. With `resume` a run goes on from its last
    checkpoint, with the same model, pictures and configuration: on one machine, NumPy and BLAS
    it comes to the same bits as a run that was never interrupted. `teacher` is for
    distillation. `about` is written down with the configuration. `threads` (default: the cores,
    or NPFACENET_THREADS) says how many shards are worked on at a time. While a step runs,
    NumPy's matrix products are kept to one thread each in the whole process. `watch` is told
    of every step, `reading` of the reading of pictures.

    Returns the best model by validation, or the last where nobody is held out. An interrupt
    writes a checkpoint first. Raises TrainingError for pictures that nothing can be learnt
    from, for a loss that is not finite and for a collapse; ArgumentError for choices that do
    not fit; OutputError for a folder that cannot be written. The last checkpoint and the best
    weights stay.
    """
    choices = configuration or Configuration()
    whole = pictures if isinstance(pictures, IdentityFolder) else IdentityFolder.of(pictures)
    if {parse(text)[0] for text in choices.loss} <= set(MININGS):
        whole = whole.with_at_least(2)  # others would be read for nothing
    learn, held = hold_out(whole.labels, choices.held_out, choices.seed)
    people, card = whole.subset(learn), model.card
    held_out = held_out_people(model, whole.subset(held), people, choices)
    held_out.require_pairs(choices.patience)
    terms = objectives(choices.loss, choices.margin, card.outputs, len(people.names))
    sampler = _sampler(people, terms, choices, teacher)
    largest = max(card.input_size, teacher.card.input_size if teacher else 0)
    store = PictureStore(people.paths, choices.crop, largest)
    feed = Feed(
        store, sampler, choices.augmentation, card.input_size,
        preprocessing(card.preprocessing), choices.seed, teacher,
    )  # fmt: skip
    folder = RunFolder(run_folder)
    record = run_record(model, choices, about or {}) | {
        "pictures": whole.digest,
        "teacher": None if teacher is None else teacher.fingerprint,
    }
    if resume:
        folder.require_same(record)
    store.read_all(reading)
    held_out.store.read_all(reading)
    learner = Learner(
        model.network, model.parameters, terms, choices, threads=threads_to_use(threads)
    )
    return Run(model, learner, feed, held_out, folder).made(record, resume=resume, watch=watch)


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
