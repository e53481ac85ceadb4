"""The threshold for 1:K: no two people enrolled match, and how many strangers still do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.commands.search_threshold import search_threshold
from npfacenet.errors import GalleryError
from npfacenet.gallery import Gallery, identify
from npfacenet.models import Embeddings


def gallery_of(people: int, pictures: int, rng: np.random.Generator, size: int = 8) -> Gallery:
    values = rng.standard_normal((people * pictures, size))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    names = tuple(f"p{i}" for i in range(people) for _ in range(pictures))
    return Gallery.of_rows(names, Embeddings.of(values))


@given(st.integers(2, 9), st.integers(1, 3), st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_no_two_people_enrolled_match(
    people: int, pictures: int, comparison: float, seed: int
) -> None:
    gallery = gallery_of(people, pictures, np.random.default_rng(seed))
    found = search_threshold(gallery, comparison)
    assert found.value <= comparison
    nearest = []
    for name in gallery.people:
        others = gallery.without(name)
        for probe in gallery[name]:
            result = identify(probe, others, threshold=found.value)
            assert result.match is None or result.candidates[0].distance > found.value
            assert result.match is None
            nearest.append(result.candidates[0].distance)
    assert found.closest == min(nearest)
    assert found.value == comparison or found.closest - found.value <= 1.0001e-4
    assert found.pairs == people * (people - 1) // 2
    assert 0 <= found.matching <= found.pairs
    assert (found.matching > 0) == (found.closest <= comparison)


@pytest.mark.parametrize("people", [3, 12])
def test_the_share_of_strangers_let_in_is_as_stated(people: int) -> None:
    rng = np.random.default_rng(32)
    trials, let_in, stated = 1500, 0, 0.0
    for _ in range(trials):
        everybody = gallery_of(people + 1, 1, rng)
        stranger, gallery = everybody["p0"], everybody.without("p0")
        found = search_threshold(gallery, 2.0)
        let_in += identify(stranger, gallery, threshold=found.value).match is not None
        stated = found.strangers_at_most
    assert stated == 2 / (people + 1)
    # As exchangeable as can be, so the bound is met; four standard errors.
    assert let_in / trials == pytest.approx(stated, abs=4 * np.sqrt(stated / trials))


def test_pictures_of_one_person_do_not_count_and_the_smallest_of_several_does() -> None:
    people: dict[str, list[list[float]]] = {
        "ada": [[1, 0], [0.96, 0.28]],
        "ben": [[0, 1], [0.6, 0.8]],
        "cy": [[-1, 0]],
    }
    found = search_threshold(Gallery.of(people), 1.1)
    assert found.pair == ("ada", "ben")
    assert found.closest == pytest.approx(np.hypot(0.36, 0.52))
    assert (found.matching, found.pairs, found.people) == (1, 3, 3)
    text = str(found)
    assert "the closest pair (ada and ben, 0.632)" in text
    assert "1 - (1 - 1/3)^3 = 70% of strangers" in text
    assert "up to 2 of 4 strangers" in text


def test_a_threshold_that_is_strict_already_stays() -> None:
    found = search_threshold(Gallery.of({"ada": [1, 0], "ben": [0, 1]}), 0.5)
    assert found.value == 0.5
    assert "no two people enrolled are so close" in str(found)


def test_one_person_is_a_comparison_and_one_picture_is_not_two_people() -> None:
    found = search_threshold(Gallery.of({"ada": [1, 0]}), 1.1)
    assert (found.value, found.pair) == (1.1, None)
    assert found.as_json()["strangers_let_in_at_most"] is None
    assert "one comparison" in str(found)
    with pytest.raises(GalleryError, match="'ada' and 'ben' are enrolled with the same picture"):
        search_threshold(Gallery.of({"ada": [1, 0], "ben": [1, 0]}), 1.1)
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        search_threshold(Gallery.of({}), 1.1)
    tiny = search_threshold(Gallery.of({"ada": [1, 0], "ben": [1, 1e-6]}), 1.1)
    assert 0 < tiny.value < 1e-6
