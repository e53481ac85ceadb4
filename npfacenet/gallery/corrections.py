"""What people have corrected: pictures that do not show whom they were taken for."""

from __future__ import annotations

import sqlite3
import time

import numpy as np
import numpy.typing as npt

from npfacenet.models.embeddings import Embeddings

_VECTOR = np.dtype("<f4")


def deny(connection: sqlite3.Connection, person: int, embeddings: Embeddings) -> None:
    """Record that these pictures do not show a person."""
    made = time.time()
    for i, row in enumerate(embeddings.values):
        source = embeddings.sources[i] if embeddings.sources else None
        connection.execute(
            "INSERT INTO correction (person, made, source, vector) VALUES (?, ?, ?, ?)",
            (person, made, source, row.astype(_VECTOR).tobytes()),
        )


def denied(connection: sqlite3.Connection) -> dict[int, npt.NDArray[np.float32]]:
    """Return the embeddings (N, D) of pictures that do not show a person, by that person's."""
    found: dict[int, list[npt.NDArray[np.float32]]] = {}
    for person, vector in connection.execute("SELECT person, vector FROM correction ORDER BY id"):
        found.setdefault(person, []).append(np.frombuffer(vector, _VECTOR).astype(np.float32))
    return {person: np.stack(rows) for person, rows in found.items()}
