"""The commands of `train_finder.py`."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

from finder_answers import Material, answer, labels
from finder_material import Picture, Sample, Scenery
from finder_mining import SCALES, drawn, false_faces, mined
from finder_pool import EACH, Pool
from finder_training import Choices, finder_of, parameters_of, train
from picture_archives import backgrounds

from npfacenet.cards import derived_card
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.signals import ending_tidily
from npfacenet.errors import TrainingError
from npfacenet.images import read
from npfacenet.recipes.finder import NPFACENET_FINDER, npfacenet_finder
from npfacenet.training.people import read_people

SEED = 36
SOURCE = "npfacenet-finder, fresh parameters of seed 36, taught by what mtcnn and yunet both see"
LICENCE = (
    "research and teaching only, and nobody without their consent (weights/LICENSE): the "
    "photographs it learnt from (LFW, UTKFace, BSDS500) and its teachers' (WIDER FACE, CelebA) "
    "allow no more"
)


def scenery(shared: Path, run: Path) -> Scenery:
    """Return all that training pictures are made of."""
    return Scenery(
        Material.of(shared), labels(run, "photographs"), labels(run, "crops"),
        grounds(shared), SEED,
    )  # fmt: skip


def grounds(shared: Path) -> list[Picture]:
    """Return the photographs without a face that may be learnt from."""
    return [read(each) for each in backgrounds(shared, TrainingError, held_out=False)]


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
    ground = grounds(arguments.shared)
    with ProgressBar() as bar:
        wrong = false_faces(finder_of(arguments.run, arguments.name), ground, bar)
        print(f"{len(wrong)} false faces in {len(ground)} pictures at {len(SCALES)} scales")

        def sample(number: int) -> Sample:
            if number < arguments.drawn * EACH:
                return drawn(number, SEED)
            return mined(wrong, ground, number, SEED)

        Pool(arguments.run / arguments.hard_folder).make(
            sample, arguments.drawn + arguments.files, bar
        )


def learn(arguments: argparse.Namespace) -> None:
    """Train, or continue the run."""
    given = {each.name: getattr(arguments, each.name, None) for each in fields(Choices)}
    choices = replace(Choices(), **{n: value for n, value in given.items() if value is not None})
    train(arguments.run, choices, arguments.name)


def finish(arguments: argparse.Namespace) -> None:
    """Write the averaged weights of a run with kernels in half precision."""
    network = npfacenet_finder()
    people = read_people(arguments.shared / "lfw/train_people.txt")
    card = replace(
        derived_card(NPFACENET_FINDER, 0, arguments.output), source=SOURCE, licence=LICENCE,
        trained_on=tuple(sorted(people)),
    )  # fmt: skip
    parameters = parameters_of(arguments.run, arguments.name)
    write_native(arguments.output, network, parameters, card, half=True)
    written = read_checkpoint(arguments.output, (NPFACENET_FINDER,))
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes")
    print(f"digest of the numbers: {weights_digest(written.parameters)}")


def run(arguments: argparse.Namespace) -> None:
    """Run one of the commands; end tidily on a signal."""
    commands = {
        "answers": answers,
        "pictures": pictures,
        "train": learn,
        "mine": mine,
        "finish": finish,
    }
    with ending_tidily():
        commands[arguments.command](arguments)
