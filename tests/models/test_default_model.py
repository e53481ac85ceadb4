"""The network that comes with the package: its file, its card, and what it tells apart."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

import npfacenet
from npfacenet.images.png import write_png
from npfacenet.samples import pairs
from npfacenet.testing import FacePair, face_pairs
from npfacenet.zoo.lookup import find

few = settings(max_examples=12)


@pytest.fixture(scope="module")
def model() -> npfacenet.Model:
    return npfacenet.load()


def test_it_is_small_and_says_what_it_may_be_used_for(model: npfacenet.Model) -> None:
    card = model.card
    assert find("npfacenet-small").stat().st_size <= 2_500_000
    assert (card.architecture, card.outputs, card.input_size) == ("npfacenet-small", 128, 96)
    assert "research and teaching only" in card.licence
    assert card.threshold is not None
    assert (
        "chosen for a false match rate of 0.01 on these very pairs: LFW" in card.threshold.evidence
    )
    assert len(card.trained_on) == 2312
    assert not set(card.trained_on) & {"Aaron_Patterson", "Zoran_Djindjic"}  # in folds 3 and 4


def test_its_kernels_are_stored_as_float16(model: npfacenet.Model) -> None:
    for (_, name), values in model.parameters.items():
        if name == "kernel":
            assert np.array_equal(values, values.astype(np.float16).astype(np.float32))


@few
@given(pair=face_pairs())
def test_a_face_is_the_same_however_it_is_held(model: npfacenet.Model, pair: FacePair) -> None:
    file = io.BytesIO()
    write_png(pair.a, file)
    held = model.embed([pair.a, file.getvalue(), Image.fromarray(pair.a), pair.b]).values
    np.testing.assert_allclose(np.linalg.norm(held, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(held[:3], held[:1].repeat(3, axis=0), atol=1e-5)
    np.testing.assert_allclose(held[3:], model.embed(pair.b).values, atol=1e-5)


def test_it_tells_drawn_people_apart(model: npfacenet.Model) -> None:
    drawn = pairs(100, seed=5)
    a, b = model.embed(drawn.a).values, model.embed(drawn.b).values
    distances = np.linalg.norm(a - b, axis=1)
    best = max(((distances <= t) == drawn.genuine).mean() for t in distances)
    assert best >= 0.95
