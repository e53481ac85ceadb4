"""Reading the JSON lines that a gallery was exported to: checked before anything is enrolled."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np

from npfacenet.arguments import is_finite, is_whole
from npfacenet.cards import Card, Preparation, Threshold, card_from_json
from npfacenet.errors import GalleryError, NpfacenetError, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.files import open_regular
from npfacenet.gallery import corrections, made_by, people
from npfacenet.gallery.json_export import FORMAT, LONGEST_LINE, VERSION
from npfacenet.gallery.people import PictureFacts
from npfacenet.gallery.quality import Quality
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.made_by import MadeBy
from npfacenet.recognition.names import checked_name

_DIGEST = re.compile("[0-9a-f]{64}")
_FAULTS = (KeyError, TypeError, ValueError, OverflowError)


Pictures: TypeAlias = tuple[Embeddings, Sequence[PictureFacts]]
"""Embeddings (N, D), and what is known of each."""


@dataclass(frozen=True)
class Header:
    """What made the embeddings of a file (None: it holds nobody), and the model's card."""

    made_by: MadeBy | None
    card: Card | None


@dataclass(frozen=True, eq=False)
class ImportedPerson:
    """A person as a file states them.

    Sources and faces are known of all embeddings of an entry of `pictures`, or of none. `denied`
    are pictures that do not show the person.
    """

    name: str
    other_names: tuple[str, ...]
    pictures: tuple[Pictures, ...]
    denied: tuple[Pictures, ...]


def read(path: Path) -> Iterator[Header | ImportedPerson]:
    """Yield the header of an exported gallery, and then each of its people.

    Raises GalleryError, naming the file, the line and the fault, for anything that
    `json_export.write` does not write.
    """
    name = quoted(str(path))
    with open_regular(
        path, what="an exported gallery", largest=1 << 40, error=GalleryError
    ) as file:
        made: MadeBy | None = None
        for number, document in _documents(file, name):
            try:
                if number == 1:
                    header = _header(document)
                    made = header.made_by
                    yield header
                elif made is None:
                    raise GalleryError("people without embeddings")
                else:
                    yield _person(document, made)
            except (NpfacenetError, *_FAULTS) as fault:
                said = fault if isinstance(fault, NpfacenetError) else quoted(fault)
                raise GalleryError(
                    f"{name}, line {number}, is not a person as npfacenet exports "
                    f"them: {said}; nothing was imported"
                ) from fault


def _documents(file: IO[bytes], name: str) -> Iterator[tuple[int, dict[str, object]]]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if not line.endswith(b"\n"):
            raise GalleryError(f"{name} is cut off in line {number}, or that line is too long")
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as fault:
            raise GalleryError(f"{name}, line {number}, is not JSON: {quoted(fault)}") from fault
        if not isinstance(document, dict):
            raise GalleryError(f"{name}, line {number}, is not a JSON object")
        yield number, document


def _header(document: Mapping[str, object]) -> Header:
    if document.get("format") != FORMAT:
        raise GalleryError(f"the format is {quoted(document.get('format'))}, not {FORMAT!r}")
    if document.get("version") != VERSION:
        raise GalleryError(
            f"its version is {quoted(document.get('version'))}; this npfacenet knows {VERSION}"
        )
    card = document.get("card")
    return Header(
        _made_by(document["made_by"]), None if card is None else card_from_json(card, "the header")
    )


def _made_by(value: object) -> MadeBy | None:
    match value:
        case None:
            return None
        case {
            "numbers": numbers, "fingerprint": fingerprint, "threshold": threshold,
            "preparation": preparation, **others,
        } if is_whole(numbers, 1, 1 << 20) and not others:  # fmt: skip
            return MadeBy(
                numbers, fingerprint,
                None if threshold is None else Threshold(**threshold),
                None if preparation is None else Preparation(**preparation),
            )  # fmt: skip
    raise GalleryError(f"made_by is {quoted(value)}")


