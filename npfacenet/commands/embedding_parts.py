"""Embedding very many pictures in parts, each saved when it is done: a stopped command goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from npfacenet.commands.options import FaceChoices
from npfacenet.errors import ImageError, quoted
from npfacenet.files.atomic import writing_in
from npfacenet.images.picture_kinds import SUFFIXES
from npfacenet.models import Embeddings, Model
from npfacenet.progress import Progress

PICTURES = 1000
"""How many pictures are a part."""


@dataclass(frozen=True)
class EmbeddingParts:
    """The parts of one command, beside the file `target` that it writes in the end.

    They lie in a hidden folder whose name follows from the model, the choices and the pictures with
    their sizes and times of change, so that parts of another command, or of other pictures, are
    never taken for these.
    """

    target: Path
    model: Model
    choices: FaceChoices
    on_error: Literal["raise", "skip"]
    sources: Sequence[str]

    @cached_property
    def folder(self) -> Path:
        """Where the parts are kept until all are done."""
        stated = [
            self.model.fingerprint, {name: str(value) for name, value in self.choices.items()},
            self.on_error, [(os.fspath(source), *_state_of(source)) for source in self.sources],
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(stated).encode("utf-8", "surrogatepass")).hexdigest()
        return self.target.with_name(f".{self.target.name}.{digest[:16]}.parts")

    def embed(self, progress: Progress) -> Embeddings:
        """Return the embeddings of all pictures; those of earlier parts are read.

        Raises what `Model.embed` raises, and OutputError if a part cannot be written.
        """
        with writing_in(self.target.parent):
            self.folder.mkdir(exist_ok=True)
        parts = list(self._each(progress))
        together = Embeddings.concatenate(parts)
        return replace(
            together,
            positions=tuple(position for part in parts for position in part.positions),
            skipped=tuple(skipped for part in parts for skipped in part.skipped),
        )

    def remove(self) -> None:
        """Remove the parts, when the whole is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _each(self, progress: Progress) -> Iterator[Embeddings]:
        for start in range(0, len(self.sources), PICTURES):
            path = self.folder / f"{start:09d}.npz"
            if path.is_file():
                yield Embeddings.load(path)
                continue
            some = list(self.sources[start : start + PICTURES])
            part = self._moved(self._embedded(some, start, progress), start)
            part.save(path)
            yield part

    def _embedded(self, some: Sequence[str], start: int, progress: Progress) -> Embeddings:
        def report(what: str, done: int, _: int | None) -> None:
            progress(what, start + done, len(self.sources))

        return self.model.embed(some, **self.choices, on_error=self.on_error, progress=report)

    @staticmethod
    def _moved(part: Embeddings, start: int) -> Embeddings:
        """Return a part with the places of its pictures among all."""
        return replace(
            part,
            positions=tuple(position + start for position in part.positions),
            skipped=tuple(
                replace(one, position=None if one.position is None else one.position + start)
                for one in part.skipped
            ),
        )


def _state_of(source: str) -> tuple[int, ...]:
    """Return size and time of change of a file; nothing if it is missing."""
    try:
        found = os.stat(source)
    except (OSError, ValueError):
        return ()
    return found.st_size, found.st_mtime_ns


def pictures_in(given: Sequence[str]) -> list[str]:
    """Return the pictures that are given: files, and those in folders and below, sorted.

    A file of a folder is a picture if its suffix says so. Raises ImageError for a folder without.
    """
    found: list[str] = []
    for one in given:
        if not os.path.isdir(one):
            found.append(one)
            continue
        some = sorted(
            os.path.join(place, name)
            for place, _, names in os.walk(one)
            for name in names
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")
        )
        if not some:
            raise ImageError(f"the folder {quoted(one)} holds no picture")
        found += some
    return found
