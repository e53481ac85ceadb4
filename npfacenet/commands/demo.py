"""`npfacenet demo`: the whole job once, on drawn or real pictures, with a sheet to look at."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from npfacenet.checkpoints.card import Card
from npfacenet.checkpoints.manifest import PACKAGED
from npfacenet.checkpoints.placing import atomic_file, require_writable, writing_in
from npfacenet.commands import options
from npfacenet.commands.cast import NEEDS, Cast, cast_of, draw_office
from npfacenet.commands.progress import Progress
from npfacenet.errors import EmbeddingError, GalleryError, OutputError, printable
from npfacenet.images import read
from npfacenet.images.contact_sheet import Tile, write_contact_sheet
from npfacenet.models import Embeddings, Model
from npfacenet.recognition import Gallery, Identification, identify, verify
from npfacenet.recognition.calibration import Calibration, calibrate
from npfacenet.recognition.distance import distances, threshold_for, within
from npfacenet.samples import people

SHOWN = 5  # candidates of a probe
ENROLLED_SHOWN = 12
STRANGERS, FIRST_STRANGER = 100, 910_000  # drawn people to calibrate on, and their first seed
FALSE_MATCH_RATE = 0.005  # each of twelve people enrolled is a chance to be taken for somebody
SHEET = "npfacenet-demo.png"
OFFICE = "npfacenet-demo"  # the folder of drawn pictures


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="enrol, verify, identify and turn an intruder away, on pictures",
        description="Do the whole job once: enrol a gallery, verify a claim, identify who stands "
        "at the door, turn an intruder away; and write a sheet of the pictures. Without --images "
        f"an office of twelve people is drawn, who belong to nobody, into the folder {OFFICE} "
        "beside the sheet.",
        epilog=f"FOLDER holds {NEEDS}.",
    )
    parser.add_argument("--images", metavar="FOLDER", help="pictures of faces, cropped")
    parser.add_argument(
        "-o", "--output", default=SHEET, metavar="SHEET.png", help=f"default: {SHEET}"
    )
    options.add_model(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True, eq=False)
class Play:
    """The cast with its embeddings: the gallery's, and those of the probes at the door.

    `threshold` is what is decided by.
    """

    cast: Cast
    gallery: Gallery
    known: Embeddings
    probes: Embeddings
    threshold: float

    def nearest_picture(self, probe: int, name: str) -> Path:
        """Of the pictures of somebody enrolled, the one that is nearest to a probe."""
        apart = distances(self.probes[[probe]], self.known)[0]
        rows = [row for row, other in enumerate(self.cast.names) if other == name]
        return self.cast.enrolled[min(rows, key=lambda row: apart[row])]


def run(arguments: argparse.Namespace) -> int:
    """Tell the story on standard output; 0 when it was told."""
    sheet = Path(arguments.output)
    if sheet.suffix.lower() != ".png":
        raise OutputError(f"the sheet must be called NAME.png, not {arguments.output!r}")
    require_writable(sheet)
    model = options.load_model(arguments)
    card = model.card
    if arguments.images is not None and card.threshold is None:
        raise EmbeddingError(
            "the demo decides by the threshold of the model's card, and this one has none: choose "
            f"another model (--model {PACKAGED}), or calibrate one (npfacenet evaluate lfw --help)"
        )
    cast = cast_for(arguments.images, sheet)
    with Progress() as progress:
        known = model.embed(cast.enrolled, progress=progress)
        probes = model.embed(cast.at_the_door, progress=progress)
        drawn = calibrated_on_drawings(model, progress) if cast.drawn_in is not None else None
    threshold = threshold_for(None if drawn is None else drawn.threshold, known)
    play = Play(cast, Gallery(cast.names, known), known, probes, threshold)
    print(f"model      {card.architecture}, {card.variant or 'one variant'}: {card.source}")
    if cast.drawn_in is not None:
        print(f"pictures   drawn: an office of people who belong to nobody, in {cast.drawn_in}")
    print(f"enrolled   {', '.join(map(printable, play.gallery.people))}")
    tell_threshold(drawn, card)
    results = tell_who_is_at_the_door(play)
    tell_claims(play, results[0])
    intruder = tell_intruder(play, results[0])
    write_sheet(sheet, play, results, intruder)
    print(f"\nlook at    {sheet}\n\nnow type")
    for command in next_commands(arguments, play, results[0]):
        print(f"  {command}")
    return 0


def cast_for(images: str | None, sheet: Path) -> Cast:
    """Who plays; OutputError for a sheet that would replace a picture."""
    if images is None:
        return draw_office(sheet.with_name(OFFICE))
    if not images:
        raise GalleryError(f"--images names no folder; it should be one that holds {NEEDS}")
    return cast_of(Path(images), leaving_out=(sheet, Path(images, SHEET), Path(images, OFFICE)))


def calibrated_on_drawings(model: Model, progress: Progress) -> Calibration:
    """A threshold for drawn faces, from pairs of drawn people who do not work in the office.

    That of a card holds for what it was measured on, which is photographs.
    """
    others = people(STRANGERS, 2, FIRST_STRANGER)
    embeddings = model.embed(others.pictures, progress=progress)
    first, second = embeddings[::2], embeddings[1::2]
    apart = distances(first, second)
    impostors = apart[np.triu_indices(STRANGERS, k=1)]
    return calibrate(np.diagonal(apart), impostors, FALSE_MATCH_RATE)


def tell_threshold(drawn: Calibration | None, card: Card) -> None:
    """Print what is decided by, and on what evidence."""
    if drawn is None:
        known = card.threshold
        print(f"threshold  {'' if known is None else f'{known.value:g}: {known.evidence}'}")
        return
    print(
        f"threshold  {drawn.threshold:.3f}, calibrated now on pairs of {STRANGERS} other drawn "
        f"people:\n           {drawn}"
    )
    if card.threshold is not None:
        print(f"           (the card's {card.threshold.value:g} holds for photographs)")


def next_commands(arguments: argparse.Namespace, play: Play, result: Identification) -> list[str]:
    """Commands that work as they stand, with the program as it was started here."""
    program = "npfacenet"
    beside = Path(sys.executable).with_name("npfacenet")
    if beside.is_file() and not shutil.which("npfacenet"):
        program = os.path.relpath(beside)
    model, cast = options.model_options(arguments), play.cast
    if cast.drawn_in is not None:
        model += ["--threshold", f"{play.threshold:.3f}"]
    nearest = play.nearest_picture(0, result.candidates[0].name)
    commands: list[tuple[object, ...]] = [("verify", cast.at_the_door[0], nearest, *model)]
    if cast.drawn_in is not None:
        staff = cast.enrolled[0].parent.parent
        commands.append(("identify", cast.at_the_door[-1], "--gallery", staff, *model))
    commands += [("summary", arguments.model), ("--help",)]
    return [shlex.join([program, *map(str, words)]) for words in commands]


def tell_who_is_at_the_door(play: Play) -> list[Identification]:
    """Identify every probe and print who it is."""
    print("\nidentify   who stands at the door?")
    results = [identify(probe, play.gallery, threshold=play.threshold) for probe in play.probes]
    for path, result in zip(play.cast.at_the_door, results, strict=True):
        nearest = result.candidates[0]
        print(
            f"  {printable(path.name):16} {printable(result.match or 'unknown'):12} nearest "
            f"{printable(nearest.name)} at {nearest.distance:.3f}, margin {result.margin:.3f}"
        )
    return results


def tell_claims(play: Play, result: Identification) -> None:
    """Print two claims of the first probe: to be the nearest person, and the farthest."""
    print("\nverify     is the first one who they claim to be?")
    for claimed in (result.candidates[0].name, result.candidates[-1].name):
        claims = (
            verify(play.probes[[0]], known, threshold=play.threshold)
            for known in play.gallery.person(claimed)
        )
        claim = min(claims, key=lambda each: each.distance)
        answer = "welcome" if claim.same else "go away"
        numbers = f"distance {claim.distance:.3f}, threshold {claim.threshold:.3f}"
        print(f"  {f'I am {printable(claimed)}':28} {answer} ({numbers})")


def tell_intruder(play: Play, result: Identification) -> Identification:
    """Take the first probe's person out of the gallery: do the others keep them out?"""
    person = result.candidates[0].name
    alone = identify(play.probes[[0]], play.gallery.without(person), threshold=play.threshold)
    nearest = alone.candidates[0]
    print(f"\nintruder   the same picture, with {printable(person)} not enrolled")
    outcome = "let in, wrongly" if alone.match else "turned away"
    print(f"  {outcome}: nearest is {printable(nearest.name)} at {nearest.distance:.3f}")
    return alone


