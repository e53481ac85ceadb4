"""`npfacenet demo`: the whole job once, on drawn or real pictures, with a sheet to look at."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Literal

from npfacenet.checkpoints.placing import atomic_file, require_writable, writing_in
from npfacenet.commands import options
from npfacenet.commands.cast import NEEDS, Cast, cast_of, draw_office
from npfacenet.commands.progress import Progress
from npfacenet.errors import OutputError
from npfacenet.images import read
from npfacenet.images.contact_sheet import Tile, write_contact_sheet
from npfacenet.models import Embeddings
from npfacenet.recognition import Gallery, Identification, identify, verify
from npfacenet.recognition.distance import within

SHOWN = 5  # candidates of a probe
ENROLLED_SHOWN = 12
SHEET = "npfacenet-demo.png"
OFFICE = "npfacenet-demo"  # the folder of drawn pictures


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="enrol, verify, identify and turn an intruder away, on pictures",
        description="Do the whole job once: enrol a gallery, verify a claim, identify who stands "
        "at the door, turn an intruder away; and write a sheet of the pictures. Without --images "
        f"an office of twelve people is drawn, who belong to nobody, into the folder {OFFICE}.",
        epilog=f"FOLDER holds {NEEDS}.",
    )
    parser.add_argument("--images", metavar="FOLDER", help="pictures of faces, cropped")
    parser.add_argument(
        "-o", "--output", default=SHEET, metavar="SHEET.png", help=f"default: {SHEET}"
    )
    options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tell the story on standard output; 0 when it was told."""
    sheet = Path(arguments.output)
    if sheet.suffix != ".png":
        raise OutputError(f"the sheet must be called NAME.png, not {arguments.output!r}")
    require_writable(sheet)
    model = options.load_model(arguments)
    office = sheet.with_name(OFFICE)
    cast = cast_of(Path(arguments.images)) if arguments.images else draw_office(office)
    with Progress() as progress:
        known = model.embed(cast.enrolled, progress=progress)
        probes = model.embed(cast.at_the_door, progress=progress)
    gallery = Gallery(cast.names, known)
    card = model.card
    print(f"model      {card.architecture}, {card.variant or 'one variant'}: {card.source}")
    if not arguments.images:
        print(f"pictures   drawn: an office of people who belong to nobody, in {office}")
    print(f"enrolled   {', '.join(gallery.people)}")
    results = tell_who_is_at_the_door(gallery, probes)
    tell_claims(gallery, probes[0], results[0])
    intruder = tell_intruder(gallery, probes[0], results[0])
    write_sheet(sheet, cast, results, intruder)
    print(f"\nlook at    {sheet}\n\nnow type")
    for command in next_commands(arguments, cast, results[0]):
        print(f"  {command}")
    return 0


def next_commands(arguments: argparse.Namespace, cast: Cast, result: Identification) -> list[str]:
    """Commands that work as they stand, with the program as it was started here."""
    program = sys.argv[0] if Path(sys.argv[0]).name == "npfacenet" else "npfacenet"
    beside = Path(sys.executable).with_name("npfacenet")
    if beside.is_file() and not shutil.which("npfacenet"):
        program = os.path.relpath(beside)
    model = options.model_options(arguments)
    nearest = cast.enrolled[cast.names.index(result.candidates[0].name)]
    commands: list[tuple[object, ...]] = [("verify", cast.at_the_door[0], nearest, *model)]
    if cast.gallery is not None:
        commands.append(("identify", cast.at_the_door[-1], "--gallery", cast.gallery, *model))
    commands += [("summary", arguments.model), ("--help",)]
    return [shlex.join([program, *map(str, words)]) for words in commands]


def tell_who_is_at_the_door(gallery: Gallery, probes: Embeddings) -> list[Identification]:
    """Identify every probe and print who it is."""
    print("\nidentify   who stands at the door?")
    results = [identify(probe, gallery) for probe in probes]
    for probe, result in zip(probes, results, strict=True):
        nearest = result.candidates[0]
        print(
            f"  {Path(probe.sources[0]).name:16} {result.match or 'unknown':12} nearest "
            f"{nearest.name} at {nearest.distance:.3f}, margin {result.margin:.3f}"
        )
    return results


def tell_claims(gallery: Gallery, probe: Embeddings, result: Identification) -> None:
    """Print two claims of the first probe: to be the nearest person, and the farthest."""
    print("\nverify     is the first one who they claim to be?")
    for claimed in (result.candidates[0].name, result.candidates[-1].name):
        claims = (verify(probe, known) for known in gallery.person(claimed))
        claim = min(claims, key=lambda each: each.distance)
        answer = "welcome" if claim.same else "go away"
        numbers = f"distance {claim.distance:.3f}, threshold {claim.threshold:g}"
        print(f"  {f'I am {claimed}':28} {answer} ({numbers})")


def tell_intruder(gallery: Gallery, probe: Embeddings, result: Identification) -> Identification:
    """Take the first probe's person out of the gallery: do the others keep them out?"""
    person = result.candidates[0].name
    alone = identify(probe, gallery.without(person))
    nearest = alone.candidates[0]
    print(f"\nintruder   the same picture, with {person} not enrolled")
    outcome = "let in, wrongly" if alone.match else "turned away"
    print(f"  {outcome}: nearest is {nearest.name} at {nearest.distance:.3f}")
    return alone


def write_sheet(
    target: Path, cast: Cast, results: list[Identification], intruder: Identification
) -> None:
    """The people enrolled, a row for each probe with its nearest ones, one for the intruder."""
    faces = dict(zip(reversed(cast.names), reversed(cast.enrolled), strict=True))
    people = list(dict.fromkeys(cast.names))

    def row(title: str, probe: Path, result: Identification) -> tuple[str, list[Tile]]:
        nearest = result.candidates[:SHOWN]
        tiles = [Tile(read(probe), probe.name)]
        for candidate in nearest:
            frame: Literal["yes", "no"] = (
                "yes" if within(candidate.distance, result.threshold) else "no"
            )
            caption = f"{candidate.name}\n{candidate.distance:.3f}"
            tiles.append(Tile(read(faces[candidate.name]), caption, frame))
        return title, tiles

    rows: list[tuple[str, list[Tile]]] = []
    for start in range(0, min(len(people), ENROLLED_SHOWN), 1 + SHOWN):
        some = people[start : start + 1 + SHOWN]
        title = "" if start else f"enrolled: {len(people)} people"
        rows.append((title, [Tile(read(faces[name]), name) for name in some]))
    rows += [
        row(f"who is it? {result.match or 'unknown'}", probe, result)
        for probe, result in zip(cast.at_the_door, results, strict=True)
    ]
    rows.append(row("the first one again, as if not enrolled", cast.at_the_door[0], intruder))
    with writing_in(target.parent), atomic_file(target) as file:
        write_contact_sheet(rows, file)
