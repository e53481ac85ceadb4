"""The options of `npfacenet train`, and the configuration that they state."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, fields, replace

from npfacenet.commands import options
from npfacenet.commands.run_origin import resolved
from npfacenet.errors import ArgumentError
from npfacenet.training import Augmentation, Configuration
from npfacenet.training.objectives import LOSSES

DEFAULTS = Configuration()
FACES = (
    "detect",
    "no_detect",
    "crop",
    "choose",
    "smallest_face",
    "least_score",
)  # of `options.add_faces`
HELP = {
    "margin": "margin of the triplet loss (default 0.2) or of angular-margin (default 0.3)",
    "identities": "number of people in a batch",
    "pictures": "largest number of pictures of each person in a batch",
    "steps": "number of training steps, one batch each",
    "optimizer": "adam or sgd",
    "learning_rate": "largest value of the learning rate",
    "momentum": "momentum of sgd; beta1 of adam",
    "weight_decay": "weight decay, decoupled from the gradient",
    "schedule": "schedule of the learning rate: constant, cosine or steps",
    "warm_up": "number of steps in which the learning rate rises",
    "clip": "largest norm of a gradient; 0: no limit",
    "statistics": "statistics of batch norm: batch, or moving (which then do not change)",
    "learn_from": "first layer or block that learns (default: all)",
    "average": "decay of a moving average of the weights, such as 0.99; 0: none",
    "held_out": "share of the people who are held out for validation",
    "validate": "number of steps between validations",
    "patience": "end after N validations without improvement; 0: never",
    "shards": "number of parts of a batch that are computed in parallel",
    "save": "number of steps between checkpoints",
    "seed": "seed of all random numbers",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what to train on, where, what to begin with, and every choice of the configuration."""
    _add_folders(parser)
    _add_begin(parser)
    _add_learning(parser)
    group = parser.add_argument_group("choices")
    for name, about in HELP.items():
        default = getattr(DEFAULTS, name)
        shown = "" if default is None else f" (default: {default})"
        kind = float if name == "margin" else str
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind if default is None else type(default),
            metavar="NAME" if isinstance(default, str) or name == "learn_from" else "N",
            help=about + shown,
        )
    options.add_model(parser)
    options.add_faces(parser)
    options.add_json(parser)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="holds NAME/*.jpg")
    parser.add_argument("--run", dest="run_folder", metavar="DIR", help="folder of the new run")
    parser.add_argument("--resume", metavar="DIR", help="continue the run in this folder")
    parser.add_argument(
        "--people", metavar="FILE", help="use only the people named in FILE, one per line"
    )
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures that cannot be read or show no face, instead of stopping",
    )


def _add_begin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fresh",
        metavar="NAME|MODULE:FUNCTION",
        help="begin with random weights of a network: nn4.small2 or another name of the catalogue, "
        "or MODULE:FUNCTION, a function of your own that returns a Network or a Recipe (modules in "
        "the current folder can be imported)",
    )
    parser.add_argument(
        "--teacher",
        metavar="NAME|FILE",
        help="model whose embeddings are to be matched; it is "
        "shown the same views, and the preparation of its own card is not used",
    )


def _add_learning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--loss",
        action="append",
        metavar="NAME[:WEIGHT]",
        help=f"{', '.join(LOSSES)}, or triplet, which is semi-hard; may be given several times "
        f"(default: {DEFAULTS.loss[0]})",
    )
    parser.add_argument(
        "--plain", action="store_true", help="show every picture as it is, without augmentation"
    )
    parser.add_argument(
        "--augment",
        action="append",
        metavar="NAME=N",
        help="change one choice of the augmentation, such as rotation=3, erase=0 or shift=0.1",
    )
    parser.add_argument(
        "--threads", type=int, help="largest number of shards computed in parallel (default: cores)"
    )


def choices(arguments: argparse.Namespace) -> Configuration:
    """Return the configuration that the options state."""
    given = {name: getattr(arguments, name) for name in HELP}
    faces = dict(options.face_choices(arguments))
    if arguments.detect is not None:
        faces["detect"] = resolved(arguments.detect)
    stated = {name: value for name, value in (given | faces).items() if value is not None}
    if arguments.loss is not None:
        stated["loss"] = tuple(arguments.loss)
    plain = Augmentation.none() if arguments.plain else Augmentation()
    stated["augmentation"] = asdict(plain) | augmented(arguments.augment or [])
    return replace(DEFAULTS, **stated)


def augmented(texts: Sequence[str]) -> dict[str, float]:
    """Return the fields and values in texts like "rotation=3"; ArgumentError for other texts."""
    known = [field.name for field in fields(Augmentation) if isinstance(field.default, float)]
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = float("nan")
        if name not in known or found[name] != found[name]:
            raise ArgumentError(f"--augment takes NAME=NUMBER of {', '.join(known)}, not {text!r}")
    return found
