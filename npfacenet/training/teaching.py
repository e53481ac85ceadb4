"""Training a pupil on prepared views, to which a teacher has given embeddings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

from npfacenet.cards import Card
from npfacenet.errors import ArgumentError
from npfacenet.images import preprocessing
from npfacenet.models import Model
from npfacenet.threads.cores import threads_to_use
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.held_out import HeldOut
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import objectives
from npfacenet.training.run import Run
from npfacenet.training.run_beginning import require_choices, run_record
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.run_reports import Callbacks, Trained
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
    callbacks: Callbacks | None = None,
) -> Trained:
    """Train a model on prepared views; the run is recorded in `run_folder`.

    The configuration's choices of pictures and their augmentation have no effect, since a batch
    holds as many views of each source as the source says; to resume, they must be the same
    nevertheless. `held_out` chooses the best weights. The other arguments, the result and the
    errors are those of `npfacenet.training.train`. Raises ArgumentError for losses that need
    identities, for no sources, for views that do not have the model's input size or whose targets
    do not fit, and for patience if nobody is held out; TrainingError for a loss that is not
    finite, a collapse, and a run that began with something else.
    """
    calls = Callbacks() if callbacks is None else callbacks
    require_choices(model, configuration, about, calls, resume=resume)
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
    batches = ViewBatches(sources, scaling, configuration.seed)
    folder = RunFolder(run_folder)
    record = run_record(model, configuration, about or {}) | {
        "teacher": None,  # the targets hold all of its answers
        "pictures": _digest(sources, held_out),
        "held_out": held_out.digest,
    }
    cores = threads_to_use(threads)
    learner = Learner(model.network, model.parameters, terms, configuration, threads=cores)
    run = Run(model, learner, batches, held_out, folder)

    def ready() -> None:
        held_out.store.read_all(calls.progress, cores)

    return run.train(record, resume=resume, watch=calls.watch, ready=ready)


def _require_fitting(sources: Sequence[Source], card: Card, *, exactly: bool) -> None:
    """Raise ArgumentError unless the views have the model's size, and their targets one length.

    To be matched `exactly`, targets must be as long as the model's embeddings.
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
    """Return 64 hexadecimal digits that identify the sources, their shares and the held-out pairs.

    Of the pictures, which are large, only the first and the last of each source are hashed.
    """
    digest = hashlib.sha256(held_out.digest.encode())
    for source in sources:
        views = source.views
        digest.update(f"{source.each} of {views.pictures.shape}\n".encode())
        digest.update(views.pictures[[0, -1]].tobytes())
        digest.update(views.targets.tobytes())
    return digest.hexdigest()