def _person(document: Mapping[str, object], made: MadeBy) -> ImportedPerson:
    others = document["other_names"]
    if not isinstance(others, list):
        raise GalleryError(f"other_names is {quoted(others)}")
    return ImportedPerson(
        checked_name(document["name"]),
        tuple(map(checked_name, others)),
        tuple(_pictures(document["references"], made)),
        tuple(_pictures(document["does_not_show"], made)),
    )


def _pictures(value: object, made: MadeBy) -> Iterator[Pictures]:
    """Yield the pictures of a list in their order, those that follow each other together."""
    together = groupby(_rows(value), lambda row: (row["source"] is None, row.get("face") is None))
    for _, some in together:
        rows = list(some)
        yield _embeddings(rows, made), tuple(map(_facts, rows))


def _rows(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise GalleryError(f"a list of objects is {quoted(value)}")
    return value


def _embeddings(rows: Sequence[Mapping[str, object]], made: MadeBy) -> Embeddings:
    """Return embeddings whose sources and faces are known of all or of none."""
    values = np.array([row["embedding"] for row in rows], np.float64)
    if values.shape != (len(rows), made.numbers):
        raise GalleryError(f"its embeddings do not have {made.numbers} numbers each")
    known = [row["source"] for row in rows if row["source"] is not None]
    sources = tuple(source for source in known if isinstance(source, str))
    if len(sources) != len(known):
        raise GalleryError(f"sources are {quoted(known)}")
    return Embeddings(
        Embeddings.of(values).values,
        made.fingerprint,
        made.threshold,
        sources=sources,
        faces=tuple(_face(row["face"]) for row in rows if row.get("face") is not None),
        preparation=made.preparation,
    )


def _face(value: object) -> ChosenFace:
    if not isinstance(value, dict):
        raise GalleryError(f"a face is {quoted(value)}")
    box, landmarks = np.array(value["box"], float), np.array(value["landmarks"], float)
    score = float(value["score"])
    finite = all(np.isfinite(numbers).all() for numbers in (box, landmarks, score))
    if box.shape != (4,) or landmarks.ndim != 2 or not finite:
        raise GalleryError(f"a face is {quoted(value)}")
    left, top, right, bottom = box.tolist()
    points = tuple((x, y) for x, y in landmarks.tolist())
    return ChosenFace(
        (left, top, right, bottom), points, score, int(value["index"]), int(value["count"])
    )


def _facts(reference: Mapping[str, object]) -> PictureFacts:
    digest = reference["digest"]
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise GalleryError(f"a digest is {quoted(digest)}")
    return PictureFacts(
        _time(reference["added"]), _quality(reference.get("quality")), digest,
        _picture(reference["picture"]),
    )  # fmt: skip


def _time(value: object) -> float:
    if not is_finite(value):
        raise GalleryError(f"a time is {quoted(value)}")
    return float(value)


def _quality(value: object) -> Quality | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise GalleryError(f"quality is {quoted(value)}")
    return Quality(**value)


def _picture(value: object) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise GalleryError(f"a picture is {quoted(value)}")
    return base64.b64decode(value, validate=True)


def enrol_all(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Enrol all people of an exported gallery; return their names. Raises as `read`."""
    names: dict[str, None] = {}
    card: Card | None = None
    for found in read(path):
        if isinstance(found, Header):
            card = found.card
        else:
            _enrol(connection, found)
            names[found.name] = None
    if names and card is not None and made_by.card_of(connection, "the gallery") is None:
        made_by.remember(connection, card)
    return tuple(names)


def _enrol(connection: sqlite3.Connection, found: ImportedPerson) -> None:
    person = people.add_missing(connection, found.name, found.pictures)
    for other in found.other_names:
        if people.number_of(connection, other) is None:
            people.add_name(connection, person, other)
    for embeddings, facts in found.denied:
        corrections.deny(connection, person, embeddings, facts)
