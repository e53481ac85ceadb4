"""The training of the default network, step by step: the work of `train_default.py`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import default_short_run
import numpy as np
from default_faces import KnownFaces
from default_material import EACH, PEOPLE, Photographs, about_drawn, drawn_view
from default_report import FOLDS, lfw_folds, report, write_default
from default_targets import targets_of
from second_teacher import GRAPH, second_teacher

import npfacenet
from npfacenet.cards import Preparation
from npfacenet.checkpoints.state_files import read_state
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.signals import ending_tidily
from npfacenet.errors import TrainingError
from npfacenet.models import Model
from npfacenet.models.fresh import fresh_model
from npfacenet.recipes import recipes
from npfacenet.recognition.lfw import picture_path
from npfacenet.training import Augmentation, Callbacks, Configuration, StepReport, Trained
from npfacenet.training.held_out import HeldOut, held_out_folds
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import objectives
from npfacenet.training.people import read_people
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.teacher_views import Views
from npfacenet.training.teaching import teach
from npfacenet.training.view_batches import Source
from npfacenet.training.view_folder import open_views
from npfacenet.training.view_preparation import prepare_views

SIZE = 160  # pixels a side of the views that the teachers see
TEACHER = "weights/inception_resnet_v1_128_f16.h5"
SEED = 23
COUNT = 80_000  # views of photographs
PHOTOGRAPHS, DRAWN = 54, 10  # of the views in a batch
CHOICES = Configuration(
    loss=("distillation", "relations:10"), steps=20_000, learning_rate=4e-3, weight_decay=0.02,
    warm_up=300, clip=5.0, average=0.999, augmentation=Augmentation.none(),
    held_out=0, validate=1000, save=500, seed=SEED,
)  # fmt: skip
LICENCE = (
    "research and teaching only, and nobody without their consent (weights/LICENSE): the "
    "photographs it learnt from (LFW, UTKFace) and its teachers' (MS-Celeb-1M, VGGFace2) allow no "
    "more"
)


@dataclass(frozen=True)
class Place:
    """Where a run finds its pictures and keeps its files, and by which detector faces are found."""

    shared: Path
    run: Path
    known: KnownFaces

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Place:
        """Return what the command line says; raises WeightsNotFoundError for a detector."""
        known = KnownFaces(arguments.detector, arguments.run / "faces")
        return cls(arguments.shared, arguments.run, known)

    @property
    def lfw(self) -> Path:
        """The folder of LFW."""
        return self.shared / "lfw"


def untrained(seed: int, preparation: Preparation) -> Model:
    """Return the network with fresh parameters, and the card that its weights will carry."""
    model = fresh_model(recipes("npfacenet-small")[0], seed=seed)
    source = f"npfacenet-small, fresh parameters of seed {seed}, taught by two inception-resnet-v1"
    card = replace(
        model.card, preparation=preparation, other_thresholds=(), source=source, licence=LICENCE
    )
    return replace(model, card=card)


def held_out(model: Model, place: Place) -> HeldOut:
    """Return the pairs by which the run is watched, without those in which a face is not found."""
    learnt, images = read_people(place.lfw / "train_people.txt"), place.lfw / "images"
    folds = lfw_folds(place.lfw)
    pictures = list(dict.fromkeys(p for fold in folds for pair in fold for p in (pair.a, pair.b)))
    paths = [picture_path(images, picture) for picture in pictures]
    landmarks = place.known.landmarks(paths, tight=False)
    faceless = {p for p, found in zip(pictures, landmarks, strict=True) if np.isnan(found).any()}
    whole = [tuple(p for p in fold if not faceless & {p.a, p.b}) for fold in folds]
    if faceless:
        lost = sum(map(len, folds)) - sum(map(len, whole))
        print(f"{FOLDS}: no face in {len(faceless)} pictures; validated without {lost} pairs")
    return held_out_folds(model, images, whole, learnt, name=FOLDS, finder=place.known.finder)


def prepare(place: Place, run: Path, photographs: int, people: int, jitter: float) -> None:
    """Prepare views of photographs and of drawn people, and what is to be learnt for each."""
    with ProgressBar() as bar:
        second = second_teacher(place.run / "teachers", bar)
        teachers = [npfacenet.load(place.shared / TEACHER), npfacenet.load(second)]
        material = Photographs.of(
            place.shared, SIZE, SEED, place.known, jitter=jitter, progress=bar
        )
        prepare_views(
            run / "views", material.view, photographs, teachers, 96,
            about=material.about(), progress=bar,
        )  # fmt: skip
        prepare_views(
            run / "drawn", partial(drawn_view, jitter=jitter), people * EACH, teachers, 96,
            about=about_drawn(jitter), progress=bar,
        )  # fmt: skip
    sources(run)


def sources(run: Path) -> list[Source]:
    """Return the sources of a batch."""
    photographs, drawn = open_views(run / "views"), open_views(run / "drawn")
    targets = targets_of(run, photographs.targets, drawn.targets, EACH)
    return [
        Source(Views(photographs.pictures, targets.photographs), PHOTOGRAPHS),
        Source(Views(drawn.pictures, targets.drawn), DRAWN),
    ]


def taught(
    place: Place, run: Path, choices: Configuration, watch: Callable[[StepReport], None]
) -> Trained:
    """Train a pupil of this seed, or continue its run."""
    model = untrained(choices.seed, place.known.preparation)
    folder = folder_of(run, choices.seed)
    return teach(
        model, sources(run), folder.path, choices, held_out(model, place),
        resume=folder.checkpoint.is_file(), callbacks=Callbacks(watch=watch),
        about={"teachers": [TEACHER, GRAPH.name], "photographs": PHOTOGRAPHS, "drawn": DRAWN},
    )  # fmt: skip


def folder_of(run: Path, seed: int) -> RunFolder:
    """Return the folder of a pupil's run."""
    return RunFolder(run / f"seed-{seed}")


