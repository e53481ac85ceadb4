"""A folder of pictures of people: whom each file shows, and what is passed over."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

from npfacenet.errors import GalleryError, NpfacenetError, listed, quoted, shortened
from npfacenet.files import open_regular
from npfacenet.files.paths import checked_path
from npfacenet.images.picture_kinds import LONGEST_SIGNATURE, SUFFIXES, kind
from npfacenet.models.embeddings import Skipped
from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.names import name_key

LAYOUT = "a gallery holds name.jpg or name/*.jpg"
LARGEST_PICTURE = 1 << 32
MOST_DEEPER = 10_000  # files of one folder that are reported each
MOST_NAMED = 3
# What systems and programs leave in folders, in lower case; it is ignored without a remark.
_PATTERNS = (
    *("._*", ".ds_store", ".appledouble", ".localized", ".apdisk", ".directory", ".nomedia"),
    *(".trash*", ".thumbnails", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100"),
    *(".temporaryitems", ".git*", ".dropbox*", ".syncthing*", ".stfolder", ".stversions"),
    *(".picasa.ini", ".ipynb_checkpoints", ".@*", ".*.part", "__macosx", "@eadir", "@tmp"),
    *("#recycle", "#snapshot", "[$]recycle.bin", "recycler", "system volume information"),
    *("thumbs.db", "thumbs.db:*", "ehthumbs*.db", "desktop.ini", "icon\r", "lost+found"),
)
_LITTER = re.compile("|".join(map(translate, _PATTERNS)))
# An unknown suffix belongs to the name only if it looks like a word or an initial: "Mr.Bean",
# "J. Smith", "Anna.B".
_SUFFIX = re.compile(r"\.(?=.*[A-Za-z])(?:[a-z0-9_~-]{2,10}|[A-Z0-9_~-]{2,10})")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PeopleFolder(JsonReady):
    """The pictures of each person, sorted by name, and the files and folders passed over."""

    people: Mapping[str, tuple[Path, ...]]
    passed_over: tuple[Skipped, ...]


def people_in(folder: str | os.PathLike[str], *, ignoring: Collection[str] = ()) -> PeopleFolder:
    """List the people in a folder: NAME.jpg and NAME/*.jpg are pictures of NAME.

    A file is a picture if its suffix says so, in upper or lower case, or, for an unknown suffix,
    its first bytes. Everything else is listed in `passed_over` with the reason: other files,
    pictures in folders below a person's, hidden pictures, and folders without pictures; but not
    what systems leave in folders (`Thumbs.db`, `__MACOSX`, ...). `ignoring` names files and folders
    to ignore. Names that differ only in their Unicode form are one person's, spelt as they first
    appear.

    Raises GalleryError for a folder that is missing, cannot be read, or holds no pictures of
    people.
    """
    root = checked_path(folder, "the folder of a gallery", GalleryError)
    try:
        if not root.is_dir():
            raise GalleryError(f"{quoted(str(root))} is not a folder; {LAYOUT}")
        reading = _Reading()
        for entry in _sorted(root):
            if entry.name not in ignoring:
                reading.take(entry)
    except (OSError, ValueError) as fault:
        if isinstance(fault, NpfacenetError):
            raise
        reason = getattr(fault, "strerror", None) or fault
        raise GalleryError(f"{quoted(str(root))} cannot be read: {reason}") from fault
    passed_over = tuple(reading.passed_over)
    if not reading.people:
        found = f"; passed over: {first_few(passed_over, root)}" if passed_over else ""
        raise GalleryError(f"{quoted(str(root))} holds no picture; {LAYOUT}{found}")
    if passed_over:
        count, where = len(passed_over), quoted(str(root))
        _log.info("passed over %d in %s: %s", count, where, first_few(passed_over, root))
    return PeopleFolder({n: tuple(p) for n, p in reading.people.items()}, passed_over)


def first_few(passed_over: Sequence[Skipped], folder: str | os.PathLike[str]) -> str:
    """Return the first few files that were passed over in a folder, each with the reason."""
    few = passed_over[: MOST_NAMED + 1]
    names = [f"{shortened(os.path.relpath(s.source, folder), 80)} ({s.reason})" for s in few]
    return listed([*names, *[""] * (len(passed_over) - len(few))], MOST_NAMED)


@dataclass
class _Reading:
    """What was found so far, and how each kind of entry is treated."""

    people: dict[str, list[Path]] = field(default_factory=dict)
    passed_over: list[Skipped] = field(default_factory=list)
    spelt: dict[str, str] = field(default_factory=dict)

    def take(self, entry: Path) -> None:
        """Add a file or folder that lies directly in the gallery."""
        if entry.is_dir():
            if not self.hidden(entry):
                self.take_person(entry)
        elif self.is_picture(entry):
            self.add(name_of(entry), [entry])

    def take_person(self, folder: Path) -> None:
        """Add the pictures of a person's folder."""
        try:
            entries = _sorted(folder)
        except OSError as fault:
            self.pass_over(folder, f"cannot be read: {fault.strerror or fault}")
            return
        pictures = []
        for entry in entries:
            if not entry.is_dir():
                pictures += [entry] if self.is_picture(entry) else []
            elif not self.hidden(entry):
                self.pass_over_pictures(entry)
        if pictures:
            self.add(folder.name, pictures)
        else:
            self.pass_over(folder, "holds no picture")

    def pass_over_pictures(self, folder: Path) -> None:
        """Report the pictures that lie too deep, or the folder if it holds none."""
        before = len(self.passed_over)

        def unreadable(fault: OSError) -> None:
            self.pass_over(Path(fault.filename), f"cannot be read: {fault.strerror}")

        for place, folders, files in os.walk(folder, onerror=unreadable):
            folders[:] = sorted(name for name in folders if not _is_litter(name))
            for path in (Path(place, name) for name in sorted(files) if not _is_litter(name)):
                if _fault(path) is None:
                    self.pass_over(path, "lies deeper than NAME/; move it there")
            if len(self.passed_over) - before > MOST_DEEPER:
                self.pass_over(folder, "holds more that lies deeper than NAME/")
                return
        if len(self.passed_over) == before:
            self.pass_over(folder, "is a folder within a person's, without pictures")

    def is_picture(self, path: Path) -> bool:
        """Whether a file is a picture; report it if not."""
        if self.hidden(path):
            return False
        fault = _fault(path)
        if fault is not None:
            self.pass_over(path, fault)
        return fault is None

    def hidden(self, path: Path) -> bool:
        """Whether a file or folder is hidden; report it if so."""
        if path.name.startswith("."):
            self.pass_over(path, "is hidden")
        return path.name.startswith(".")

    def add(self, name: str, pictures: list[Path]) -> None:
        """Add pictures of a person."""
        if not name.strip():
            for picture in pictures:
                self.pass_over(picture, "names nobody; call it name.jpg")
            return
        shown = self.spelt.setdefault(name_key(name), name)
        self.people.setdefault(shown, []).extend(pictures)

    def pass_over(self, path: Path, reason: str) -> None:
        """Report a file or folder that is not used."""
        self.passed_over.append(Skipped(str(path), reason))


def _sorted(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not _is_litter(entry.name))


def _is_litter(name: str) -> bool:
    return _LITTER.fullmatch(name.lower()) is not None


def _fault(path: Path) -> str | None:
    """Return why a file is not a picture; None for one that claims to be, damaged or not."""
    if path.suffix.lower() in SUFFIXES:
        return None
    try:
        with open_regular(
            path, what="a picture", largest=LARGEST_PICTURE, error=GalleryError
        ) as file:
            return None if kind(file.read(LONGEST_SIGNATURE)) else "is not a picture"
    except (GalleryError, OSError) as fault:
        return str(fault).removeprefix(quoted(str(path))).strip()


def name_of(picture: Path) -> str:
    """Return a file's name without its suffix, even an unknown one ("dan.photo", "dan.jpg_large").

    A picture's suffix before that, which systems may hide, is removed too: "dan.jpg.bak".

    >>> [name_of(Path(name)) for name in ("dan.JPG", "dan", "J. Smith", "dan.jpg.jpg", "Anna.B")]
    ['dan', 'dan', 'J. Smith', 'dan', 'Anna.B']
    """
    name = picture.name
    if picture.suffix.lower() not in SUFFIXES:
        stem, dot, suffix = name.rpartition(".")
        if not (stem and dot and _SUFFIX.fullmatch(dot + suffix)):
            return name
        name = stem
    while Path(name).suffix.lower() in SUFFIXES:
        name = Path(name).stem
    return name
