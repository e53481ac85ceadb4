"""Comparing the names of people."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import normalize

from npfacenet.errors import GalleryError, quoted


def name_key(name: str) -> str:
    r"""Return what names are compared by: "é" may be one character, or "e" and an accent (macOS).

    >>> name_key("Zoe\u0308") == name_key("Zo\xeb")
    True
    """
    return normalize("NFC", name)


def as_first_given(names: Iterable[object]) -> tuple[str, ...]:
    """Return the names, each spelt as it first appears.

    Raises GalleryError for a name that is not text or is blank.
    """
    spelt: dict[str, str] = {}
    return tuple(spelt.setdefault(name_key(name), name) for name in map(checked_name, names))


def rows_by_name(names: Iterable[object]) -> dict[str, list[int]]:
    """Return which rows are each name's, given the name of every row.

    Raises GalleryError as `as_first_given`.

    >>> rows_by_name(["anna", "bert", "anna"])
    {'anna': [0, 2], 'bert': [1]}
    """
    rows: dict[str, list[int]] = {}
    for i, name in enumerate(map(checked_name, names)):
        rows.setdefault(name, []).append(i)
    return rows


def checked_name(name: object) -> str:
    """Return the name; raise GalleryError if it is not text or is blank."""
    if not isinstance(name, str) or not name.strip():
        raise GalleryError(f"a name in a gallery is text and not empty, not {quoted(name)}")
    return name
