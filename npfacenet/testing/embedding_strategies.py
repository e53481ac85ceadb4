"""Drawn embeddings: alone, clustered by identity, and in labelled pairs and triplets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.models import Embeddings

Vectors = npt.NDArray[np.float32]
SHORTEST = 0.1


def unit(values: npt.NDArray[np.floating]) -> Vectors:
    """Rows divided by their length, float32."""
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    rows: Vectors = (values / lengths).astype(np.float32)
    return rows


def unit_vectors(dimension: int = 4) -> st.SearchStrategy[Vectors]:
    """One vector (dimension,) of unit length, drawn element by element."""
    drawn = hnp.arrays(np.float64, dimension, elements=st.floats(-1, 1, width=16))
    return drawn.filter(lambda v: bool(np.linalg.norm(v) > SHORTEST)).map(unit)


def embeddings(
    dimension: int = 4, *, least: int = 1, most: int = 6
) -> st.SearchStrategy[Embeddings]:
    """Embeddings (N, dimension) of unit length, N from `least` to `most`."""
    rows = st.lists(unit_vectors(dimension), min_size=least, max_size=most)
    return rows.map(lambda drawn: Embeddings.of(np.array(drawn).reshape(-1, dimension)))


@dataclass(frozen=True)
class Clusters:
    """Embeddings of several people: `labels[i]` is the person of row i."""

    values: Vectors
    labels: tuple[int, ...]


@st.composite
def clusters(draw: st.DrawFn, dimension: int = 16, spread: float = 0.1) -> Clusters:
    """2 to 5 people with 1 to 4 pictures each, around centres, from a drawn seed."""
    counts = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = unit(rng.standard_normal((len(counts), dimension)))
    values = unit(centres[labels] + spread * rng.standard_normal((len(labels), dimension)))
    return Clusters(values, tuple(int(label) for label in labels))


@dataclass(frozen=True)
class LabelledPairs:
    """Rows of a and b, and whether they show one person: (N, D), (N, D), (N,)."""

    a: Vectors
    b: Vectors
    genuine: npt.NDArray[np.bool_]


@st.composite
def labelled_pairs(draw: st.DrawFn, dimension: int = 16) -> LabelledPairs:
    """Pairs of pictures of drawn people, at least one of each kind if possible."""
    drawn = draw(clusters(dimension))
    labels = np.array(drawn.labels)
    a, b = np.triu_indices(len(labels), k=1)
    return LabelledPairs(drawn.values[a], drawn.values[b], labels[a] == labels[b])


@st.composite
def triplets(draw: st.DrawFn, dimension: int = 4) -> tuple[Vectors, Vectors, Vectors]:
    """Anchors, positives and negatives, each (m, dimension) of unit length, m from 1 to 4."""
    m = draw(st.integers(1, 4))
    rows = st.lists(unit_vectors(dimension), min_size=m, max_size=m).map(np.array)
    return draw(rows), draw(rows), draw(rows)
