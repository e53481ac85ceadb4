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
from typing import IO

import numpy as np

from npfacenet.arguments import is_finite, is_real, is_whole, real_array
from npfacenet.cards import Card, Preparation, Threshold, card_from_json
from npfacenet.errors import GalleryError, NpfacenetError, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.files import open_regular
from npfacenet.gallery import corrections, made_by, people
from npfacenet.gallery.json_export import FORMAT, LONGEST_LINE, VERSION
from npfacenet.gallery.people import Described, PictureFacts
from npfacenet.gallery.quality import Quality
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.made_by import MadeBy
from npfacenet.recognition.names import checked_name

EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""Seconds since 1970 of the first and the last moment that Python's `datetime` has."""
_DIGEST = re.compile("[0-9a-f]{64}")
_MOST_FACES = 1 << 31


@dataclass(frozen=True)
class Header:
    """What made the embeddings of a file (None: it holds nobody), and the model's card."""

    made_by: MadeBy | None
    card: Card | None


@dataclass(frozen=True, eq=False)
class ImportedPerson:
    """A person as a file states them: pictures of them, and those that do not show them."""

    name: str
    other_names: tuple[str, ...]
    pictures: tuple[Described, ...]
    denied: tuple[Described, ...]


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
            except (LookupError, TypeError, ValueError, OverflowError) as fault:
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
            document = json.loads(line, parse_constant=_refused)
        except (ValueError, RecursionError) as fault:
            raise GalleryError(f"{name}, line {number}, is not JSON: {quoted(fault)}") from fault
        if not isinstance(document, dict):
            raise GalleryError(f"{name}, line {number}, is not a JSON object")
        yield number, document


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


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
        _described(document["references"], made),
        _described(document["does_not_show"], made),
    )


def _described(value: object, made: MadeBy) -> tuple[Described, ...]:
    """Return pictures in their order, those together of which source and face are known alike."""
    return tuple(
        (_embeddings(rows, made), tuple(map(_facts, rows)))
        for rows in (list(some) for _, some in groupby(_rows(value), key=_known))
    )


def _known(row: Mapping[str, object]) -> tuple[bool, bool]:
    return row["source"] is not None, row.get("face") is not None


def _rows(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise GalleryError(f"a list of objects is {quoted(value)}")
    return value


def _embeddings(rows: Sequence[Mapping[str, object]], made: MadeBy) -> Embeddings:
    given = real_array([row["embedding"] for row in rows], "embeddings", GalleryError)
    if given.shape != (len(rows), made.numbers):
        raise GalleryError(f"its embeddings do not have {made.numbers} numbers each")
    sources, faces = _known(rows[0])
    with np.errstate(over="ignore"):  # what overflows is refused below
        values = given.astype(np.float32)
    return Embeddings(
        values, made.fingerprint, made.threshold,
        sources=tuple(_text(row["source"]) for row in rows) if sources else (),
        faces=tuple(_face(row["face"]) for row in rows) if faces else (),
        preparation=made.preparation,
    )  # fmt: skip


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GalleryError(f"a source is {quoted(value)}")
    return value


def _face(value: object) -> ChosenFace:
    if not isinstance(value, dict):
        raise GalleryError(f"a face is {quoted(value)}")
    box = real_array(value["box"], "boxes", GalleryError).astype(np.float64)
    landmarks = real_array(value["landmarks"], "landmarks", GalleryError).astype(np.float64)
    score, index, count = value["score"], value["index"], value["count"]
    if (
        box.shape != (4,) or landmarks.ndim != 2 or not is_finite(score)
        or not (np.isfinite(box).all() and np.isfinite(landmarks).all())
        or not (is_whole(count, 1, _MOST_FACES) and is_whole(index, 0, count - 1))
    ):  # fmt: skip
        raise GalleryError(f"a face is {quoted(value)}")
    left, top, right, bottom = box.tolist()
    points = tuple((x, y) for x, y in landmarks.tolist())
    return ChosenFace((left, top, right, bottom), points, float(score), index, count)


def _facts(reference: Mapping[str, object]) -> PictureFacts:
    digest = reference["digest"]
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise GalleryError(f"a digest is {quoted(digest)}")
    return PictureFacts(
        _time(reference["added"]), _quality(reference.get("quality")), digest,
        _picture(reference["picture"]),
    )  # fmt: skip


def _time(value: object) -> float:
    if not is_real(value, EARLIEST, LATEST):
        raise GalleryError(f"a time is {quoted(value)}, not in seconds since 1970")
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
            names[_enrol(connection, found)] = None
    if names and card is not None and made_by.card_of(connection, "the gallery") is None:
        made_by.remember(connection, card)
    return tuple(names)


def _enrol(connection: sqlite3.Connection, found: ImportedPerson) -> str:
    if not found.pictures and people.number_of(connection, found.name) is None:
        raise GalleryError(f"there are no embeddings of {quoted(found.name)}")
    person = people.add_missing(connection, found.name, found.pictures)
    for other in found.other_names:
        whose = people.number_of(connection, other)
        if whose is None:
            people.add_name(connection, person, other)
        elif whose != person:
            raise GalleryError(
                f"{quoted(found.name)} and {quoted(other)} are one person there, and two in the "
                "gallery: merge them first; nothing was imported"
            )
    for embeddings, facts in found.denied:
        made_by.agree(connection, embeddings)
        corrections.record(connection, person, embeddings, facts)
    return found.name