def last_of(place: Place, seed: int) -> Model:
    """Return the weights after the last step so far, with a card that names the training people.

    These are the last weights of the schedule, not the best on folds 3 and 4: a choice among many
    would bias the rates measured there upwards.
    """
    model, checkpoint = (
        untrained(seed, place.known.preparation),
        folder_of(place.run, seed).checkpoint,
    )
    rows, record = read_state(checkpoint)
    if type(done := record.get("done")) is not int:
        raise TrainingError(f"{checkpoint} has a malformed record")
    terms = objectives(CHOICES.loss, CHOICES.margin, model.card.outputs, 2)
    with closing(Learner(model.network, model.parameters, terms, CHOICES)) as learner:
        learner.restore(rows, done)
        parameters = learner.best_parameters()
    return held_out(model, place).model(parameters)


def say(progress: StepReport) -> None:
    """Print a line for every hundredth step, and for every validation."""
    if progress.step % 100 == 0 or progress.validation is not None:
        measures = ", ".join(f"{n} {v:.4f}" for n, v in progress.measures.items())
        line = f"step {progress.step}: loss {progress.loss:.4f}, {measures}"
        line += f", {progress.images_per_second:.0f} faces a second"
        if (found := progress.validation) is not None:
            line += f"; area {found.area:.4f}, accuracy {found.accuracy:.4f}"
        print(line, flush=True)


def seed_of(arguments: argparse.Namespace) -> int:
    """Return the seed of a pupil: as given, or that of the weights that ship."""
    return SEED if arguments.seed is None else int(arguments.seed)


def views(arguments: argparse.Namespace) -> None:
    """Prepare all the views that the run learns from."""
    count = COUNT if arguments.count is None else arguments.count
    people = PEOPLE if arguments.people is None else arguments.people
    prepare(Place.of(arguments), arguments.run, count, people, arguments.jitter)


def train(arguments: argparse.Namespace) -> None:
    """Train, or continue the run."""
    steps = CHOICES.steps if arguments.steps is None else arguments.steps
    choices = replace(CHOICES, seed=seed_of(arguments), steps=steps)
    trained = taught(Place.of(arguments), arguments.run, choices, say)
    print(f"best at step {trained.step}: {trained.validation}; {trained.ended}")


def finish(arguments: argparse.Namespace) -> None:
    """Calibrate the last weights, write them as the package carries them, and report."""
    place = Place.of(arguments)
    last = last_of(place, seed_of(arguments))
    model = write_default(last, arguments.output, place.lfw, LICENCE, place.known.detector)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, {model.fingerprint}")
    print(report(model, place.lfw, place.known.detector))


def short(arguments: argparse.Namespace) -> None:
    """Begin a run on few views, and compare its losses with those recorded."""
    place, run = Place.of(arguments), arguments.run / "short"
    default_short_run.require_new(folder_of(run, SEED).path)
    views, people = default_short_run.VIEWS, default_short_run.PEOPLE
    prepare(place, run, views, people, arguments.jitter)
    steps = default_short_run.STEPS
    choices = replace(
        CHOICES, steps=steps, validate=steps, save=steps, learning_rate=default_short_run.RATE
    )
    taught(place, run, choices, say)
    default_short_run.compare(folder_of(run, SEED), arguments.losses, write=arguments.write)


def run(arguments: argparse.Namespace) -> None:
    """Run one of the commands; end tidily on a signal."""
    commands = {"views": views, "train": train, "finish": finish, "short": short}
    with ending_tidily():
        commands[arguments.command](arguments)
