"""Products of matrices in pieces."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.inference.product import copied, multiply, width

sizes = st.integers(1, 70)


@given(rows=sizes, inner=st.integers(1, 1200), columns=st.integers(1, 420), seed=st.integers(0, 9))
def test_is_the_product_wherever_the_matrices_lie(
    rows: int, inner: int, columns: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-4, 5, (rows, inner + 3)).astype(np.float32)[:, 2:-1]
    right = rng.integers(-4, 5, (inner, columns + 5)).astype(np.float32)[:, :columns]
    whole = np.full((rows, columns + 7), np.nan, np.float32)
    for call in multiply(left, right, whole[:, 1 : columns + 1]):
        call()
    np.testing.assert_array_equal(whole[:, 1 : columns + 1], left @ right)
    assert np.isnan(whole[:, 0]).all()
    assert np.isnan(whole[:, columns + 1 :]).all()


@given(rows=sizes, inner=st.integers(1, 2000), columns=st.integers(1, 600))
def test_pieces_are_no_wider_than_the_matrix_and_small_if_it_is_cut(
    rows: int, inner: int, columns: int
) -> None:
    step = width(rows, inner, columns)
    assert 1 <= step <= columns
    if step < columns:
        assert not copied(rows, inner, columns)
        assert rows * inner * columns > 1_000_000


def test_many_rows_are_worth_a_copy_and_small_products_are_left_whole() -> None:
    assert width(1000, 576, 192) == 192
    assert copied(1000, 576, 192)
    assert width(9, 100, 200) == 200
    assert not copied(9, 100, 200)
    assert width(9, 864, 384) == 128
