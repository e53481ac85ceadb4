"""The file of embeddings that `Embeddings.save` and `npfacenet embed` write, for N rows.

It is an archive of arrays, which `numpy.load` opens; what is not known is left out:

- `embeddings` (N, D) float32.
- `sources` (N,) text, the picture of each row, and `positions` (N,) int64, its place in the call.
- `fingerprint` and `preparation`, one text each.
- `boxes` (N, 4), `scores` (N,), `landmarks` (N, K, 2) float64, `face_indices` and `face_counts`
  (N,) int64: the face of each row, as in `faces.choice.ChosenFace`. Of a face with fewer than K
  landmarks, the rest is NaN.
- `facts`, one text (`embeddings_facts.py`).
- `names` (N,) text, the person of each row, in the file of an exported gallery.

Older files have no `facts`, and of the faces `boxes` and `scores` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import ArgumentError, EmbeddingError, OutputError, listed, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.files.npz import Arrays, read_npz, write_npz
from npfacenet.models.embeddings_facts import VERSION, Facts, parsed
from npfacenet.models.face_arrays import FACE_ARRAYS, arrays_of_faces, faces_in
from npfacenet.models.file_columns import column, counts, kind_of, text
from npfacenet.models.skipped import Skipped
from npfacenet.recipes.preparation import CENTRAL_SQUARE

LARGEST: Final = 16 << 30
"""The most bytes of a file: 30 million rows of 128 numbers."""
_OLD = ("embeddings", "sources", "positions", "fingerprint", "preparation", "boxes", "scores")
_CROP = re.compile(r"centre crop of ([1-9]\d{0,5}) pixels")
_FOUND = re.compile(r"(\S+), (\S+)")


class Fields(TypedDict):
    """The fields of `Embeddings`."""

    values: npt.NDArray[np.float32]
    fingerprint: str | None
    threshold: Threshold | None
    sources: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    positions: tuple[int, ...]
    faces: tuple[ChosenFace, ...]
    preparation: Preparation | None


def write_fields(target: Path, given: Fields, names: Sequence[str] = ()) -> None:
    """Write the fields of embeddings, whole or not at all; with `names`, for the owner's eyes only.

    Raises OutputError if the file cannot be written, and EmbeddingError for what would not come
    back exactly, such as boxes that are not numbers.
    """
    with _told("these embeddings cannot be saved"):
        arrays = _arrays_of(given)
        again = _fields_in(arrays, parsed(str(arrays["facts"])))
        for name in sorted(given.keys() - {"values"}):
            if again[name] != given[name]:  # type: ignore[literal-required]  # one of its keys
                raise EmbeddingError(f"a file cannot hold their {name} exactly")
        if names:
            arrays["names"] = np.array(names, np.str_)
            if arrays["names"].tolist() != [*names]:
                raise EmbeddingError("a file cannot hold their names exactly")
    size = sum(array.nbytes for array in arrays.values())
    if size > LARGEST // 2:  # well below it, so that what is written can be read
        raise OutputError(f"{size:,} bytes are too many for one file; save them in several")
    write_npz(target, arrays, private=bool(names))


def read_fields(path: Path) -> Fields:
    """Return the fields of embeddings that a file holds; raises as `read_named`."""
    return read_named(path)[0]


def read_named(path: Path) -> tuple[Fields, tuple[str, ...]]:
    """Return the fields of embeddings that a file holds, and the name of each row if it has them.

    Raises EmbeddingError, naming the file, the fault and the remedy, for any other file.
    """
    arrays = read_npz(path, what="a file of embeddings", largest=LARGEST, error=EmbeddingError)
    name = quoted(str(path))
    if "embeddings" not in arrays:
        raise EmbeddingError(
            f"{name} holds no array 'embeddings'; write one with npfacenet embed, or save it with "
            "Embeddings.save"
        )
    with _told(name, "copy it again, or embed the pictures again"):
        if "facts" not in arrays:
            return _fields_in_old(arrays), ()
        facts = parsed(text(arrays, "facts"))
        if facts["version"] == VERSION:
            return _fields_in(arrays, facts), _names_in(arrays)
    raise EmbeddingError(
        f"{name} was written by a newer version of npfacenet (it has format "
        f"{quoted(facts['version'])}, and this version reads {VERSION}): update npfacenet"
    )


@contextmanager
def _told(subject: str, remedy: str | None = None) -> Iterator[None]:
    """Begin the messages of errors with their subject, and end them with the remedy."""
    try:
        yield
    except (EmbeddingError, ArgumentError) as fault:
        end = "" if remedy is None else f"; {remedy}"
        raise EmbeddingError(f"{subject}: {fault}{end}") from fault


def _arrays_of(given: Fields) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of a file; raise EmbeddingError for fields that none can hold."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"embeddings": given["values"]}
    facts = Facts(given["threshold"], given["preparation"], given["skipped"])
    try:
        if given["sources"]:
            arrays["sources"] = np.array(given["sources"], np.str_)
        if given["positions"]:
            arrays["positions"] = np.array(given["positions"], np.int64)
        if given["fingerprint"] is not None:
            arrays["fingerprint"] = np.array(given["fingerprint"], np.str_)
        if given["preparation"] is not None:
            arrays["preparation"] = np.array(str(given["preparation"]))
        arrays |= arrays_of_faces(given["faces"])
        arrays["facts"] = np.array(facts.text())
    except (TypeError, ValueError, OverflowError) as fault:
        raise EmbeddingError(f"{fault}") from fault
    return arrays


def _fields_in(arrays: Arrays, stated: dict[str, object]) -> Fields:
    """Return the fields of a file with these facts; raise EmbeddingError for any fault."""
    _require_known(arrays, (*_OLD, *FACE_ARRAYS, "facts", "names"))
    facts = Facts.of(stated)
    return {
        **_fields_of_rows(arrays),
        "threshold": facts.threshold,
        "skipped": facts.skipped,
        "faces": faces_in(arrays, len(arrays["embeddings"])),
        "preparation": facts.preparation,
    }


def _names_in(arrays: Arrays) -> tuple[str, ...]:
    if "names" not in arrays:
        return ()
    names: list[str] = column(arrays, "names", "U", (len(arrays["embeddings"]),)).tolist()
    return tuple(names)


def _fields_in_old(arrays: Arrays) -> Fields:
    """Return the fields of a file without facts; raise EmbeddingError for any fault."""
    _require_known(arrays, _OLD)
    known = _fields_of_rows(arrays)
    if "preparation" in arrays:
        known["preparation"] = _preparation_of(text(arrays, "preparation"))
    return known


def _require_known(arrays: Arrays, names: Sequence[str]) -> None:
    if strange := sorted(arrays.keys() - {*names}):
        raise EmbeddingError(f"npfacenet writes no array {listed(strange)} there")


def _fields_of_rows(arrays: Arrays) -> Fields:
    """Return the fields that every file may have; the others as if they were not known."""
    values = arrays["embeddings"]
    if values.dtype != np.float32 or values.ndim != 2 or not values.shape[1]:
        raise EmbeddingError(f"'embeddings' are {kind_of(values)}, not float32 of shape (N, D)")
    numbers = values.astype(np.float32, copy=False)
    if not np.isfinite(numbers).all():
        raise EmbeddingError("'embeddings' hold NaN or infinity")
    rows = len(numbers)
    sources = column(arrays, "sources", "U", (rows,)).tolist() if "sources" in arrays else ()
    positions = counts(arrays, "positions", rows) if "positions" in arrays else ()
    return Fields(
        values=numbers,
        fingerprint=text(arrays, "fingerprint") if "fingerprint" in arrays else None,
        threshold=None,
        sources=tuple(sources),
        skipped=(),
        positions=tuple(positions),
        faces=(),
        preparation=None,
    )


def _preparation_of(words: str) -> Preparation | None:
    """Return the preparation that an old file states in words; None for any other words."""
    found = CENTRAL_SQUARE
    with suppress(ArgumentError):
        if crop := _CROP.fullmatch(words):
            found = Preparation(crop=int(crop[1]))
        elif named := _FOUND.fullmatch(words):
            found = Preparation(named[1], named[2])
    return found if str(found) == words else None
