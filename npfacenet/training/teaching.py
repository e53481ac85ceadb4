"""Training a pupil on views whose embeddings a teacher has given."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

from npfacenet.cards import Card
from npfacenet.errors import ArgumentError
from npfacenet.images import preprocessing
from npfacenet.models import Model
from npfacenet.threads.blas import threads as threads_to_use
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.held_out import HeldOut
from npfacenet.training.learner import Learner
from npfacenet.training.loop import require_choices
from npfacenet.training.objectives import objectives
from npfacenet.training.run import Run, run_record
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.run_reports import Trained, Watch
from npfacenet.training.view_batches import Source, ViewBatches


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
    views of each source as that says (to go on, it must be the same nevertheless). `held_out`
    chooses the best weights. All else is as with `npfacenet.training.train`. Raises ArgumentError
    for losses that need identities, for no sources, for views that are not of the model's input
    size or whose targets do not fit, and for patience where nobody is held out; TrainingError for
    a loss that is not finite, a collapse, and a run that began with something else.
    """
    require_choices(model, configuration, about, watch, resume=resume)
    require_kind("held_out", held_out, HeldOut)
    require_kind("the sources of views", sources, tuple, list)
    for source in sources:
        require_kind("a source of views", source, Source)
    sources, card = tuple(sources), model.card
    terms = objectives(configuration.loss, configuration.margin, card.outputs, 2)
    if strange := [term.name for term in terms if term.targets != "teacher"]:
        raise ArgumentError(f"prepared views have no identities, which {strange[0]!r} needs")
    _require_fitting(sources, card, exactly=any(term.name == "distillation" for term in terms))
    held_out.require_pairs(configuration.patience)
    scaling = preprocessing(card.preprocessing)
    feed = ViewBatches(sources, scaling, configuration.seed)
    folder = RunFolder(run_folder)
    record = run_record(model, configuration, about or {}) | {
        "teacher": None,  # it has said all that it says: in the targets
        "pictures": _digest(sources, held_out),
        "held_out": held_out.digest,
    }
    learner = Learner(
        model.network, model.parameters, terms, configuration, threads=threads_to_use(threads)
    )
    run = Run(model, learner, feed, held_out, folder)
    return run.made(record, resume=resume, watch=watch, ready=held_out.store.read_all)


def _require_fitting(sources: Sequence[Source], card: Card, *, exactly: bool) -> None:
    """Raise ArgumentError unless the views are of the model's size, and their targets comparable.

    To be learnt `exactly`, they have as many numbers as the model's embeddings.
    """
    if not sources:
        raise ArgumentError("there are no views to learn from")
    expected = card.outputs if exactly else sources[0].views.targets.shape[1]
    for source in sources:
        side, numbers = source.views.pictures.shape[1], source.views.targets.shape[1]
        if side != card.input_size:
            raise ArgumentError(f"views of {side} pixels a side, for a model of {card.input_size}")
        if numbers != expected:
            raise ArgumentError(f"targets of {numbers} numbers, where {expected} are needed")


def _digest(sources: Sequence[Source], held_out: HeldOut) -> str:
    """64 hexadecimal digits for what is learnt from, in which shares, and what measures it.

    Of the views' pictures, which are large, the first and the last of each source count.
    """
    digest = hashlib.sha256(held_out.digest.encode())
    for source in sources:
        views = source.views
        digest.update(f"{source.each} of {views.pictures.shape}\n".encode())
        digest.update(views.pictures[[0, -1]].tobytes())
        digest.update(views.targets.tobytes())
    return digest.hexdigest()
