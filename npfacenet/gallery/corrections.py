"""What people have corrected: pictures that do not show whom they were taken for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npfacenet.gallery.faults import interpreting
from npfacenet.gallery.people import PictureFacts, encoded
from npfacenet.models.embeddings import Embeddings

_VECTOR = np.dtype("<f4")


def deny(
    connection: sqlite3.Connection,
    person: int,
    embeddings: Embeddings,
    facts: Sequence[PictureFacts] = (),
) -> None:
    """Record that pictures do not show a person; `facts` are those of each, if they are known."""
    known = connection.execute("SELECT vector FROM correction WHERE person = ?", (person,))
    vectors, now = {vector for (vector,) in known.fetchall()}, time.time()
    # Whoever embeds all pictures anew meanwhile would leave these as another model's.
    connection.execute("UPDATE state SET changes = changes + 1")
    for i, row in enumerate(embeddings.values):
        vector = row.astype(_VECTOR).tobytes()
        if vector in vectors:
            continue
        of_it = facts[i] if facts else PictureFacts()
        connection.execute(
            "INSERT INTO correction (person, made, source, digest, vector, content) "
            "VALUES (?, ?, CAST(? AS TEXT), ?, ?, ?)",
            (
                person, now if of_it.added is None else of_it.added,
                encoded(embeddings.sources[i]) if embeddings.sources else None, of_it.digest,
                vector, of_it.content,
            ),
        )  # fmt: skip


def renew(connection: sqlite3.Connection, number: int, embedding: Embeddings) -> None:
    """Replace the embedding (1, D) of a correction by another model's."""
    vector = embedding.values[0].astype(_VECTOR).tobytes()
    connection.execute("UPDATE correction SET vector = ? WHERE id = ?", (vector, number))


@interpreting("its corrections")
def denied(connection: sqlite3.Connection, numbers: int) -> dict[int, npt.NDArray[np.float32]]:
    """Return the embeddings (N, numbers) of what does not show a person, by their number."""
    found: dict[int, list[npt.NDArray[np.float32]]] = {}
    for person, vector in connection.execute("SELECT person, vector FROM correction ORDER BY id"):
        row = np.frombuffer(vector, _VECTOR).astype(np.float32)
        if len(row) != numbers or not np.isfinite(row).all():
            raise ValueError(f"a vector of person {person} is not one of {numbers} numbers")
        found.setdefault(person, []).append(row)
    return {person: np.stack(rows) for person, rows in found.items()}
