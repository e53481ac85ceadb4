"""The four preprocessings, by formula, by law and against FaceNet's own numbers."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import Picture, pictures
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.images import PREPROCESSINGS, prepare, preprocessing

batches = hnp.arrays(np.uint8, (3, 4, 4, 3))
names = st.sampled_from(sorted(PREPROCESSINGS))


@given(batches, names)
def test_a_batch_is_its_pictures_one_by_one(batch: Picture, name: str) -> None:
    scaled = preprocessing(name).scale(batch)
    assert scaled.dtype == np.float32
    for i in range(3):
        np.testing.assert_array_equal(preprocessing(name).scale(batch[i : i + 1])[0], scaled[i])


@given(batches)
def test_formulas(batch: Picture) -> None:
    exact = batch.astype(np.float64)
    np.testing.assert_allclose(preprocessing("unit").scale(batch), exact / 255, rtol=1e-6)
    np.testing.assert_array_equal(preprocessing("raw").scale(batch), exact)
    fixed = preprocessing("fixed").scale(batch)
    np.testing.assert_allclose(fixed, (exact - 127.5) / 128, rtol=1e-6)
    for picture, white in zip(exact, preprocessing("prewhiten").scale(batch), strict=True):
        deviation = max(picture.std(), 1 / np.sqrt(picture.size))
        np.testing.assert_allclose(white, (picture - picture.mean()) / deviation, atol=1e-5)


@given(st.integers(0, 255))
def test_one_colour_prewhitens_to_zero(value: int) -> None:
    flat = np.full((1, 5, 5, 3), value, np.uint8)
    np.testing.assert_array_equal(preprocessing("prewhiten").scale(flat), np.zeros_like(flat, "f4"))


@given(pictures, st.integers(1, 8), names)
def test_prepare_gives_what_a_network_takes(picture: Picture, size: int, name: str) -> None:
    before = picture.copy()
    prepared = prepare([picture, picture], size, preprocessing(name))
    assert prepared.shape == (2, size, size, 3)
    assert prepared.dtype == np.float32
    assert np.isfinite(prepared).all()
    np.testing.assert_array_equal(picture, before)
    assert prepare([], size, preprocessing(name)).shape == (0, size, size, 3)


def test_prewhiten_equals_facenets(reference_folder: Path) -> None:
    reference = np.load(reference_folder / "inception_resnet_v1_128.npz")
    white = preprocessing("prewhiten").scale(reference["input_uint8"])
    np.testing.assert_allclose(white, reference["input_prewhitened"], atol=1e-5)


def test_they_are_values() -> None:
    for each in PREPROCESSINGS.values():
        assert pickle.loads(pickle.dumps(each)) == each  # noqa: S301
        assert hash(each) == hash(preprocessing(each.name))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="known: unit, fixed, prewhiten, raw"):
        preprocessing("grey")
    with pytest.raises(ShapeError, match=r"uint8 \(N, S, S, 3\), received float64"):
        preprocessing("unit").scale(np.zeros((1, 2, 2, 3)))  # type: ignore[arg-type]  # the fault under test
