"""`npfacenet demo`: the whole job once, on drawn or real pictures, with a sheet to look at."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from npfacenet.cards import Card
from npfacenet.commands import options
from npfacenet.commands.demo_pictures import NEEDS, DemoPictures, draw_office, pictures_from
from npfacenet.commands.demo_sheet import write_sheet
from npfacenet.commands.demo_story import Story, story_as_json, story_of, tell
from npfacenet.commands.face_notes import note_choices, note_preparation
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    GalleryError,
    OutputError,
    printable,
    quoted,
)
from npfacenet.files.atomic import require_writable
from npfacenet.models import Embeddings, Model
from npfacenet.recognition.calibration import Calibration, ErrorRate, calibrate
from npfacenet.recognition.distance import distances, threshold_for
from npfacenet.samples import people
from npfacenet.zoo.packaged import DEFAULT_MODEL

STRANGERS, FIRST_STRANGER = 100, 910_000  # drawn people to calibrate on, and their first seed
FALSE_MATCH_RATE = 0.01  # of one comparison
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
    parser.add_argument("--images", metavar="FOLDER", help="photographs of people")
    parser.add_argument(
        "-o", "--output", default=SHEET, metavar="SHEET.png", help=f"default: {SHEET}"
    )
    options.add_threshold(parser)
    options.add_faces(parser)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class Drawn:
    """Measurements on drawn people who do not work in the office.

    `pairs` is a threshold calibrated on pairs of them, `first` one embedding of each.
    """

    pairs: Calibration
    first: Embeddings

    def let_in(self, story: Story, threshold: float) -> ErrorRate:
        """Count how many of them, one picture each, a search of the office would let in."""
        nearest = distances(self.first, story.known).min(axis=1)
        return ErrorRate(int((nearest <= threshold).sum()), len(nearest))


def run(arguments: argparse.Namespace) -> int:
    """Do all of it, print the story, and return 0."""
    sheet = Path(arguments.output)
    if sheet.suffix.lower() != ".png":
        raise OutputError(f"the sheet must be called NAME.png, not {quoted(arguments.output)}")
    require_writable(sheet)
    require_photographs(arguments)
    model = options.load_model(arguments)
    card = model.card
    without = arguments.threshold is None and not card.measured
    if arguments.images is not None and without:
        raise EmbeddingError(
            "the demo decides by the threshold of the model's card, and this one has none: choose "
            f"another model (--model {DEFAULT_MODEL}), or calibrate one (npfacenet evaluate lfw "
            "--help)"
        )
    pictures = pictures_for(arguments.images, sheet)
    with ProgressBar() as progress:
        known, probes = embedded(model, pictures, arguments, progress)
        drawn = None if pictures.drawn_in is None else drawn_people(model, progress)
    stated = arguments.threshold if drawn is None else drawn.pairs.threshold
    comparison = threshold_for(stated, known)
    story = story_of(pictures, known, probes, comparison)
    write_sheet(sheet, story)
    commands = next_commands(arguments, story, finds_faces=model.finds_faces())
    evidence = drawn_evidence(drawn, card) if drawn else options.evidence(stated, known)
    if arguments.json:
        thresholds: dict[str, object] = {
            "comparison": {"threshold": comparison, "evidence": evidence}
        }
        about = options.model_keys(model, known.preparation) | {"sheet": str(sheet)} | thresholds
        options.print_json(about | story_as_json(story) | {"commands": commands})
        return 0
    print(f"model      {card.architecture}, {card.variant or 'one variant'}: {card.source}")
    if pictures.drawn_in is not None:
        print(f"pictures   drawn: an office of people who belong to nobody, in {pictures.drawn_in}")
    print(f"enrolled   {', '.join(map(printable, story.gallery.people))}")
    tell_thresholds(story, evidence, drawn)
    tell(story)
    print(f"\nlook at    {sheet}\n\nnow type")
    for command in commands:
        print(f"  {command}")
    return 0


def require_photographs(arguments: argparse.Namespace) -> None:
    """Raise ArgumentError for options that are for photographs, and not for drawn pictures."""
    words = [word for word in options.face_words(arguments) if word != "--no-detect"]
    words += [] if arguments.threshold is None else ["--threshold"]
    if words and arguments.images is None:
        raise ArgumentError(
            f"{words[0]} is for photographs (--images FOLDER): the drawn pictures are cropped to "
            "the face, and have a threshold of their own"
        )


def embedded(
    model: Model, pictures: DemoPictures, arguments: argparse.Namespace, progress: ProgressBar
) -> tuple[Embeddings, Embeddings]:
    """Embed the pictures that are enrolled, and those at the door.

    Drawn pictures are cropped to the face. Raises EmbeddingError if there is no threshold for the
    others.
    """
    choices = options.face_choices(arguments)
    if pictures.drawn_in is not None:
        choices["detect"] = False
    probes = model.embed(pictures.at_the_door, **choices, progress=progress)
    if pictures.drawn_in is None:
        options.require_threshold(model, arguments.threshold, probes)
        note_preparation(probes)
    known = model.embed(pictures.enrolled, **choices, progress=progress)
    for shown in (known, probes):
        note_choices(shown, arguments.choose)
    return known, probes


def pictures_for(images: str | None, sheet: Path) -> DemoPictures:
    """Return the pictures to show; raise OutputError if the sheet would overwrite one."""
    if images is None:
        return draw_office(sheet.with_name(OFFICE))
    if not images:
        raise GalleryError(f"--images names no folder; it should be one that holds {NEEDS}")
    leaving_out = (sheet, Path(images, SHEET), Path(images, OFFICE))
    return pictures_from(Path(images), leaving_out=leaving_out)


def drawn_people(model: Model, progress: ProgressBar) -> Drawn:
    """Calibrate a threshold for drawn faces on pairs of people who do not work in the office.

    A card's threshold holds for photographs, on which it was measured.
    """
    others = people(STRANGERS, 2, FIRST_STRANGER)
    embeddings = model.embed(others.pictures, detect=False, progress=progress)
    first, second = embeddings[::2], embeddings[1::2]
    apart = distances(first, second)
    impostors = apart[np.triu_indices(STRANGERS, k=1)]
    return Drawn(calibrate(np.diagonal(apart), impostors, FALSE_MATCH_RATE), first)


def drawn_evidence(drawn: Drawn, card: Card) -> str:
    """Return the evidence of the threshold for drawn faces."""
    said = f"calibrated now on pairs of {STRANGERS} other drawn people: {drawn.pairs}"
    if card.threshold is not None:
        said += f" (the card's {card.threshold.value:g} holds for photographs)"
    return said


def tell_thresholds(story: Story, evidence: str, drawn: Drawn | None) -> None:
    """Print the thresholds for 1:1 and 1:K, and their evidence."""
    search = story.search
    stricter = "stricter, because " if search.value < story.comparison else ""
    lines = [
        f"1:1, {story.comparison:.4g}: {printable(evidence)}",
        f"1:K, {search.value:.4g}: {stricter}{search}",
    ]
    if drawn is not None:
        strict, loose = (drawn.let_in(story, t) for t in (search.value, story.comparison))
        lines.append(
            f"Measured: of {strict.trials} other drawn people at the door, {strict.errors} would "
            f"be let in; at {story.comparison:.4g}, {loose.errors}."
        )
    print("threshold  " + "\n".join(lines).replace("\n", "\n           "))


def next_commands(arguments: argparse.Namespace, story: Story, *, finds_faces: bool) -> list[str]:
    """Return commands that can be typed as they are; the program is named as it was started.

    `finds_faces` tells whether the model finds faces unless it is told otherwise.
    """
    program = "npfacenet"
    beside = Path(sys.executable).with_name("npfacenet")
    if beside.is_file() and not shutil.which("npfacenet"):
        program = os.path.relpath(beside)
    pictures, drawn = story.pictures, story.pictures.drawn_in is not None
    faces = ["--no-detect"] if drawn and finds_faces else options.face_words(arguments)
    model = [*faces, *options.model_options(arguments)]
    nearest = pictures.enrolled[story.nearest_picture(0, story.intruder.person)]
    stated = drawn or arguments.threshold is not None
    one_to_one = ("--threshold", f"{story.comparison:.4g}") if stated else ()
    commands: list[tuple[object, ...]] = [
        ("verify", pictures.at_the_door[0], nearest, *one_to_one, *model)
    ]
    if drawn:
        staff, one_to_many = pictures.enrolled[0].parent.parent, f"{story.search.value:.4g}"
        search = ("--gallery", staff, "--threshold", one_to_many, *model)
        commands.append(("identify", pictures.at_the_door[-1], *search))
    commands += [("summary", arguments.model), ("--help",)]
    return [shlex.join([program, *map(str, words)]) for words in commands]
