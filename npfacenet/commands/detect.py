"""`npfacenet detect PHOTOS...`: find faces, tell where they are, and draw them."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from npfacenet import faces
from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.signals import finishing
from npfacenet.errors import ArgumentError, OutputError, quoted
from npfacenet.faces import Detector, Faces
from npfacenet.files.atomic import atomic_file, require_writable, writing_in
from npfacenet.images import read
from npfacenet.images.face_marks import with_faces
from npfacenet.images.jpeg import write_jpeg
from npfacenet.images.png import write_png

TOGETHER = 16
"""Pictures of which the results are printed together."""
JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "detect",
        help="find faces in photographs",
        description="Find the faces in photographs: for each a line with its score, and its box as "
        "left, top, right and bottom in pixels of the upright picture. "
        "Exit code 0: every picture has a face, 1: one or more have none, 2: error.",
        epilog="Example: npfacenet detect party/*.jpg --draw found",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a picture")
    parser.add_argument(
        "--detector",
        metavar="NAME|PATH",
        help=f"{', '.join(faces.DETECTORS)} (default: the first whose weights are here), or the "
        "path of weights",
    )
    parser.add_argument(
        "--draw",
        metavar="FOLDER",
        help="write a copy of each picture there, with boxes, scores and landmarks; JPEG for JPEG, "
        "else PNG",
    )
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


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which faces to look for."""
    parser.add_argument(
        "--smallest-face",
        type=float,
        metavar="N",
        help="pixels of the smallest face to look for (default: 20, or a fortieth of the "
        "picture's longer side if that is more)",
    )
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
    """Detect, print and draw; return 0 if every picture has a face, else 1."""
    photos: list[str] = arguments.photos
    copies = [None] * len(photos) if arguments.draw is None else copies_in(arguments.draw, photos)
    name = faces.default_name() if arguments.detector is None else arguments.detector
    detector = faces.load(name)
    if arguments.detector is None:
        options.note(f"detector: {name}; --detector names another")
    read_count = found_count = 0
    with ProgressBar() as progress:
        for index, found in enumerate(detections(detector, arguments, progress)):
            copy = None if found.skipped is not None else copies[index]
            if copy is not None:
                draw(photos[index], found, copy)
            progress.erase()
            tell(found, copy, as_json=arguments.json)
            read_count += found.skipped is None
            found_count += bool(found)
    if not read_count:
        raise ArgumentError("none of the pictures could be read")
    return 0 if found_count == read_count else 1


def detections(
    detector: Detector, arguments: argparse.Namespace, progress: ProgressBar
) -> Iterator[Faces]:
    """Yield the faces of each picture, in order, as soon as a few pictures are done."""
    photos: list[str] = arguments.photos
    for begin in range(0, len(photos), TOGETHER):

        def report(what: str, done: int, _: int | None, begin: int = begin) -> None:
            progress(what, begin + done, len(photos))

        yield from detector.detect(
            photos[begin : begin + TOGETHER],
            smallest_face=arguments.smallest_face,
            least_score=arguments.least_score,
            most_faces=arguments.most_faces,
            on_error="skip" if arguments.skip_errors else "raise",
            threads=arguments.threads,
            progress=report,
        )
        sys.stdout.flush()


def tell(found: Faces, copy: Path | None, *, as_json: bool) -> None:
    """Print what was found in a picture."""
    if found.skipped is not None:
        options.note(f"skipped: {found.skipped}")
    if as_json:
        drawn = {} if copy is None else {"drawn": str(copy)}
        print(json.dumps(found.as_json() | drawn))
    elif found.skipped is None:
        count = "no face" if not found else f"{len(found)} face{'s' if len(found) > 1 else ''}"
        options.say(f"{found.source}: {count}")
        for score, box in zip(found.scores.tolist(), found.boxes.round().tolist(), strict=True):
            print(f"  {score:.3f}  box {' '.join(f'{edge:.0f}' for edge in box)}")


def copies_in(folder: str, photos: Sequence[str]) -> list[Path]:
    """Make the folder, and return where the copy of each picture goes in it.

    A copy has its picture's name; of pictures with one name in several folders, the later ones get
    -2, -3 and so on. Raises OutputError if one exists already, or cannot be written.
    """
    if not folder:
        raise OutputError("--draw names no folder")
    copies: list[Path] = []
    taken: set[str] = set()
    for photo in photos:
        path = Path(photo)
        stem = path.stem or "picture"
        suffix = path.suffix if path.suffix.lower() in JPEG else ".png"
        name, number = f"{stem}{suffix}", 1
        while name.casefold() in taken:  # as on disks that do not tell A from a
            number += 1
            name = f"{stem}-{number}{suffix}"
        taken.add(name.casefold())
        copies.append(Path(folder, name))
    with writing_in(Path(folder)):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for copy in copies:
        require_new(copy)
    require_writable(copies[0])
    return copies


def require_new(copy: Path) -> None:
    """Raise OutputError if the file exists: it may be a photograph, or somebody's result."""
    if os.path.lexists(copy):
        raise OutputError(
            f"{quoted(str(copy))} exists already, and is not overwritten; name another folder "
            "with --draw"
        )


def draw(photo: str, found: Faces, copy: Path) -> None:
    """Write a copy of a picture with its faces marked, whole or not at all."""
    marked = with_faces(read(photo), found.boxes, found.landmarks, found.scores)
    write = write_jpeg if copy.suffix.lower() in JPEG else write_png
    encoded = io.BytesIO()
    write(marked, encoded)
    require_new(copy)
    with finishing(), writing_in(copy.parent), atomic_file(copy) as file:
        file.write(encoded.getbuffer())
