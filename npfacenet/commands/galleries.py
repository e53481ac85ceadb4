"""Which people a command compares with: of a gallery's file, a folder, or a file of embeddings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import GalleryError, quoted
from npfacenet.gallery import Gallery, enrol
from npfacenet.models import Embeddings, Model
from npfacenet.models.embeddings_file import read_named
from npfacenet.recognition.people_folder import name_of
from npfacenet.recognition.verification import By

KINDS = (
    "a gallery's file, as `npfacenet enrol` writes it; a folder with name.jpg or name/*.jpg; or a "
    "file of embeddings, as `npfacenet embed -o` or `npfacenet gallery export FILE.npz` writes it"
)


def add_gallery(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    *,
    required: bool = True,
    what: str = f"the known people: {KINDS}",
) -> None:
    """Add `--gallery`."""
    parser.add_argument("--gallery", required=required, metavar="GALLERY", help=what)


def add_by(parser: argparse.ArgumentParser) -> None:
    """Add `--by`."""
    parser.add_argument(
        "--by",
        choices=get_args(By),
        default="best",
        help="of several pictures of a person, the nearest ones count (the default), or the mean",
    )


@contextmanager
def known_people(
    arguments: argparse.Namespace,
    model: Model,
    choices: options.FaceChoices,
    on_error: Literal["raise", "skip"],
) -> Iterator[Gallery]:
    """Open the gallery that `--gallery` names, or make one in memory of what it names.

    One face of each photograph of a folder is used, the largest unless a single one is chosen.
    """
    path = Path(arguments.gallery)
    if path.is_dir():
        choose = choices["choose"]
        with ProgressBar() as progress:
            gallery = enrol(
                model,
                path,
                detect=choices["detect"],
                crop=choices["crop"],
                choose=None if choose == "all" else choose,
                smallest_face=choices["smallest_face"],
                least_score=choices["least_score"],
                on_error=on_error,
                progress=progress,
            )
    elif path.suffix == ".npz":
        gallery = of_embeddings(path)
    else:
        gallery = opened(path)
    with gallery:
        yield gallery


def of_embeddings(path: Path) -> Gallery:
    """Return a gallery of a file of embeddings: of an exported gallery, or of pictures.

    Pictures are named as in a folder: `anna.jpg` shows anna, and if they are from several folders,
    `anna/1.jpg` does. Raises EmbeddingError for another file, and GalleryError
    for embeddings whose pictures are not known.
    """
    fields, names = read_named(path)
    embeddings = Embeddings(**fields)
    if names:
        return Gallery.of_rows(names, embeddings)
    if len(embeddings.sources) != len(embeddings):
        raise GalleryError(f"{quoted(str(path))} does not say which pictures its embeddings show")
    sources = [Path(os.path.abspath(source)) for source in embeddings.sources]
    folders = {source.parent for source in sources}
    outer = {one for one in folders if all(other.is_relative_to(one) for other in folders)}
    names = tuple(
        name_of(source) if source.parent in outer else source.parent.name for source in sources
    )
    return Gallery.of_rows(names, embeddings)


def open_file(
    arguments: argparse.Namespace, *, create: bool = False, reading: bool = False
) -> Gallery:
    """Open the file that `--gallery` names, for `reading` only or for changes.

    Raises GalleryError for anything else.
    """
    path = Path(arguments.gallery)
    if path.is_dir():
        raise GalleryError(
            f"{quoted(arguments.gallery)} is a folder of photographs, and a gallery is a file: "
            f"npfacenet enrol --folder {arguments.gallery} --gallery NEW.gallery"
        )
    return opened(path) if reading else Gallery.open(path, create=create)


def opened(path: Path) -> Gallery:
    """Open a gallery's file for reading, which serves where nothing can be written.

    Where it can, an erasure that is pending is finished.
    """
    # A file that is being read needs others beside it, unless nobody can write there.
    writable = os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)
    return Gallery.open(path, create=False, read_only=not writable)
