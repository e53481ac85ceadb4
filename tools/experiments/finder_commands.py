"""The commands of `train_finder.py`."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

from finder_answers import Material, answer, backgrounds, labels
from finder_material import Sample, Scenery
from finder_mining import SCALES, drawn, false_faces, mined
from finder_pool import EACH, Pool
from finder_training import Choices, finder_of, train

from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.signals import ending_tidily

SEED = 36


def scenery(shared: Path, run: Path) -> Scenery:
    """Return all that training pictures are made of."""
    return Scenery(
        Material.of(shared), labels(run, "photographs"), labels(run, "crops"),
        backgrounds(shared), SEED,
    )  # fmt: skip


def answers(arguments: argparse.Namespace) -> None:
    """Ask the teachers."""
    answer(arguments.shared, arguments.run)


def pictures(arguments: argparse.Namespace) -> None:
    """Make the training pictures."""
    files = Choices().files if arguments.files is None else arguments.files
    with ProgressBar() as bar:
        Pool(arguments.run / "pictures").make(
            scenery(arguments.shared, arguments.run).sample, files, bar
        )


def mine(arguments: argparse.Namespace) -> None:
    """Make training pictures of a run's false faces, and drawn photographs."""
    ground = backgrounds(arguments.shared)
    with ProgressBar() as bar:
        wrong = false_faces(finder_of(arguments.run, arguments.name), ground, bar)
        print(f"{len(wrong)} false faces in {len(ground)} pictures at {len(SCALES)} scales")

        def sample(number: int) -> Sample:
            if number < arguments.drawn * EACH:
                return drawn(number, SEED)
            return mined(wrong, ground, number, SEED)

        Pool(arguments.run / "hard").make(sample, arguments.drawn + arguments.files, bar)


def learn(arguments: argparse.Namespace) -> None:
    """Train, or continue the run."""
    given = {each.name: getattr(arguments, each.name, None) for each in fields(Choices)}
    choices = replace(Choices(), **{n: value for n, value in given.items() if value is not None})
    train(arguments.run, choices, arguments.name)


def run(arguments: argparse.Namespace) -> None:
    """Run one of the commands; end tidily on a signal."""
    commands = {"answers": answers, "pictures": pictures, "train": learn, "mine": mine}
    with ending_tidily():
        commands[arguments.command](arguments)
