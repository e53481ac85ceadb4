"""`npfacenet identify PROBE... --gallery GALLERY`: find the people whom pictures show."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Literal

from npfacenet.commands import options
from npfacenet.commands.face_notes import (
    faces_as_json,
    note_choices,
    note_preparation,
    note_skipped,
    row_names,
)
from npfacenet.commands.galleries import add_by, add_gallery, known_people
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, printable, quoted
from npfacenet.faces.choice import CHOICES
from npfacenet.gallery import Gallery, Identification, identify_all
from npfacenet.gallery.identification import NEAREST
from npfacenet.models import Embeddings
from npfacenet.models.embeddings import Skipped


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "identify",
        help="find a picture's person in a gallery (1:K)",
        description="Find the person of a gallery whom a picture shows, or report an unknown. "
        "Exit code 0: every picture (with --choose all, every face) has a match, 1: one or more "
        "are unknown, 2: error.",
        epilog="Examples: npfacenet identify door.jpg --gallery office.gallery; "
        "npfacenet identify door.jpg --gallery people/, where people/ holds anna.jpg, or "
        "anna/1.jpg and anna/2.jpg",
    )
    parser.add_argument(
        "probe", metavar="PROBE", nargs="+", help="a picture of a person; several give a line each"
    )
    add_gallery(parser)
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures of the gallery and of PROBE that cannot be used, instead of "
        "stopping; the exit code is that of the others (2 if there are none)",
    )
    add_by(parser)
    options.add_threshold(parser)
    options.add_faces(parser, CHOICES)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enrol the gallery and identify the probes; return 0 if all have a match, else 1."""
    choices = options.face_choices(arguments, CHOICES)
    model = options.load_model(arguments)
    on_error = error_handling(arguments)
    with ProgressBar() as progress:
        probes = model.embed(arguments.probe, **choices, on_error=on_error, progress=progress)
    note_skipped(probes.skipped)
    if not len(probes):
        raise ArgumentError("none of the pictures could be used, so nobody was looked for")
    options.require_threshold(model, arguments.threshold, probes)
    with known_people(arguments, model, choices, on_error) as gallery:
        if not len(gallery):
            note_skipped(damaged := damaged_in(gallery))
            fault = "none of the gallery's pictures could be used: " if damaged else ""
            raise ArgumentError(f"{fault}nobody is enrolled in {quoted(arguments.gallery)}")
        results = identify_all(probes, gallery, threshold=arguments.threshold, by=arguments.by)
        tell_of_pictures(arguments, probes, gallery)
        others = len(gallery) - NEAREST
    evidence = options.evidence(arguments.threshold, probes)
    # The form follows from the command, not from how many faces there are.
    alone = len(arguments.probe) == 1 and arguments.choose != "all"
    if arguments.json:
        more = {"evidence": evidence} | options.model_keys(model, probes.preparation)
        documents = [
            {"probe": source} | result.as_json() | {"face": face} | more
            for source, face, result in zip(
                probes.sources, faces_as_json(probes), results, strict=True
            )
        ]
        if alone:
            del documents[0]["probe"]
        options.print_json(documents[0] if alone else documents)
    elif alone:
        print_one(results[0], evidence, others)
    else:
        print_all(row_names(probes, arguments.choose), results, evidence)
    return 0 if all(results) else 1


def error_handling(arguments: argparse.Namespace) -> Literal["raise", "skip"]:
    """Return what to do with a picture that cannot be used."""
    return "skip" if arguments.skip_errors else "raise"


def tell_of_pictures(arguments: argparse.Namespace, probes: Embeddings, gallery: Gallery) -> None:
    """Print remarks on the faces that are used, and on the pictures that are not."""
    note_preparation(probes)
    note_choices(probes, arguments.choose)
    if gallery.path is None and (known := gallery.embeddings) is not None:
        note_choices(known, None if arguments.choose == "all" else arguments.choose)
    damaged = damaged_in(gallery)
    note_skipped(damaged)
    others = [skipped for skipped in gallery.passed_over if skipped not in set(damaged)]
    options.note_passed_over(arguments.gallery, others)


def damaged_in(gallery: Gallery) -> tuple[Skipped, ...]:
    """Return the pictures of the gallery's folder that could not be used."""
    return tuple(skipped for skipped in gallery.passed_over if skipped.position is not None)


def print_one(result: Identification, evidence: str, others: int) -> None:
    """Print the result for one probe, and how many people are farther away than those listed."""
    print("unknown: no match" if result.match is None else f"match: {printable(result.match)}")
    for candidate in result.candidates:
        print(f"  {candidate.distance:.3f}  {printable(candidate.name)}")
    if others > 0:
        print(f"  and {others} more, farther away")
    if result.margin is not None:
        print(f"margin between the best and the runner-up: {result.margin:.3f}")
    print(f"threshold {result.threshold:g}: {printable(evidence)}")


def print_all(names: Sequence[str], results: Sequence[Identification], evidence: str) -> None:
    """Print one line for each probe, then the threshold and its evidence."""
    for name, result in zip(names, results, strict=True):
        found = "unknown" if result.match is None else f"match: {printable(result.match)}"
        nearest = result.candidates[0] if result.candidates else None
        at = "" if nearest is None else f", {nearest.distance:.3f}"
        if nearest is not None and result.match is None:
            at = f", nearest {printable(nearest.name)} {nearest.distance:.3f}"
        print(f"{printable(name)}: {found}{at}")
    print(f"threshold {results[0].threshold:g}: {printable(evidence)}")
