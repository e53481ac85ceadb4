"""Which model made a gallery's embeddings: one, whose facts every embedding shares."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy.typing as npt

from npfacenet.cards import Card, Preparation, Threshold, card_from_json
from npfacenet.errors import GalleryError, WeightsError
from npfacenet.gallery import vector_blocks
from npfacenet.gallery.faults import interpreting
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.made_by import MadeBy, agreed

MOST_NUMBERS = 1 << 20
"""Of an embedding."""


@interpreting("what made its embeddings")
def read(connection: sqlite3.Connection) -> MadeBy | None:
    """Return what the gallery's embeddings share; None if nobody is enrolled."""
    found = connection.execute(
        "SELECT numbers, fingerprint, threshold, preparation FROM model"
    ).fetchone()
    if found is None:
        return None
    numbers, fingerprint, threshold, preparation = found
    if not 1 <= numbers <= MOST_NUMBERS:
        raise ValueError(f"embeddings of {numbers} numbers")
    return MadeBy(
        numbers,
        fingerprint,
        None if threshold is None else Threshold(**json.loads(threshold)),
        None if preparation is None else Preparation(**json.loads(preparation)),
    )


def require(connection: sqlite3.Connection) -> MadeBy:
    """Return what the gallery's embeddings share; raise GalleryError if nobody is enrolled."""
    found = read(connection)
    if found is None:
        raise GalleryError("nobody is enrolled in the gallery")
    return found


def shared_with(connection: sqlite3.Connection, embeddings: Embeddings) -> MadeBy:
    """Return what these embeddings share with those of the gallery; raises as `agree`."""
    known, new = read(connection), embeddings.made_by
    return new if known is None else agreed([known, new], mixed=GalleryError)


def agree(connection: sqlite3.Connection, embeddings: Embeddings) -> MadeBy:
    """Record and return what made these embeddings, after checking that those of the gallery agree.

    Raises FingerprintError, EmbeddingError and GalleryError as `Gallery.add` states.
    """
    new = embeddings.made_by
    if new.numbers > MOST_NUMBERS:
        raise GalleryError(
            f"an embedding of {new.numbers:,} numbers is too long for a gallery: it has at most "
            f"{MOST_NUMBERS:,}"
        )
    shared = shared_with(connection, embeddings)
    if shared != read(connection):
        connection.execute(
            "INSERT INTO model (id, numbers, fingerprint, threshold, preparation) "
            "VALUES (1, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET numbers = excluded.numbers, "
            "fingerprint = excluded.fingerprint, threshold = excluded.threshold, "
            "preparation = excluded.preparation",
            (
                shared.numbers,
                shared.fingerprint,
                _text(shared.threshold),
                _text(shared.preparation),
            ),
        )
    return shared


def remember(connection: sqlite3.Connection, card: Card) -> None:
    """Record the card of the model that made the gallery's embeddings."""
    text = json.dumps(asdict(replace(card, trained_on=())))  # names of other people
    connection.execute("UPDATE model SET card = ? WHERE card IS NOT ?", (text, text))


def card_of(connection: sqlite3.Connection, name: str) -> Card | None:
    """Return that card, if it is known; raise GalleryError if it is damaged."""
    found = connection.execute("SELECT card FROM model").fetchone()
    if found is None or found[0] is None:
        return None
    try:
        return card_from_json(json.loads(found[0]), name)
    except (WeightsError, ValueError) as fault:
        raise GalleryError(f"{name} is damaged: {fault}; restore it from a copy") from fault


def forget(connection: sqlite3.Connection) -> None:
    """Let embeddings of any model be enrolled next, as nobody is any more."""
    vector_blocks.remove_all(connection)
    connection.execute("DELETE FROM model")


def one_set(
    values: Embeddings | npt.ArrayLike | Sequence[Embeddings], decided: float | None = None
) -> Embeddings:
    """Return Embeddings, several in a list as one, and bare numbers as Embeddings.

    Those in a list may have different thresholds if `decided` states one.
    """
    if isinstance(values, (list, tuple)) and values:
        each = [value for value in values if isinstance(value, Embeddings)]
        if len(each) == len(values):
            undecided = decided is None
            return Embeddings.concatenate(
                each if undecided else [replace(e, threshold=None) for e in each]
            )
    return Embeddings.of(values)


def _text(value: Threshold | Preparation | None) -> str | None:
    return None if value is None else json.dumps(asdict(value))
