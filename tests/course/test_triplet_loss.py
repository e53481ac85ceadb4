"""The assignment's triplet loss: its values and dtypes, and what has no loss."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet import course
from npfacenet.course import edition_2017, edition_2021
from npfacenet.errors import ArgumentError

triplet_loss: Any = course.triplet_loss  # what takes anything, for faults
ONE, ZERO = [[1.0, 1.0]], [[0.0, 0.0]]
FOUR = [[1.0, 1], [2, 0], [0, 3], [5, 0]]
MIXED = [[0.0, 3], [5, 0], [1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("triplet", "alpha", "loss"),
    [
        ((ONE, ONE, ONE), 5, 5),
        ((ONE, ONE, ZERO), 3, 1),
        ((ONE, ZERO, ONE), 3, 5),
        ((ZERO, ZERO, ZERO), 0.2, 0.2),
        ((FOUR, FOUR, MIXED), 3, 0),
        ((FOUR, MIXED, FOUR), 3, 40),
    ],
)
def test_the_loss_of_the_assignment(
    triplet: tuple[npt.ArrayLike, ...], alpha: float, loss: float
) -> None:
    for edition in (course, edition_2017, edition_2021):
        assert edition.triplet_loss(None, triplet, alpha) == pytest.approx(loss)


@given(st.integers(1, 5), st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_the_loss_is_a_sum_over_triplets(m: int, alpha: float, seed: int) -> None:
    a, p, n = np.random.default_rng(seed).standard_normal((3, m, 4))
    one_by_one = sum(
        max(((a[i] - p[i]) ** 2).sum() - ((a[i] - n[i]) ** 2).sum() + alpha, 0) for i in range(m)
    )
    assert course.triplet_loss(None, [a, p, n], alpha) == pytest.approx(one_by_one)


def test_the_loss_has_the_default_margin_of_the_notebook() -> None:
    assert course.triplet_loss(None, (ZERO, ZERO, ZERO)) == pytest.approx(0.2)
    for wrong in ([ONE, ONE], [ONE, ONE, [[1.0]]], [1, 2, 3], None):
        with pytest.raises(ArgumentError):
            triplet_loss(None, wrong)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i8"])
def test_the_loss_of_integers_does_not_wrap(dtype: str) -> None:
    a, p, n = (np.array([[value, value]], dtype) for value in (3, 10, 4))
    loss = course.triplet_loss(None, [a, p, n])  # 98 - 2 + 0.2
    assert loss == pytest.approx(96.2)
    assert loss.dtype == np.float64
    assert triplet_loss(None, np.stack([a, p, n])) == loss  # one array (3, m, D)


@pytest.mark.parametrize(
    ("dtypes", "result"),
    [("eee", "f"), ("fff", "f"), ("eff", "f"), ("fdf", "d"), ("ddd", "d"), ("fBf", "d"),
     ("ggg", "g")],
)  # fmt: skip
def test_the_dtype_of_the_loss(dtypes: str, result: str) -> None:
    three = [
        np.full((4, 2), value, dtype) for value, dtype in zip((0, 200, 0), dtypes, strict=True)
    ]
    loss = course.triplet_loss(None, three, alpha=1)
    assert loss == 4 * (2 * 200**2 + 1)  # more than float16 holds
    assert loss.dtype == np.dtype(result)


@pytest.mark.parametrize(
    ("y_pred", "said"),
    [
        ([ONE, [[np.nan, 1]], ONE], "positive holds NaN or infinity"),
        ([ONE, ONE, [[np.inf, 1]]], "negative holds NaN or infinity"),
        ([np.ma.masked_array(ONE, [[True, False]]), ONE, ONE], "anchor hold masked values"),
        ([np.ma.masked_invalid([[np.nan, 1]]), ONE, ONE], "anchor hold masked values"),
        ([[[True, False]], ONE, ONE], "anchor are an array of real numbers"),
        ([[["1", "2"]], ONE, ONE], "anchor are an array of real numbers"),
        ([[[1j, 2]], ONE, ONE], "anchor are an array of real numbers"),
        ([ONE, [[1, 2], [3]], ONE], "positive are an array of real numbers"),
        ([[[None, 1.0]], ONE, ONE], "anchor are an array of real numbers"),
        ([ONE, ONE, ONE, ONE], "list of anchor, positive and negative"),
        (itertools.repeat(ONE), "list of anchor, positive and negative"),
        ("abc", "list of anchor, positive and negative"),
        ({"a": ONE, "p": ONE, "n": ONE}, "list of anchor, positive and negative"),
        (np.zeros((3, 0, 128)), "are not empty"),
        (np.zeros((3, 2, 0)), "are not empty"),
        (np.zeros((3, 1, 1, 128)), "one shape (m, D)"),
        ([np.full((1, 2), 1e200), ZERO, ZERO], "too large"),
        (np.array([[[0.0]], [[1e30]], [[0.0]]], np.float32), "too large"),
        (["x" * 9000] * 3, "anchor are an array of real numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 99 else "",
)
def test_what_is_not_encodings_has_no_loss(y_pred: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(said)) as caught:
        course.triplet_loss(None, y_pred)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "alpha", [None, "0.2", math.nan, math.inf, True, 10**400, [0.2], np.array([1.0]), 1j]
)
def test_alpha_is_a_finite_number(alpha: Any) -> None:
    with pytest.raises(ArgumentError, match="alpha is a finite number, not "):
        course.triplet_loss(None, [ONE, ONE, ONE], alpha)
    assert triplet_loss(None, [ONE, ONE, ONE], np.float32(0.5)) == 0.5
