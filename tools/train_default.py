"""Train npfacenet's default network, `npfacenet-small`, with npfacenet.

    python tools/train_default.py views --shared ../shared     once: views, and a teacher's answers
    python tools/train_default.py train --shared ../shared     the run, or what is left of it
    python tools/train_default.py finish --shared ../shared    calibrate, report, write the weights
    python tools/train_default.py short --shared ../shared     100 steps, compared with those logged

SHARED holds faces.zip (crops without identities), lfw/ (images, train_people.txt, pairs_dev.txt;
nobody of train_people.txt is in folds 3 and 4) and weights/ with the teacher. Everything goes to
runs/default (--run), goes on where it was interrupted, and is logged there. Two cores prepare 75
views a second and train on 320.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from default_material import CROP, EACH, PEOPLE, Photographs, drawn_view
from default_report import by_brightness, drawn, lfw, report, write_default

import npfacenet
from npfacenet.checkpoints.card import Card
from npfacenet.commands.progress import Progress as Bar
from npfacenet.models import Model
from npfacenet.recipes import npfacenet_small
from npfacenet.recognition.lfw import choose_folds, read_pairs
from npfacenet.training import Augmentation, Configuration, Progress, Trained
from npfacenet.training.held_out import HeldOut, held_out_folds
from npfacenet.training.pictures import read_people
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.teaching import teach
from npfacenet.training.view_feed import Source
from npfacenet.training.views import Views, codes, open_views, prepare_views

TEACHER = "weights/inception_resnet_v1_128_f16.h5"
SEED = 23
PHOTOGRAPHS, DRAWN = 54, 10  # of the views in a batch
CHOICES = Configuration(
    loss=("distillation", "relations:10"), steps=16_000, learning_rate=4e-3, weight_decay=0.02,
    warm_up=300, clip=5.0, average=0.998, augmentation=Augmentation.none(), crop=CROP,
    held_out=0, validate=1000, save=500, seed=SEED,
)  # fmt: skip
SHORT_VIEWS, SHORT_PEOPLE, SHORT_STEPS = 2000, 60, 100
SHORT_RUN = Path(__file__).resolve().parents[1] / "weights" / "short_run.json"
LICENCE = (
    "research and education only: the photographs it learnt from (LFW, UTKFace) and its "
    "teacher's (MS-Celeb-1M) allow no commercial use"
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


def folds_3_and_4(model: Model, shared: Path) -> HeldOut:
    """The pairs that choose the best weights."""
    lfw = shared / "lfw"
    folds = choose_folds(read_pairs(lfw / "pairs_dev.txt"), [3, 4])
    learnt = read_people(lfw / "train_people.txt")
    return held_out_folds(model, lfw / "images", folds, learnt, crop=CROP, name="LFW folds 3-4")


def prepare(shared: Path, run: Path, photographs: int, people: int) -> None:
    """Prepare views of photographs, and those of drawn people."""
    teacher = npfacenet.load(shared / TEACHER)
    material = Photographs.of(shared, teacher.card.input_size, SEED)
    with Bar() as bar:
        prepare_views(
            run / "views", material.view, photographs, teacher, 96,
            about=material.about(), progress=bar,
        )  # fmt: skip
        prepare_views(
            run / "drawn", drawn_view, people * EACH, teacher, 96,
            about={"people": people, "each": EACH}, progress=bar,
        )  # fmt: skip


def sources(run: Path) -> list[Source]:
    """What a batch is made of: of drawn people, each person's code is learnt."""
    photographs, drawn = open_views(run / "views"), open_views(run / "drawn")
    coded = Views(drawn.pictures, codes(drawn.targets, EACH))
    return [Source(photographs, PHOTOGRAPHS), Source(coded, DRAWN)]


def taught(
    shared: Path, run: Path, choices: Configuration, watch: Callable[[Progress], None]
) -> Trained:
    """Train a pupil of this seed, or go on with its run."""
    model = untrained(choices.seed)
    folder = run / f"seed-{choices.seed}"
    resume = (folder / "checkpoint.h5").is_file()
    held_out = folds_3_and_4(model, shared)
    return teach(model, sources(run), folder, choices, held_out, resume=resume, watch=watch)


def say(progress: Progress) -> None:
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


def short(arguments: argparse.Namespace) -> None:
    """The beginning of a run on few views, compared with what it came to before."""
    run = arguments.run / "short"
    prepare(arguments.shared, run, SHORT_VIEWS, SHORT_PEOPLE)
    choices = replace(CHOICES, steps=SHORT_STEPS, validate=SHORT_STEPS, save=SHORT_STEPS)
    taught(arguments.shared, run, choices, say)
    entries = RunFolder(run / f"seed-{choices.seed}").entries()
    losses = [loss for entry in entries if isinstance(loss := entry.get("loss"), float)]
    for start in range(0, len(losses), 10):
        print(f"steps {start + 1} to {start + 10}: {np.mean(losses[start : start + 10]):.4f}")
    if SHORT_RUN.is_file():
        before = np.array(json.loads(SHORT_RUN.read_text("utf-8")))
        difference = np.abs(np.array(losses) / before - 1).max()
        print(f"no loss differs from {SHORT_RUN} by more than {difference:.2%}")
    else:
        SHORT_RUN.write_text(json.dumps(losses) + "\n", "utf-8")
        print(f"{SHORT_RUN} is written")


def finish(arguments: argparse.Namespace) -> None:
    """Calibrate the best weights, write them as the package carries them, and report."""
    images = arguments.shared / "lfw" / "images"
    folds = choose_folds(read_pairs(arguments.shared / "lfw" / "pairs_dev.txt"), [3, 4])
    best = arguments.run / f"seed-{arguments.seed}" / "best.h5"
    model = write_default(best, arguments.output, images, folds, CROP)
    threshold = model.card.threshold
    if threshold is None:
        sys.exit("error: the card of the file has no threshold")
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, {model.fingerprint}")
    distances, genuine = lfw(model, images, folds, CROP)
    print(report("LFW folds 3-4", threshold.value, distances, genuine))
    print(by_brightness(threshold.value, images, folds, CROP, distances))
    print(report("drawn pairs", threshold.value, *drawn(model)))


COMMANDS = {"views": views, "train": train, "finish": finish, "short": short}


def main(words: Sequence[str] | None = None) -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="DIR")
    parser.add_argument("--run", type=Path, default=Path("runs/default"), metavar="DIR")
    parser.add_argument("--count", type=int, default=70_000, help="of views")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--output", type=Path, default=Path("weights/npfacenet-small.h5"), metavar="FILE.h5"
    )
    parser.add_argument("--steps", type=int, default=CHOICES.steps)
    arguments = parser.parse_args(words)
    COMMANDS[arguments.command](arguments)


if __name__ == "__main__":
    try:
        main()
    except npfacenet.errors.NpfacenetError as error:
        sys.exit(f"error: {error}")
