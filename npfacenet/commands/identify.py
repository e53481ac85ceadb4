"""`npfacenet identify PROBE... --gallery FOLDER`: find the people whom pictures show."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Literal

from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, printable
from npfacenet.models import Embeddings
from npfacenet.models.embeddings import Skipped
from npfacenet.recognition import Identification, enrol, identify_all

SHOWN = 5


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "identify",
        help="find a picture's person in a gallery (1:K)",
        description="Find the person of a gallery whom a picture shows, or report an unknown. "
        "Exit code 0: every picture has a match, 1: one or more are unknown, 2: error.",
        epilog="Example: npfacenet identify door.jpg --gallery people/, where people/ holds "
        "anna.jpg, or anna/1.jpg and anna/2.jpg",
    )
    parser.add_argument(
        "probe", metavar="PROBE", nargs="+", help="a picture of a face; several give one line each"
    )
    parser.add_argument(
        "--gallery",
        required=True,
        metavar="FOLDER",
        help="the known people: name.jpg, or name/*.jpg",
    )
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures of the gallery and of PROBE that cannot be read, instead of "
        "stopping; the exit code is that of the others (2 if there are none)",
    )
    options.add_threshold(parser)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enrol the gallery and identify the probes; return 0 if all have a match, else 1."""
    model = options.load_model(arguments)
    on_error: Literal["raise", "skip"] = "skip" if arguments.skip_errors else "raise"
    probes = model.embed(arguments.probe, on_error=on_error)
    note_skipped(probes)
    if not len(probes):
        raise ArgumentError("none of the pictures could be read, so nobody was looked for")
    with ProgressBar() as progress:
        gallery = enrol(model, arguments.gallery, on_error=on_error, progress=progress)
    results = identify_all(probes, gallery, threshold=arguments.threshold)
    options.note(options.CROPPED_FACES)
    damaged = note_skipped(gallery.embeddings)
    others = [skipped for skipped in gallery.passed_over if skipped not in damaged]
    options.note_passed_over(arguments.gallery, others)
    evidence = options.evidence(model, arguments.threshold)
    alone = len(arguments.probe) == 1
    if arguments.json:
        more = {"evidence": evidence} | options.model_keys(model)
        documents = [result.as_json() | more for result in results]
        sources = ({"probe": source} for source in probes.sources)
        each = [about | found for about, found in zip(sources, documents, strict=True)]
        options.print_json(documents[0] if alone else each)
    elif alone:
        print_one(results[0], evidence)
    else:
        print_all(probes, results, evidence)
    return 0 if all(results) else 1


def note_skipped(embeddings: Embeddings | None) -> set[Skipped]:
    """Print a remark on each picture that could not be read; return them."""
    skipped = () if embeddings is None else embeddings.skipped
    for each in skipped:
        options.note(f"skipped: {each.reason}")
    return set(skipped)


def print_one(result: Identification, evidence: str) -> None:
    """Print the result for one probe, with the nearest other candidates."""
    print("unknown: no match" if result.match is None else f"match: {printable(result.match)}")
    for candidate in result.candidates[:SHOWN]:
        print(f"  {candidate.distance:.3f}  {printable(candidate.name)}")
    if len(result.candidates) > SHOWN:
        print(f"  and {len(result.candidates) - SHOWN} more, farther away")
    if result.margin is not None:
        print(f"margin between the best and the runner-up: {result.margin:.3f}")
    print(f"threshold {result.threshold:g}: {printable(evidence)}")


def print_all(probes: Embeddings, results: Sequence[Identification], evidence: str) -> None:
    """Print one line for each probe, then the threshold and its evidence."""
    for source, result in zip(probes.sources, results, strict=True):
        found = "unknown" if result.match is None else f"match: {printable(result.match)}"
        nearest = result.candidates[0] if result.candidates else None
        at = "" if nearest is None else f", {nearest.distance:.3f}"
        if nearest is not None and result.match is None:
            at = f", nearest {printable(nearest.name)} {nearest.distance:.3f}"
        print(f"{printable(source)}: {found}{at}")
    print(f"threshold {results[0].threshold:g}: {printable(evidence)}")
