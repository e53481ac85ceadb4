"""`npfacenet gallery COMMAND`: look after the people of a gallery's file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from npfacenet.commands import options
from npfacenet.commands.galleries import add_gallery, open_file
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.faces.choice import ONE_OF
from npfacenet.files.atomic import require_writable
from npfacenet.gallery import EnrolmentOptions, Gallery, Reference, not_shown, reenrol
from npfacenet.gallery.stored_pictures import StoredPicture
from npfacenet.models.face_options import FaceOptions

FILE = "the gallery's file, such as office.gallery"


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command and its own commands."""
    parser = subparsers.add_parser(
        "gallery",
        help="look after a gallery: who is in it, names, erasure, export",
        description="Look after the people of a gallery's file. Exit code 0: done; 1: check found "
        "a fault, or remove could not erase everything yet; 2: error.",
        epilog="Example: npfacenet gallery remove anna --gallery office.gallery",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (help_, names, function) in COMMANDS.items():
        one = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        for argument, explained in names.items():
            several = "+" if argument == "PHOTO" else None
            one.add_argument(argument.lower(), metavar=argument, nargs=several, help=explained)
        add_gallery(one, what=FILE)
        if name in OPTIONS:
            OPTIONS[name](one)
        if name in WITH_MODEL:
            options.add_faces(one, ONE_OF)
            options.add_model(one)
        options.add_json(one)
        one.set_defaults(run=run, does=function)


def run(arguments: argparse.Namespace) -> int:
    """Open the gallery and run one of the commands; return its exit code."""
    does: Callable[[Gallery, argparse.Namespace], int] = arguments.does
    with open_file(arguments, create=does is take_in, reading=does in READING) as gallery:
        return does(gallery, arguments)


def list_people(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Print everybody, with the number of pictures."""
    known = gallery.as_json()
    if arguments.json:
        options.print_json({"gallery": arguments.gallery, **known})
        return 0
    people = known["people"]
    for name, count in people.items() if isinstance(people, dict) else ():
        options.say(f"{count:>5}  {name}")
    made = " ".join(str(known[key]) for key in ("model", "variant") if known[key] is not None)
    everybody = options.counted(len(gallery), "person", "people")
    options.say(f"{everybody}, {known['embeddings']} embeddings{made and f' of {made}'}")
    return 0


def show(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Print what is known of a person."""
    name = gallery.spelling(arguments.name)
    known, others = gallery.references(name), gallery.other_names(name)
    denied = [_denied_line(one) for one in gallery.denied_pictures(name)]
    if arguments.json:
        options.print_json(
            {
                "gallery": arguments.gallery,
                "name": name,
                "other_names": list(others),
                "references": [one.as_json() for one in known],
                "does_not_show": denied,
            }
        )
        return 0
    options.say(f"{name}: {options.counted(len(known), 'embedding')}")
    for line in map(_line, known):
        options.say(f"  {line}")
    if others:
        options.say(f"also called {', '.join(others)}")
    for one in denied:
        options.say(f"not shown: {one['source'] or 'of an unknown picture'}")
    return 0


def _denied_line(one: StoredPicture) -> dict[str, object]:
    facts = one.facts
    return {
        "added": facts.added, "source": one.source, "digest": facts.digest, "kept": one.kept,
    }  # fmt: skip


def _line(one: Reference) -> str:
    try:
        day = f"{datetime.fromtimestamp(one.added, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        day = "at an unknown time"
    parts = [day, one.source or "of an unknown picture"]
    if one.quality is not None and one.quality.size is not None:
        parts.append(f"{one.quality.size:.0f} pixels between the eyes")
    if one.face is not None and one.face.count > 1:
        parts.append(f"face {one.face.index + 1} of {one.face.count}")
    return ", ".join([*parts, *(["kept"] if one.kept else [])])


def rename(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Give a person another name."""
    gallery.rename(arguments.name, arguments.new)
    said = f"{arguments.name} is called {arguments.new} now"
    return _done(arguments, said, name=arguments.name, new=arguments.new)


def merge(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Record that two names are one person's."""
    gallery.merge(arguments.name, arguments.into)
    said = f"{arguments.name} and {arguments.into} are one person now"
    return _done(arguments, said, name=arguments.name, into=arguments.into)


def remove(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Remove a person and all traces."""
    done = gallery.remove(arguments.name)
    if arguments.json:
        options.print_json({"gallery": arguments.gallery, **done.as_json()})
    else:
        options.say(
            f"removed {done.name} with {options.counted(done.embeddings, 'embedding')}"
            + ("" if done else "; erasure is pending, because another process reads the gallery: "
               "whoever opens it next finishes it")
        )  # fmt: skip
    return 0 if done else 1


def export(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Write everybody, or those who are named, to a file."""
    target = Path(arguments.file)
    require_writable(target)
    count = gallery.export(target, arguments.name)
    said = f"{options.counted(count, 'person', 'people')} written to {arguments.file}"
    return _done(arguments, said, file=arguments.file, count=count)


def take_in(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Enrol everybody of an exported file."""
    names = gallery.take_in(arguments.file)
    said = f"{options.counted(len(names), 'person', 'people')} taken in from {arguments.file}"
    return _done(arguments, said, file=arguments.file, count=len(names))


def check(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Check the tables of the file."""
    faults = gallery.check()
    if arguments.json:
        options.print_json({"gallery": arguments.gallery, "faults": list(faults)})
    else:
        for fault in faults or ["the gallery is whole"]:
            options.say(fault)
    return 1 if faults else 0


def deny(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Record that photographs do not show a person."""
    model = options.load_model(arguments)
    faces = FaceOptions(**options.face_choices(arguments, ONE_OF))
    how = EnrolmentOptions(faces, keep=arguments.keep_pictures)
    count = not_shown(gallery, model, arguments.name, arguments.photo, how)
    what = "picture does" if count == 1 else "pictures do"
    return _done(
        arguments,
        f"remembered: {count} {what} not show {arguments.name}",
        name=arguments.name,
        count=count,
    )


def anew(gallery: Gallery, arguments: argparse.Namespace) -> int:
    """Embed all pictures anew, by another model."""
    model = options.load_model(arguments)
    faces = FaceOptions(**options.face_choices(arguments, ONE_OF))
    with ProgressBar() as progress:
        count = reenrol(gallery, model, arguments.folder, faces, progress)
    return _done(arguments, f"{options.counted(count, 'picture')} embedded anew", count=count)


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", metavar="NAME", action="append", help="only this person; may be repeated"
    )


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", metavar="FOLDER", help="where pictures lie that the gallery does not keep"
    )


def _add_keep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-pictures", action="store_true", help="keep the files in the gallery"
    )


def _done(arguments: argparse.Namespace, said: str, **more: object) -> int:
    if arguments.json:
        options.print_json({"gallery": arguments.gallery, **more})
    else:
        options.say(said)
    return 0


Does = Callable[[Gallery, argparse.Namespace], int]
COMMANDS: dict[str, tuple[str, dict[str, str], Does]] = {
    "list": ("list the people, with the number of their pictures", {}, list_people),
    "show": ("show what is known of a person", {"NAME": "whom"}, show),
    "rename": (
        "give a person another name", {"NAME": "the name so far", "NEW": "the new name"}, rename,
    ),
    "merge": (
        "record that two names are one person's",
        {"NAME": "whose pictures become those of INTO", "INTO": "the name that stays"}, merge,
    ),
    "remove": ("remove a person, and all traces of them", {"NAME": "whom"}, remove),
    "export": (
        "write all that is known of people to a file",
        {"FILE": "the file to write: JSON lines, or, if it is called NAME.npz, NumPy arrays of "
                 "names and embeddings only"}, export,
    ),
    "import": ("enrol everybody of an exported file", {"FILE": "the exported file"}, take_in),
    "deny": (
        "remember that photographs do not show a person for whom they were taken",
        {"NAME": "who is not shown", "PHOTO": "the photographs"}, deny,
    ),
    "reenrol": ("embed all pictures anew, by another model", {}, anew),
    "check": ("check that the file is whole", {}, check),
}  # fmt: skip
"""By name: what it does, its arguments with their meanings, and the function."""
OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "export": _add_names,
    "deny": _add_keep,
    "reenrol": _add_folder,
}
"""By name: what adds the command's own options."""
WITH_MODEL = ("deny", "reenrol")
"""Those that embed pictures."""
READING = (list_people, show, export, check)
"""Those that change nothing."""
