"""Train npfacenet's default network, `npfacenet-small`, with npfacenet.

    python tools/train_default.py views --shared ../shared     once: views, and a teacher's answers
    python tools/train_default.py train --shared ../shared     the run, or what is left of it
    python tools/train_default.py finish --shared ../shared    calibrate, report, write the weights
    python tools/train_default.py short --shared ../shared     100 steps, compared with those logged

SHARED holds faces.zip (crops without identities), lfw/ (images, train_people.txt, pairs_dev.txt;
nobody of train_people.txt is in folds 3 and 4) and weights/ with the teacher. Everything goes to
runs/default (--run), goes on where it was interrupted, and is logged there. Two cores prepare 75
views a second and train on 330 to 450.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import default_short
from default_material import CROP, EACH, PEOPLE, Photographs, about_drawn, drawn_view
from default_report import FOLDS, by_brightness, lfw_folds, on_drawn_pairs, on_lfw, write_default

import npfacenet
from npfacenet.cards import Card
from npfacenet.checkpoints.state_files import read_record
from npfacenet.commands.main import ERROR, INTERRUPTED, ending_tidily
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import TrainingError
from npfacenet.models import Model
from npfacenet.recipes import npfacenet_small
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

ROOT = Path(__file__).resolve().parents[1]
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
    """The network with fresh parameters, and the card that its weights will carry."""
    network = npfacenet_small()
    card = Card(
        "npfacenet-small", None, 128, 96, "prewhiten", None,
        f"npfacenet-small, fresh parameters of seed {seed}, taught by inception-resnet-v1",
        LICENCE,
    )  # fmt: skip
    return Model(network, network.initialise(seed), card)


def held_out(model: Model, lfw: Path) -> HeldOut:
    """The pairs that choose the best weights."""
    learnt = read_people(lfw / "train_people.txt")
    return held_out_folds(model, lfw / "images", lfw_folds(lfw), learnt, crop=CROP, name=FOLDS)


def prepare(shared: Path, run: Path, photographs: int, people: int) -> None:
    """Prepare views of photographs, and those of drawn people."""
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
    """What a batch is made of: of drawn people, each person's code is learnt."""
    photographs, drawn = open_views(run / "views"), open_views(run / "drawn")
    coded = Views(drawn.pictures, codes(drawn.targets, EACH))
    return [Source(photographs, PHOTOGRAPHS), Source(coded, DRAWN)]


def taught(
    shared: Path, run: Path, choices: Configuration, watch: Callable[[StepReport], None]
) -> Trained:
    """Train a pupil of this seed, or go on with its run."""
    model = untrained(choices.seed)
    folder = folder_of(run, choices.seed)
    return teach(
        model, sources(run), folder.path, choices, held_out(model, shared / "lfw"),
        resume=folder.checkpoint.is_file(), callbacks=Callbacks(watch=watch),
        about={"teacher": TEACHER, "photographs": PHOTOGRAPHS, "drawn": DRAWN},
    )  # fmt: skip


def folder_of(run: Path, seed: int) -> RunFolder:
    """Where a pupil's run is kept."""
    return RunFolder(run / f"seed-{seed}")


def last_of(run: Path, seed: int, shared: Path) -> Model:
    """The weights after the last step so far, with a card that says whom they learnt from.

    The last of a schedule and not the best by folds 3 and 4: a choice among many would flatter
    what is measured there.
    """
    model = untrained(seed)
    rows, record = read_record(folder_of(run, seed).checkpoint)
    if type(done := record.get("done")) is not int:
        raise TrainingError(f"{folder_of(run, seed).checkpoint} has a malformed record")
    terms = objectives(CHOICES.loss, CHOICES.margin, model.card.outputs, 2)
    with closing(Learner(model.network, model.parameters, terms, CHOICES)) as learner:
        learner.restore(rows, done)
        parameters = learner.best_parameters()
    return held_out(model, shared / "lfw").model(parameters)


def say(progress: StepReport) -> None:
    """A line for every hundredth step, and for every validation."""
    if progress.step % 100 == 0 or progress.validation is not None:
        measures = ", ".join(f"{n} {v:.4f}" for n, v in progress.measures.items())
        line = f"step {progress.step}: loss {progress.loss:.4f}, {measures}"
        line += f", {progress.images_per_second:.0f} faces a second"
        if (found := progress.validation) is not None:
            line += f"; area {found.area:.4f}, accuracy {found.accuracy:.4f}"
        print(line, flush=True)


def views(arguments: argparse.Namespace) -> None:
    """All the views that the run learns from."""
    prepare(arguments.shared, arguments.run, arguments.count, PEOPLE)


def train(arguments: argparse.Namespace) -> None:
    """The run, or what is left of it."""
    choices = replace(CHOICES, seed=arguments.seed, steps=arguments.steps)
    trained = taught(arguments.shared, arguments.run, choices, say)
    print(f"best at step {trained.step}: {trained.validation}; {trained.ended}")


def finish(arguments: argparse.Namespace) -> None:
    """Calibrate the last weights, write them as the package carries them, and report."""
    lfw = arguments.shared / "lfw"
    last = last_of(arguments.run, arguments.seed, arguments.shared)
    model, threshold = write_default(last, arguments.output, lfw, LICENCE)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, {model.fingerprint}")
    found = on_lfw(model, lfw)
    print(found.report(f"{FOLDS}, which chose the threshold", threshold))
    print(by_brightness(found, threshold, lfw))
    print(on_drawn_pairs(model).report("drawn pairs", threshold))


def short(arguments: argparse.Namespace) -> None:
    """The beginning of a run on few views, compared with what it came to before."""
    run = arguments.run / "short"
    default_short.require_new(folder_of(run, SEED).path)
    prepare(arguments.shared, run, default_short.VIEWS, default_short.PEOPLE)
    steps = default_short.STEPS
    choices = replace(
        CHOICES, steps=steps, validate=steps, save=steps, learning_rate=default_short.RATE
    )
    taught(arguments.shared, run, choices, say)
    default_short.compare(folder_of(run, SEED), arguments.losses, write=arguments.write)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    below = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (views, train, finish, short):
        one = below.add_parser(command.__name__, description=command.__doc__)
        one.add_argument("--shared", type=Path, default=Path("../shared"), metavar="DIR")
        one.add_argument("--run", type=Path, default=Path("runs/default"), metavar="DIR")
        one.set_defaults(do=command)
        if command is views:
            one.add_argument("--count", type=int, default=COUNT, help="of photographs")
        if command in (train, finish):
            one.add_argument("--seed", type=int, default=SEED)
        if command is train:
            one.add_argument("--steps", type=int, default=CHOICES.steps)
        if command is finish:
            target = ROOT / "weights" / "npfacenet-small.h5"
            one.add_argument("--output", type=Path, default=target, metavar="FILE.h5")
        if command is short:
            losses = ROOT / "weights" / "short_run.json"
            one.add_argument("--losses", type=Path, default=losses, metavar="FILE.json")
            one.add_argument("--write", action="store_true", help="write FILE.json instead")
    return top


def main(words: Sequence[str] | None = None) -> None:
    """Run one of the commands."""
    arguments = parser().parse_args(words)
    with ending_tidily():
        arguments.do(arguments)


if __name__ == "__main__":
    try:
        main()
    except npfacenet.errors.NpfacenetError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(ERROR)
    except KeyboardInterrupt:
        print("interrupted; give the same command to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
