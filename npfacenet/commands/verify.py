"""`npfacenet verify A B`, `verify --claim NAME PHOTO`: decide whether pictures show one person."""

from __future__ import annotations

import argparse

from npfacenet.commands import options
from npfacenet.commands.face_notes import faces_as_json, note_choices, note_preparation
from npfacenet.commands.galleries import KINDS, add_by, add_gallery, known_people
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, printable
from npfacenet.gallery import Claim, verify_claim
from npfacenet.models import Embeddings, Model
from npfacenet.recognition import Verification, verify

DELAY = 2.0
"""Seconds after which the progress of two pictures is of interest."""


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="compare two pictures, or a picture with a claim (1:1)",
        description="Decide whether pictures show the same person, by one face of each: A and B; "
        "several pictures of a person on either side, A... --with B...; or a claim, A... --claim "
        "NAME --gallery GALLERY. Of several pictures the nearest two decide, unless --by mean. "
        "Exit code 0: same person, 1: not, 2: error.",
        epilog="Examples: npfacenet verify anna_passport.jpg anna_door.jpg; "
        "npfacenet verify door.jpg --claim anna --gallery office.gallery",
    )
    parser.add_argument("pictures", metavar="A", nargs="+", help="pictures of a person")
    side = parser.add_mutually_exclusive_group()
    side.add_argument(
        "--with", dest="others", metavar="B", nargs="+", help="pictures of the other side"
    )
    side.add_argument(
        "--claim", metavar="NAME", help="compare with this person of --gallery instead"
    )
    add_gallery(parser, required=False, what=f"where the person of --claim is known: {KINDS}")
    add_by(parser)
    options.add_threshold(parser)
    options.add_faces(parser)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Embed both sides, compare and print; return 0 for the same person, else 1."""
    first, second = sides(arguments)
    choices = options.face_choices(arguments)
    model = options.load_model(arguments)
    with ProgressBar(delay=DELAY) as progress:
        seen = model.embed([*first, *second], **choices, progress=progress)
    options.require_threshold(model, arguments.threshold, seen)
    if arguments.claim is None:
        probe, known = seen[: len(first)], seen[len(first) :]
        result: Verification = verify(probe, known, threshold=arguments.threshold, by=arguments.by)
    else:
        result = claimed(arguments, model, choices, seen)
    evidence = options.evidence(arguments.threshold, seen)
    note_preparation(seen)
    note_choices(seen, arguments.choose)
    if arguments.json:
        about: dict[str, object] = {"evidence": evidence, "faces": faces_as_json(seen)}
        about |= options.model_keys(model, seen.preparation)
        options.print_json({**result.as_json(), **about})
    else:
        print(told(result))
        print(f"threshold: {printable(evidence)}")
    return 0 if result else 1


def sides(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the pictures of both sides; raise ArgumentError if it is not clear which they are."""
    pictures: list[str] = arguments.pictures
    if (arguments.claim is None) != (arguments.gallery is None):
        raise ArgumentError("a claim needs a gallery, and a gallery a claim: --claim and --gallery")
    if arguments.claim is not None:
        return pictures, []
    if arguments.others is not None:
        return pictures, arguments.others
    if len(pictures) != 2:
        raise ArgumentError(
            f"two pictures are compared, not {len(pictures)}; with several of a person: "
            "npfacenet verify A... --with B..., or with a claim: --claim NAME --gallery GALLERY"
        )
    return pictures[:1], pictures[1:]


def claimed(
    arguments: argparse.Namespace, model: Model, choices: options.FaceChoices, seen: Embeddings
) -> Claim:
    """Compare with the person who is claimed."""
    with known_people(arguments, model, choices, "raise") as gallery:
        return verify_claim(
            seen, gallery, arguments.claim, threshold=arguments.threshold, by=arguments.by
        )


def told(result: Verification) -> str:
    """Return the decision and its grounds in a line."""
    if isinstance(result, Claim) and result.denied:
        return (
            f"not the same person: distance {result.distance:.3f}, but nearer to a picture that "
            f"does not show {printable(result.claim)}, as somebody said"
        )
    decision, relation = ("same person", "<=") if result else ("not the same person", ">")
    return f"{decision}: distance {result.distance:.3f} {relation} threshold {result.threshold:g}"
