"""`npfacenet verify A B`: decide whether two pictures show the same person."""

from __future__ import annotations

import argparse

from npfacenet.commands import options
from npfacenet.commands.face_notes import faces_as_json, note_choices, note_preparation
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import printable
from npfacenet.recognition import verify

DELAY = 2.0
"""Seconds after which the progress of two pictures is of interest."""


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="compare two pictures (1:1)",
        description="Decide whether two pictures show the same person, by one face of each. "
        "Exit code 0: same person, 1: not, 2: error.",
        epilog="Example: npfacenet verify anna_passport.jpg anna_door.jpg",
    )
    parser.add_argument("a", metavar="A", help="a picture of a person")
    parser.add_argument("b", metavar="B", help="another picture")
    options.add_threshold(parser)
    options.add_faces(parser)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Embed both pictures, compare and print; return 0 for the same person, else 1."""
    choices = options.face_choices(arguments)
    model = options.load_model(arguments)
    with ProgressBar(delay=DELAY) as progress:
        both = model.embed([arguments.a, arguments.b], **choices, progress=progress)
    options.require_threshold(model, arguments.threshold, both)
    result = verify(both[0], both[1], threshold=arguments.threshold)
    evidence = options.evidence(arguments.threshold, both)
    note_preparation(both)
    note_choices(both, arguments.choose)
    if arguments.json:
        about: dict[str, object] = {"evidence": evidence, "faces": faces_as_json(both)}
        about |= options.model_keys(model, both.preparation)
        options.print_json({**result.as_json(), **about})
    else:
        decision, relation = ("same person", "<=") if result else ("not the same person", ">")
        print(
            f"{decision}: distance {result.distance:.3f} {relation} threshold {result.threshold:g}"
        )
        print(f"threshold: {printable(evidence)}")
    return 0 if result else 1
