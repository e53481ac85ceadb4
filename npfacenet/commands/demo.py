"""`npfacenet demo`: the whole job once, on drawn or real pictures, with a sheet to look at."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np

from npfacenet.cards import Card
from npfacenet.commands import options
from npfacenet.commands.demo_door import embedded
from npfacenet.commands.demo_office import draw_office
from npfacenet.commands.demo_pictures import NEEDS, DemoPictures, pictures_from
from npfacenet.commands.demo_sheet import write_sheet
from npfacenet.commands.demo_story import Story, story_as_json, story_of, tell
from npfacenet.commands.demo_strangers import Strangers, measured
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
from npfacenet.models import Model
from npfacenet.recognition.distance import threshold_for
from npfacenet.zoo.packaged import DEFAULT_MODEL

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
    choices = options.face_choices(arguments)
    finds_faces = model.finds_faces(detect=choices["detect"], crop=choices["crop"])
    require_usable(model, choices)
    pictures = pictures_for(arguments.images, sheet, finds_faces=finds_faces)
    with ProgressBar() as progress:
        known, probes = embedded(model, pictures, arguments, progress)
        drawn = None
        if pictures.drawn_in is not None:
            drawn = measured(model, choices, progress, photographs=finds_faces)
    stated = arguments.threshold if drawn is None else drawn.pairs.threshold
    comparison = threshold_for(stated, known)
    story = story_of(pictures, known, probes, comparison)
    write_sheet(sheet, story)
    commands = next_commands(arguments, story, finds_faces=model.finds_faces())
    evidence = drawn.evidence(card) if drawn else options.evidence(stated, known)
    if arguments.json:
        thresholds: dict[str, object] = {
            "comparison": {"threshold": comparison, "evidence": evidence}
        }
        about = options.model_keys(model, known.preparation) | {"sheet": str(sheet)} | thresholds
        options.print_json(about | story_as_json(story) | {"commands": commands})
        return 0
    introduce(card, story)
    tell_thresholds(story, evidence, drawn)
    tell(story)
    print(f"\nlook at    {sheet}\n\nnow type")
    for command in commands:
        print(f"  {command}")
    return 0


def require_photographs(arguments: argparse.Namespace) -> None:
    """Raise ArgumentError for options that are not for drawn pictures."""
    if arguments.images is not None:
        return
    if arguments.threshold is not None:
        raise ArgumentError(
            "--threshold is for photographs (--images FOLDER): drawn pictures have a threshold of "
            "their own"
        )
    if arguments.crop is not None:
        raise ArgumentError(
            "--crop is for photographs (--images FOLDER): on drawn ones a detector finds the faces "
            "(--detect), or they are cropped to the face (--no-detect)"
        )


def require_usable(model: Model, choices: options.FaceChoices) -> None:
    """Raise what embedding would, for wrong choices or a detector that is not here.

    Otherwise that would be told only after pictures have been drawn.
    """
    grey = np.full((64, 64, 3), 128, np.uint8)
    model.embed(grey, **choices, on_error="skip")


def pictures_for(images: str | None, sheet: Path, *, finds_faces: bool) -> DemoPictures:
    """Return the pictures to show; raise OutputError if the sheet would overwrite one.

    `finds_faces` tells whether a detector is used; without one, cropped faces are drawn.
    """
    if images is None:
        return draw_office(sheet.with_name(OFFICE), photographs=finds_faces)
    if not images:
        raise GalleryError(f"--images names no folder; it should be one that holds {NEEDS}")
    leaving_out = (sheet, Path(images, SHEET), Path(images, OFFICE))
    return pictures_from(Path(images), leaving_out=leaving_out)


def introduce(card: Card, story: Story) -> None:
    """Print which model is used on which pictures, and who is enrolled."""
    pictures, preparation = story.pictures, story.known.preparation
    print(f"model      {card.architecture}, {card.variant or 'one variant'}: {card.source}")
    if pictures.drawn_in is not None:
        print(f"pictures   drawn: an office of people who belong to nobody, in {pictures.drawn_in}")
    if preparation is not None and preparation.detector is not None:
        print(f"faces      found, aligned and cut out: {preparation}")
    print(f"enrolled   {', '.join(map(printable, story.gallery.people))}")


def tell_thresholds(story: Story, evidence: str, drawn: Strangers | None) -> None:
    """Print the thresholds for 1:1 and 1:K, and their evidence."""
    search = story.search
    stricter = "stricter, because " if search.value < story.comparison else ""
    lines = [
        f"1:1, {story.comparison:.4g}: {printable(evidence)}",
        f"1:K, {search.value:.4g}: {stricter}{search}",
    ]
    if drawn is not None:
        strict, loose = (drawn.let_in(story.known, t) for t in (search.value, story.comparison))
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
    faces = options.face_words(arguments)
    if drawn and not pictures.faces:
        faces = ["--no-detect"] if finds_faces else []
    model = [*faces, *options.model_options(arguments)]
    nearest = story.enrolled_picture(story.nearest_picture(0, story.intruder.person))
    stated = drawn or arguments.threshold is not None
    one_to_one = ("--threshold", f"{story.comparison:.4g}") if stated else ()
    commands: list[tuple[object, ...]] = [
        ("verify", story.arrivals[0].picture, nearest, *one_to_one, *model)
    ]
    if drawn:
        staff, one_to_many = pictures.enrolled[0].parent.parent, f"{story.search.value:.4g}"
        search = ("--gallery", staff, "--threshold", one_to_many, *model)
        commands.append(("identify", story.arrivals[-1].picture, *search))
    if pictures.faces:
        group = max(zip(pictures.at_the_door, pictures.faces, strict=True), key=lambda p: len(p[1]))
        named = [] if arguments.detect is None else ["--detector", arguments.detect]
        commands.append(("detect", group[0], *named))
    commands += [("summary", arguments.model), ("--help",)]
    return [shlex.join([program, *map(str, words)]) for words in commands]
