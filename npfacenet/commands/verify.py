"""`npfacenet verify A B`: decide whether two pictures show the same person."""

from __future__ import annotations

import argparse

from npfacenet.commands import options
from npfacenet.errors import printable
from npfacenet.recognition import verify


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="compare two pictures (1:1)",
        description="Decide whether two pictures of faces show the same person. "
        "Exit code 0: same person, 1: not, 2: error.",
        epilog="Example: npfacenet verify anna_passport.jpg anna_door.jpg",
    )
    parser.add_argument("a", metavar="A", help="a picture of a face")
    parser.add_argument("b", metavar="B", help="another picture of a face")
    options.add_threshold(parser)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Embed both pictures, compare and print; return 0 for the same person, else 1."""
    model = options.load_model(arguments)
    a, b = model.embed([arguments.a, arguments.b])
    result = verify(a, b, threshold=arguments.threshold)
    evidence = options.evidence(model, arguments.threshold)
    options.note(options.CROPPED_FACES)
    if arguments.json:
        options.print_json(result.as_json() | {"evidence": evidence} | options.model_keys(model))
    else:
        decision, relation = ("same person", "<=") if result else ("not the same person", ">")
        print(
            f"{decision}: distance {result.distance:.3f} {relation} threshold {result.threshold:g}"
        )
        print(f"threshold: {printable(evidence)}")
    return 0 if result else 1
