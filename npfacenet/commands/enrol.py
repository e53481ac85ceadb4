"""`npfacenet enrol NAME PHOTO... --gallery FILE`: enrol people into a gallery's file."""

from __future__ import annotations

import argparse

from npfacenet.commands import options
from npfacenet.commands.face_notes import note_skipped
from npfacenet.commands.galleries import add_gallery, open_file
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError
from npfacenet.faces.choice import ONE_OF
from npfacenet.gallery import Doubtful, Enrolment, EnrolmentOptions, Gate, enrol_into
from npfacenet.models.face_options import FaceOptions
from npfacenet.recognition.people_folder import people_in


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "enrol",
        help="enrol people into a gallery",
        description="Enrol photographs of a person, or a folder of people, into a gallery's file, "
        "which is made if it is missing. Pictures that are too small, blurred, dark, bright, flat "
        "or turned aside are refused, and doubtful ones warned of; --gate chooses otherwise. "
        "Pictures that a person has already are passed over, so the same command goes on where it "
        "was stopped. Exit code 0: at least one picture is enrolled, now or before; 1: every "
        "picture was refused or skipped; 2: error.",
        epilog="Examples: npfacenet enrol anna anna1.jpg anna2.jpg --gallery office.gallery; "
        "npfacenet enrol --folder people/ --gallery office.gallery",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="whom the photographs show")
    parser.add_argument("photographs", metavar="PHOTO", nargs="*", help="photographs of NAME")
    parser.add_argument(
        "--folder", metavar="FOLDER", help="enrol a folder of people: name.jpg, or name/*.jpg"
    )
    add_gallery(parser, what="the gallery's file, such as office.gallery")
    parser.add_argument(
        "--gate",
        choices=("usual", "warn", "refuse", "ignore"),
        default="usual",
        help="what follows from a poor or doubtful picture (default: poor ones are refused, "
        "doubtful ones warned of)",
    )
    parser.add_argument(
        "--keep-pictures",
        action="store_true",
        help="keep the files in the gallery, so that another model can enrol them anew",
    )
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures that cannot be used, instead of stopping",
    )
    options.add_faces(parser, ONE_OF)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enrol, and print what came of it; return 0 if anybody is enrolled, else 1."""
    if (arguments.folder is None) == (arguments.name is None):
        raise ArgumentError("name a person and photographs, or a folder with --folder: one of both")
    if arguments.name is not None and not arguments.photographs:
        raise ArgumentError(f"no photograph of {arguments.name!r} is given")
    found = None if arguments.folder is None else people_in(arguments.folder)
    people = {arguments.name: arguments.photographs} if found is None else found.people
    chosen = options.face_choices(arguments, ONE_OF)
    gate = Gate() if arguments.gate == "usual" else Gate(policies=arguments.gate)
    how = EnrolmentOptions(
        FaceOptions(**chosen),
        None if arguments.gate == "ignore" else gate,
        keep=arguments.keep_pictures,
        on_error="skip" if arguments.skip_errors else "raise",
    )
    model = options.load_model(arguments)
    with open_file(arguments, create=True) as gallery, ProgressBar() as progress:
        done = enrol_into(gallery, model, people, how, progress)
    note_skipped(done.skipped)
    if found is not None:
        options.note_passed_over(arguments.folder, found.passed_over)
    if arguments.json:
        options.print_json({"gallery": arguments.gallery, **done.as_json()})
    else:
        tell(done, arguments.gallery)
    return 0 if done.enrolled or done.known else 1


def tell(done: Enrolment, gallery: str) -> None:
    """Print what came of it."""
    for doubtful, what in [(d, "refused") for d in done.refused] + [
        (d, "enrolled, but") for d in done.warnings
    ]:
        options.say(f"{what} {doubtful.source}: {_reasons(doubtful)}")
    pictures = options.counted(sum(done.enrolled.values()), "picture")
    people = options.counted(len(done.enrolled), "person", "people")
    options.say(
        f"enrolled {pictures} of {people} in {gallery}"
        + (f"; {done.known} were there already" if done.known else "")
        + (f"; {len(done.refused)} refused" if done.refused else "")
        + (f"; {len(done.skipped)} skipped" if done.skipped else "")
    )


def _reasons(doubtful: Doubtful) -> str:
    return "; ".join(finding.sentence for finding in doubtful.findings)
