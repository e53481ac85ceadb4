"""What `npfacenet detect` writes for photographs: marked copies, and the faces cut out."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.commands.new_files import NewFiles
from npfacenet.commands.photo_search import SearchedPhoto
from npfacenet.commands.signals import finishing
from npfacenet.errors import OutputError
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.images import read
from npfacenet.images.face_marks import with_faces
from npfacenet.images.jpeg import write_jpeg
from npfacenet.images.png import write_png

JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")


@dataclass(frozen=True)
class Written:
    """The files of one photograph: its marked copy, and its faces; None where not asked for."""

    copy: Path | None = None
    crops: tuple[Path, ...] | None = None

    def as_json(self) -> dict[str, object]:
        """Return the paths of the files that were asked for."""
        copy = {} if self.copy is None else {"drawn": str(self.copy)}
        crops = {} if self.crops is None else {"crops": [str(path) for path in self.crops]}
        return {**copy, **crops}


@dataclass(frozen=True)
class FilesOfPhotos:
    """Where the files of each photograph go: `copies` has an entry for each, if any are made."""

    photos: Sequence[str]
    draw: NewFiles | None
    copies: tuple[Path, ...]
    crops: NewFiles | None

    @classmethod
    def made(cls, photos: Sequence[str], *, draw: str | None, crops: str | None) -> FilesOfPhotos:
        """Make the folders `draw` and `crops`, where asked for, and see that nothing is in the way.

        A copy has its picture's name; of pictures with one name in several folders, the later ones
        get -2, -3 and so on. Raises OutputError if a file of such a name exists already, or cannot
        be written.
        """
        copies: tuple[Path, ...] = ()
        drawn = cut = None
        if draw is not None:
            drawn = NewFiles.made(draw, "--draw")
            copies = tuple(drawn.path(_stem(photo), _suffix(photo)) for photo in photos)
            for copy in copies:
                drawn.require_new(copy)
        if crops is not None:
            cut = NewFiles.made(crops, "--crops")
            if draw is not None and os.path.samefile(draw, crops):
                raise OutputError("--draw and --crops name one folder: give each its own")
            cut.require_none_of([_stem(photo) for photo in photos], ".png")
        return cls(photos, drawn, copies, cut)

    def write(self, index: int, searched: SearchedPhoto) -> Written:
        """Write the files of a photograph, by its place among all; none if it was skipped."""
        if searched.faces.skipped is not None:
            return Written()
        photo, copy, crops = self.photos[index], None, None
        if self.draw is not None:
            copy, found = self.copies[index], searched.faces
            pixels = read(photo) if searched.pixels is None else searched.pixels
            marked = with_faces(pixels, found.boxes, found.landmarks, found.scores)
            _write(marked, copy, self.draw)
        if self.crops is not None:
            crops = tuple(self.crops.path(_stem(photo), ".png") for _ in searched.crops)
            for crop, path in zip(searched.crops, crops, strict=True):
                _write(crop, path, self.crops)
        return Written(copy, crops)


def _stem(photo: str) -> str:
    return Path(photo).stem or "picture"


def _suffix(photo: str) -> str:
    suffix = Path(photo).suffix
    return suffix if suffix.lower() in JPEG else ".png"


def _write(picture: npt.NDArray[np.uint8], path: Path, files: NewFiles) -> None:
    """Write a picture, JPEG or PNG by its name, whole or not at all."""
    write = write_jpeg if path.suffix.lower() in JPEG else write_png
    encoded = io.BytesIO()
    write(picture, encoded)
    files.require_new(path)
    with finishing(), writing_in(path.parent), atomic_file(path) as file:
        file.write(encoded.getbuffer())
