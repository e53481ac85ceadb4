"""The training of the default network, step by step: the work of `train_default.py`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import default_short_run
from default_material import CROP, EACH, PEOPLE, Photographs, about_drawn, drawn_view
from default_report import FOLDS, by_brightness, lfw_folds, on_drawn_pairs, on_lfw, write_default

import npfacenet
from npfacenet.checkpoints.state_files import read_state
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.signals import ending_tidily
from npfacenet.errors import TrainingError
from npfacenet.models import Model
from npfacenet.models.fresh import fresh_model
from npfacenet.recipes import recipes
from npfacenet.training import Augmentation, Callbacks, Configuration, StepReport, Trained
from npfacenet.training.drawn_codes import codes
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

TEACHER = "weights/inception_resnet_v1_128_f16.h5"
SEED = 23
COUNT = 70_000  # views of photographs
PHOTOGRAPHS, DRAWN = 54, 10  # of the views in a batch
CHOICES = Configuration(
    loss=("distillation", "relations:10"), steps=16_000, learning_rate=4e-3, weight_decay=0.02,
    warm_up=300, clip=5.0, average=0.998, augmentation=Augmentation.none(), crop=CROP,
    held_out=0, validate=1000, save=500, seed=SEED,
)  # fmt: skip
LICENCE = (
    "research and teaching only, and nobody without their consent (weights/LICENSE): the "
    "photographs it learnt from (LFW, UTKFace) and its teacher's (MS-Celeb-1M) allow no more"
)


def untrained(seed: int) -> Model:
    """Return the network with fresh parameters, and the card that its weights will carry."""
    model = fresh_model(recipes("npfacenet-small")[0], seed=seed)
    source = f"npfacenet-small, fresh parameters of seed {seed}, taught by inception-resnet-v1"
    return replace(model, card=replace(model.card, source=source, licence=LICENCE))


def held_out(model: Model, lfw: Path) -> HeldOut:
    """Return the pairs by which the best weights are chosen."""
    learnt = read_people(lfw / "train_people.txt")
    return held_out_folds(model, lfw / "images", lfw_folds(lfw), learnt, crop=CROP, name=FOLDS)


def prepare(shared: Path, run: Path, photographs: int, people: int) -> None:
    """Prepare views of photographs and of drawn people."""
    teacher = npfacenet.load(shared / TEACHER)
    material = Photographs.of(shared, teacher.card.input_size, SEED)
    with ProgressBar() as bar:
        prepare_views(
            run / "views", material.view, photographs, teacher, 96,
            about=material.about(), progress=bar,
        )  # fmt: skip
        prepare_views(
            run / "drawn", drawn_view, people * EACH, teacher, 96,
            about=about_drawn(), progress=bar,
        )  # fmt: skip


def sources(run: Path) -> list[Source]:
    """Return the sources of a batch; for drawn people the pupil learns each person's code."""
    photographs, drawn = open_views(run / "views"), open_views(run / "drawn")
    coded = Views(drawn.pictures, codes(drawn.targets, EACH))
    return [Source(photographs, PHOTOGRAPHS), Source(coded, DRAWN)]


def taught(
    shared: Path, run: Path, choices: Configuration, watch: Callable[[StepReport], None]
) -> Trained:
    """Train a pupil of this seed, or continue its run."""
    model = untrained(choices.seed)
    folder = folder_of(run, choices.seed)
    return teach(
        model, sources(run), folder.path, choices, held_out(model, shared / "lfw"),
        resume=folder.checkpoint.is_file(), callbacks=Callbacks(watch=watch),
        about={"teacher": TEACHER, "photographs": PHOTOGRAPHS, "drawn": DRAWN},
    )  # fmt: skip


def folder_of(run: Path, seed: int) -> RunFolder:
    """Return the folder of a pupil's run."""
    return RunFolder(run / f"seed-{seed}")


def last_of(run: Path, seed: int, shared: Path) -> Model:
    """Return the weights after the last step so far, with a card that names the training people.

    These are the last weights of the schedule, not the best on folds 3 and 4: a choice among many
    would bias the rates measured there upwards.
    """
    model = untrained(seed)
    rows, record = read_state(folder_of(run, seed).checkpoint)
    if type(done := record.get("done")) is not int:
        raise TrainingError(f"{folder_of(run, seed).checkpoint} has a malformed record")
    terms = objectives(CHOICES.loss, CHOICES.margin, model.card.outputs, 2)
    with closing(Learner(model.network, model.parameters, terms, CHOICES)) as learner:
        learner.restore(rows, done)
        parameters = learner.best_parameters()
    return held_out(model, shared / "lfw").model(parameters)


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
    prepare(arguments.shared, arguments.run, count, PEOPLE)


def train(arguments: argparse.Namespace) -> None:
    """Train, or continue the run."""
    steps = CHOICES.steps if arguments.steps is None else arguments.steps
    choices = replace(CHOICES, seed=seed_of(arguments), steps=steps)
    trained = taught(arguments.shared, arguments.run, choices, say)
    print(f"best at step {trained.step}: {trained.validation}; {trained.ended}")


def finish(arguments: argparse.Namespace) -> None:
    """Calibrate the last weights, write them as the package carries them, and report."""
    lfw = arguments.shared / "lfw"
    last = last_of(arguments.run, seed_of(arguments), arguments.shared)
    model, threshold = write_default(last, arguments.output, lfw, LICENCE)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, {model.fingerprint}")
    found = on_lfw(model, lfw)
    print(found.report(f"{FOLDS}, which chose the threshold", threshold))
    print(by_brightness(found, threshold, lfw))
    print(on_drawn_pairs(model).report("drawn pairs", threshold))


def short(arguments: argparse.Namespace) -> None:
    """Begin a run on few views, and compare its losses with those recorded."""
    run = arguments.run / "short"
    default_short_run.require_new(folder_of(run, SEED).path)
    prepare(arguments.shared, run, default_short_run.VIEWS, default_short_run.PEOPLE)
    steps = default_short_run.STEPS
    choices = replace(
        CHOICES, steps=steps, validate=steps, save=steps, learning_rate=default_short_run.RATE
    )
    taught(arguments.shared, run, choices, say)
    default_short_run.compare(folder_of(run, SEED), arguments.losses, write=arguments.write)


def run(arguments: argparse.Namespace) -> None:
    """Run one of the commands; end tidily on a signal."""
    commands = {"views": views, "train": train, "finish": finish, "short": short}
    with ending_tidily():
        commands[arguments.command](arguments)
