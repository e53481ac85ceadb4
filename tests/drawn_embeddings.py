"""Embeddings with everything that can be known of them, drawn by Hypothesis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.cards import Preparation, Threshold
from npfacenet.faces.choice import ChosenFace
from npfacenet.models import Embeddings, Skipped

PREPARATIONS = (
    Preparation(),
    Preparation(crop=150),
    Preparation("mtcnn", "margin-32"),
    Preparation("mine.v2@0123456789ab", "npfacenet"),
)
THRESHOLDS = (Threshold(1.1, "LFW"), Threshold(0.25, "a guess\x00\ud800", "cosine"))

texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
# NumPy's texts end before the zeros at their end.
stored_texts = texts.map(lambda text: text.rstrip("\0"))
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**63 - 1)
chosen_faces = st.builds(
    ChosenFace,
    st.tuples(*[numbers] * 4),
    st.lists(st.tuples(numbers, numbers), max_size=6).map(tuple),
    numbers,
    counts,
    counts,
)
skipped = st.builds(Skipped, texts, texts, st.none() | st.integers(0), st.booleans())


@st.composite
def drawn_embeddings(draw: st.DrawFn, dimension: int | None = None) -> Embeddings:
    """0 to 4 embeddings, of which everything is known, or only a part."""
    rows = draw(st.integers(0, 4))
    numbers_of_each = draw(st.integers(1, 5)) if dimension is None else dimension
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)

    def of_each_row(strategy: st.SearchStrategy[object]) -> tuple[object, ...]:
        known = st.lists(strategy, min_size=rows, max_size=rows).map(tuple)
        return draw(st.just(()) | known)

    return Embeddings(
        draw(hnp.arrays(np.float32, (rows, numbers_of_each), elements=finite)),
        draw(st.none() | stored_texts),
        draw(st.none() | st.sampled_from(THRESHOLDS)),
        of_each_row(stored_texts),  # type: ignore[arg-type]  # checked by Embeddings
        tuple(draw(st.lists(skipped, max_size=3))),
        of_each_row(counts),  # type: ignore[arg-type]
        of_each_row(chosen_faces),  # type: ignore[arg-type]
        draw(st.none() | st.sampled_from(PREPARATIONS)),
    )


@st.composite
def of_one_model(draw: st.DrawFn) -> tuple[Embeddings, Embeddings, Embeddings]:
    """Three Embeddings that can be joined; not all of them state threshold and preparation."""
    threshold, preparation = draw(st.sampled_from(THRESHOLDS)), draw(st.sampled_from(PREPARATIONS))
    fingerprint = draw(st.none() | st.just("f" * 64))

    def one() -> Embeddings:
        evidence = draw(st.sampled_from(["LFW", "our own pictures"]))
        return replace(
            draw(drawn_embeddings(3)),
            fingerprint=fingerprint,
            threshold=draw(st.sampled_from([None, replace(threshold, evidence=evidence)])),
            preparation=draw(st.sampled_from([None, preparation])),
        )

    return one(), one(), one()


def assert_same(found: Embeddings, expected: Embeddings) -> None:
    """Check that two Embeddings are the same, bit for bit."""
    assert found.values.tobytes() == expected.values.tobytes()
    assert found.values.shape == expected.values.shape
    assert not found.values.flags.writeable
    for name in vars(expected).keys() - {"values"}:
        assert getattr(found, name) == getattr(expected, name), name
    assert vars(found).keys() == vars(expected).keys()
