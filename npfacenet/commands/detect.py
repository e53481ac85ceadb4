"""`npfacenet detect PHOTOS...`: find faces, tell where they are, draw them, cut them out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from npfacenet import faces
from npfacenet.cards import Card
from npfacenet.commands import options
from npfacenet.commands.detect_files import FilesOfPhotos, Written
from npfacenet.commands.face_notes import MOST_NOTED, note_more_skipped, note_skipped
from npfacenet.commands.photo_search import PhotoSearch, SearchedPhoto, cropper_for
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, shortened
from npfacenet.faces import Detector, Faces
from npfacenet.models.embeddings import Skipped
from npfacenet.zoo.packaged import DEFAULT_MODEL

TOGETHER = 16
"""Pictures of which the results are printed together."""


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "detect",
        help="find faces in photographs",
        description="Find the faces in photographs: for each a line with its score, and its box as "
        "left, top, right and bottom in pixels of the upright picture. "
        "Exit code 0: every picture has a face, 1: one or more have none, 2: error.",
        epilog="Example: npfacenet detect party/*.jpg --draw found --crops faces",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a picture")
    parser.add_argument(
        "--detector",
        metavar="NAME|PATH",
        help=f"{', '.join(faces.DETECTORS)}, or the path of weights (default: the first, which "
        "comes with npfacenet; with --crops, the one on the card of --model)",
    )
    parser.add_argument(
        "--draw",
        metavar="FOLDER",
        help="write a copy of each picture there, with boxes, scores and landmarks; JPEG for JPEG, "
        "else PNG",
    )
    add_crops(parser)
    add_choices(parser)
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures that cannot be read, instead of stopping; the exit code is "
        "that of the others (2 if there are none)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object for each picture, a line each"
    )
    parser.set_defaults(run=run)


def add_crops(parser: argparse.ArgumentParser) -> None:
    """Add the options that write what a model sees."""
    parser.add_argument(
        "--crops",
        metavar="FOLDER",
        help="write each face there as --model would see it, aligned and at its input size: "
        "NAME.png, NAME-2.png and so on. Pictures are then read at full size, as for embedding, "
        "so that boxes of large faces may differ by a pixel or so",
    )
    options.add_weights(parser, "model, for --crops")
    parser.set_defaults(preprocessing=None)


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which faces to look for."""
    options.add_smallest_face(parser)
    parser.add_argument(
        "--least-score",
        type=float,
        metavar="P",
        help="drop faces with lower scores (default: the detector's own thresholds only)",
    )
    parser.add_argument(
        "--most-faces", type=int, metavar="N", help="keep the best few of each picture"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="default: one for each core")


def run(arguments: argparse.Namespace) -> int:
    """Detect, print and write; return 0 if every picture has a face, else 1."""
    photos: list[str] = arguments.photos
    words = options.model_options(arguments)
    if words and arguments.crops is None:
        raise ArgumentError(f"{words[0]} says for which model to cut out faces: --crops FOLDER")
    card = None if arguments.crops is None else options.load_model(arguments).card
    name = arguments.detector
    if name is None:
        name = usual_detector(card)
        options.note(f"detector: {name}; --detector names another")
    detector = faces.load(name)
    files = FilesOfPhotos.made(photos, draw=arguments.draw, crops=arguments.crops)
    read_count = found_count = skipped_count = 0
    with ProgressBar() as progress:
        for index, searched in enumerate(searches(detector, arguments, progress, card)):
            written = files.write(index, searched)
            progress.erase()
            tell(searched.faces, written, as_json=arguments.json)
            reason = searched.faces.skipped
            if reason is not None and skipped_count < MOST_NOTED:
                note_skipped([Skipped(photos[index], reason)])
            skipped_count += reason is not None
            read_count += reason is None
            found_count += bool(searched.faces)
    note_more_skipped(skipped_count)
    if not read_count:
        raise ArgumentError("none of the pictures could be read")
    return 0 if found_count == read_count else 1


def usual_detector(card: Card | None) -> str:
    """Return the detector to use where none is named: the card's, else the first that is here."""
    own = None if card is None else card.preparation.detector
    return faces.default_name() if own not in faces.DETECTORS else str(own)


def searches(
    detector: Detector, arguments: argparse.Namespace, progress: ProgressBar, card: Card | None
) -> Iterator[SearchedPhoto]:
    """Yield the faces of each picture, in order, as soon as a few pictures are done.

    With the card of a model, faces are cut out for it, and a remark after the last says how.
    """
    photos: list[str] = arguments.photos
    if card is not None:
        search = PhotoSearch(
            cropper_for(card, detector, arguments.smallest_face, arguments.least_score),
            card.input_size,
            arguments.most_faces,
            skip=arguments.skip_errors,
            keeps_pixels=arguments.draw is not None,
        )
        for searched in search.each(photos, arguments.threads, progress):
            yield searched
            sys.stdout.flush()
        options.note(_how_cut(card, detector, arguments.model))
        return
    for begin in range(0, len(photos), TOGETHER):

        def report(what: str, done: int, _: int | None, begin: int = begin) -> None:
            progress(what, begin + done, len(photos))

        found = detector.detect(
            photos[begin : begin + TOGETHER],
            smallest_face=arguments.smallest_face,
            least_score=arguments.least_score,
            most_faces=arguments.most_faces,
            on_error="skip" if arguments.skip_errors else "raise",
            threads=arguments.threads,
            progress=report,
        )
        yield from map(SearchedPhoto, found)
        sys.stdout.flush()


def _how_cut(card: Card, detector: Detector, model: str) -> str:
    """Return a remark on the model for which faces are cut out, and on their alignment."""
    name = shortened(" ".join(filter(None, (card.architecture, card.variant))), 40)
    alignment = card.found_by(detector.identity).alignment  # the one that they were cut by
    other = "; --model names another" if model == DEFAULT_MODEL else ""
    return f"cut as {name} sees faces found with {detector.name} ({alignment}){other}"


def tell(found: Faces, written: Written, *, as_json: bool) -> None:
    """Print what was found in a picture, and the files that were written."""
    if as_json:
        print(json.dumps(found.as_json() | written.as_json()))
    elif found.skipped is None:
        count = "no face" if not found else f"{len(found)} face{'s' if len(found) > 1 else ''}"
        options.say(f"{found.source}: {count}")
        for i, box in enumerate(found.boxes.round().tolist()):
            crop = f"  {written.crops[i]}" if written.crops else ""
            edges = " ".join(f"{edge:.0f}" for edge in box)
            options.say(f"  {found.scores[i]:.3f}  box {edges}{crop}")
