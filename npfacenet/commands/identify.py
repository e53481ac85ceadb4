"""`npfacenet identify PROBE --gallery FOLDER`: whom does a picture show?"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from npfacenet.commands import options
from npfacenet.commands.progress import Progress
from npfacenet.errors import printable
from npfacenet.recognition import enrol, identify

SHOWN = 5


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "identify",
        help="find a picture's person in a gallery (1:K)",
        description="Find the person of a gallery whom a picture shows, or say that it is none "
        "of them. Exit code 0: match, 1: unknown, 2: error.",
        epilog="Example: npfacenet identify door.jpg --gallery people/, where people/ holds "
        "anna.jpg, or anna/1.jpg and anna/2.jpg",
    )
    parser.add_argument("probe", metavar="PROBE", help="a picture of a face")
    parser.add_argument(
        "--gallery",
        required=True,
        metavar="FOLDER",
        help="the people who are known: name.jpg, or name/*.jpg",
    )
    options.add_threshold(parser)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enrol the gallery, look for the probe, print; 0 for a match, 1 for unknown."""
    model = options.load_model(arguments)
    probe = model.embed(arguments.probe)
    with Progress() as progress:
        gallery = enrol(model, arguments.gallery, progress=progress)
    result = identify(probe, gallery, threshold=arguments.threshold)
    evidence = options.evidence(model, arguments.threshold)
    options.note(options.CROPPED_FACES)
    if arguments.json:
        options.print_json(asdict(result) | {"evidence": evidence} | options.model_keys(model))
    else:
        if result.match is None:
            print("unknown: no match")
        else:
            print(f"match: {printable(result.match)}")
        for candidate in result.candidates[:SHOWN]:
            print(f"  {candidate.distance:.3f}  {printable(candidate.name)}")
        if len(result.candidates) > SHOWN:
            print(f"  and {len(result.candidates) - SHOWN} more, farther away")
        if result.margin is not None:
            print(f"margin between the best and the runner-up: {result.margin:.3f}")
        print(f"threshold {result.threshold:g}: {evidence}")
    return 0 if result.match is not None else 1
