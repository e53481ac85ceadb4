"""Training a pupil on views whose embeddings a teacher has given."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import closing

from npfacenet.errors import ArgumentError
from npfacenet.images import preprocessing
from npfacenet.inference.blas import threads as threads_to_use
from npfacenet.models import Model
from npfacenet.training.collapse import CollapseDetector
from npfacenet.training.configuration import Configuration
from npfacenet.training.held_out import HeldOut
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import objectives
from npfacenet.training.run import Run, Trained, Watch, run_record
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.view_feed import Source, ViewFeed


def teach(
    model: Model,
    sources: Sequence[Source],
    run_folder: str | os.PathLike[str],
    configuration: Configuration,
    held_out: HeldOut,
    *,
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train a model on prepared views; what happens is written to `run_folder`.

    Of the configuration, what chooses and varies pictures has no effect: a batch holds as many
    views of each source as that says. `held_out` chooses the best weights. All else is as with
    `npfacenet.training.train`. Raises ArgumentError for losses that need identities, and for
    views that are not of the model's input size.
    """
    card = model.card
    terms = objectives(configuration.loss, configuration.margin, card.outputs, 2)
    if strange := [term.name for term in terms if term.targets != "teacher"]:
        raise ArgumentError(f"prepared views have no identities, which {strange[0]!r} needs")
    for source in sources:
        if source.views.pictures.shape[1] != card.input_size:
            side = source.views.pictures.shape[1]
            raise ArgumentError(f"views of {side} pixels a side, for a model of {card.input_size}")
    scaling = preprocessing(card.preprocessing)
    feed = ViewFeed(tuple(sources), scaling, configuration.seed)
    folder = RunFolder(run_folder)
    record = run_record(model, configuration, about or {}) | {
        "teacher": None,
        "pictures": _digest(sources),
    }
    if resume:
        folder.require_same(record)
    held_out.store.read_all()
    learner = Learner(
        model.network, model.parameters, terms, configuration, threads=threads_to_use(threads)
    )
    with closing(learner):
        run = Run(model, learner, feed, held_out, folder, CollapseDetector(None))
        run.prepare(record, resume)
        return run.go(watch)


def _digest(sources: Sequence[Source]) -> str:
    """64 hexadecimal digits for what is to be learnt, and how many views make a batch."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.each} of {source.views.pictures.shape}\n".encode())
        digest.update(source.views.targets.tobytes())
    return digest.hexdigest()
