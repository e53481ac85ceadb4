"""A person's mean decides like `verify` with that person's embeddings, by the mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.gallery import Gallery, identify
from npfacenet.recognition import verify


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_the_mean_is_that_of_verify(seed: int, counts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    people = {}
    for i, count in enumerate(counts):
        vectors = rng.standard_normal((count, 8))
        people[f"p{i}"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    probe = rng.standard_normal(8)
    probe /= np.linalg.norm(probe)
    expected = sorted(
        (verify(probe, known, threshold=2, by="mean").distance, name)
        for name, known in people.items()
    )
    for gallery in (people, Gallery.of(people)):
        found = identify(probe, gallery, threshold=2, by="mean", nearest=9)
        assert [c.name for c in found.candidates] == [name for _, name in expected]
        np.testing.assert_allclose(
            [c.distance for c in found.candidates], [d for d, _ in expected], atol=1e-6
        )


def test_embeddings_that_cancel_out_match_nobody() -> None:
    people: dict[str, npt.ArrayLike] = {"anna": [[1.0, 0.0], [-1.0, 0.0]], "bert": [0.0, 1.0]}
    found = identify([0.0, 1.0], people, threshold=0.9, by="mean")
    assert [c.name for c in found.candidates] == ["bert", "anna"]
    assert found.candidates[1].distance == 1


@pytest.mark.filterwarnings("error")
def test_the_mean_of_enormous_numbers() -> None:
    known = {"anna": np.full((2, 4), 3e38, np.float32)}
    assert identify([0.5] * 4, known, threshold=0.01, by="mean").match == "anna"