def write_sheet(
    target: Path, play: Play, results: Sequence[Identification], intruder: Identification
) -> None:
    """The people enrolled, a row for each probe with its nearest ones, one for the intruder."""
    cast, names = play.cast, play.gallery.people
    first = dict(zip(reversed(cast.names), reversed(cast.enrolled), strict=True))

    def row(title: str, probe: int, result: Identification) -> tuple[str, list[Tile]]:
        tiles = [Tile(read(cast.at_the_door[probe]), printable(cast.at_the_door[probe].name))]
        for candidate in result.candidates[:SHOWN]:
            frame: Literal["yes", "no"] = (
                "yes" if within(candidate.distance, result.threshold) else "no"
            )
            face = read(play.nearest_picture(probe, candidate.name))
            caption = f"{printable(candidate.name)}\n{candidate.distance:.3f}"
            tiles.append(Tile(face, caption, frame))
        return title, tiles

    rows: list[tuple[str, list[Tile]]] = []
    for start in range(0, min(len(names), ENROLLED_SHOWN), 1 + SHOWN):
        some = names[start : start + 1 + SHOWN]
        title = "" if start else f"enrolled: {len(names)} people"
        rows.append((title, [Tile(read(first[name]), printable(name)) for name in some]))
    rows += [
        row(f"who is it? {printable(result.match or 'unknown')}", probe, result)
        for probe, result in enumerate(results)
    ]
    rows.append(row("the first one again, as if not enrolled", 0, intruder))
    with writing_in(target.parent), atomic_file(target) as file:
        write_contact_sheet(rows, file)
