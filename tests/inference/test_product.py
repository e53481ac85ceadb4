"""Products of matrices in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from npfacenet.inference import product
from npfacenet.inference.product_cuts import ProductCuts

CUTS = ProductCuts()
SMALL = CUTS.small
cut = CUTS.cut
multiply = partial(product.multiply, cuts=CUTS)
multiply_each = partial(product.multiply_each, cuts=CUTS)
partial_sums = partial(product.partial_sums, cuts=CUTS)

sizes = st.integers(1, 70)


@pytest.fixture(scope="module", autouse=True)
def kernels_that_multiply_in_place() -> Iterator[None]:
    """Whatever the processor is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("npfacenet.inference.product.kernels", lambda: "SkylakeX")
        yield


@given(rows=sizes, inner=st.integers(1, 1200), columns=st.integers(1, 420), seed=st.integers(0, 9))
def test_is_the_product_wherever_the_matrices_lie(
    rows: int, inner: int, columns: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-4, 5, (rows, inner + 3)).astype(np.float32)[:, 2:-1]
    right = rng.integers(-4, 5, (inner, columns + 5)).astype(np.float32)[:, :columns]
    whole = np.full((rows, columns + 7), np.nan, np.float32)
    scratch = np.full(partial_sums(rows, inner, columns), np.nan, np.float32)
    for call in multiply(left, right, whole[:, 1 : columns + 1], scratch):
        call()
    np.testing.assert_array_equal(whole[:, 1 : columns + 1], left @ right)
    assert np.isnan(whole[:, 0]).all()
    assert np.isnan(whole[:, columns + 1 :]).all()


@given(rows=sizes, inner=st.integers(1, 90), columns=st.integers(1, 90), seed=st.integers(0, 9))
def test_writes_whole_arrays_too(rows: int, inner: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-4, 5, (rows, inner)).astype(np.float32)
    right = rng.integers(-4, 5, (inner, columns)).astype(np.float32)
    output = np.full((rows, columns), np.nan, np.float32)
    for call in multiply(left, right, output, np.empty(0, np.float32)):
        call()
    np.testing.assert_array_equal(output, left @ right)


@given(rows=st.integers(1, 32), parts=st.integers(2, 4), columns=st.integers(1, 200))
def test_partial_products_are_summed(rows: int, parts: int, columns: int) -> None:
    inner = parts * (1_000_000 // (rows * min(columns, 64)))  # the most that so many parts can do
    assume(cut(rows, inner, columns).parts > 1)
    rng = np.random.default_rng(inner)
    left = rng.integers(-1, 2, (rows, inner)).astype(np.float32)
    right = rng.integers(-1, 2, (inner, columns)).astype(np.float32)
    output = np.full((rows, columns), np.nan, np.float32)
    scratch = np.full(partial_sums(rows, inner, columns), np.nan, np.float32)
    for call in multiply(left, right, output, scratch):
        call()
    np.testing.assert_array_equal(output, left @ right)


@given(
    stack=st.integers(1, 3),
    rows=st.integers(65, 700),
    inner=st.integers(17, 130),
    columns=st.integers(16, 170),
    seed=st.integers(0, 9),
)
def test_many_rows_are_cut_too(stack: int, rows: int, inner: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-4, 5, (stack, rows, inner)).astype(np.float32)
    right = rng.integers(-4, 5, (stack, inner, columns)).astype(np.float32)
    output = np.full((stack, rows, columns), np.nan, np.float32)
    for call in multiply_each(left, right, output):
        call()
    np.testing.assert_array_equal(output, left @ right)
    output[:] = np.nan
    for call in multiply(left[0], right[0], output[0], np.empty(0, np.float32)):
        call()
    np.testing.assert_array_equal(output[0], left[0] @ right[0])


@given(stack=st.integers(1, 3), rows=st.integers(1, 64), seed=st.integers(0, 9))
def test_stacks_of_few_rows(stack: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-4, 5, (stack, rows, 1100)).astype(np.float32)
    right = rng.integers(-4, 5, (stack, 1100, 200)).astype(np.float32)
    output = np.full((stack, rows, 200), np.nan, np.float32)
    for call in multiply_each(left, right, output):
        call()
    np.testing.assert_array_equal(output, left @ right)


def is_small(size: tuple[int, int, int]) -> bool:
    parts, height, width = cut(*size)
    return height * size[1] * width <= parts * SMALL


@given(rows=st.integers(1, 3000), inner=st.integers(1, 6000), columns=st.integers(1, 600))
def test_pieces_fit_into_the_matrices_and_are_small_if_they_are_cut(
    rows: int, inner: int, columns: int
) -> None:
    parts, height, width = cut(rows, inner, columns)
    assert 1 <= width <= columns
    assert 1 <= height <= rows
    assert inner % parts == 0
    assert partial_sums(rows, inner, columns) == (parts * rows * columns if parts > 1 else 0)
    assert cut(rows, inner, columns, in_one_part=True).parts == 1
    if (parts, height, width) != (1, rows, columns):
        assert is_small((rows, inner, columns))
        assert rows * inner * columns > SMALL


def test_what_is_cut_and_what_is_left_whole() -> None:
    assert cut(9, 100, 200) == (1, 9, 200)  # small already
    assert cut(9, 864, 384) == (1, 9, 128)
    assert cut(9, 1792, 384) == (2, 9, 64)
    assert cut(9, 1792, 384, in_one_part=True) == (1, 9, 384)
    assert cut(64, 1792, 384) == (1, 64, 384)
    assert cut(1152, 147, 64) == (1, 192, 32)
    assert cut(424, 147, 64) == (1, 144, 32)  # not 212, which is no multiple of 12
    assert cut(100, 384, 64) == (1, 60, 32)  # not 72 and 28
    assert cut(1000, 576, 192) == (1, 1000, 192)  # the right-hand matrix is large
    assert cut(20000, 1, 64) == (1, 20000, 64)  # NumPy itself is slow for one


def pieces_made(size: tuple[int, int, int]) -> int:
    rows, inner, columns = size
    left, right = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
    output, sums = np.empty((rows, columns), np.float32), np.empty(rows * columns * 4, np.float32)
    calls = multiply(left, right, output, sums)
    (call,) = (c for c in calls if isinstance(c, partial) and c.func in (np.dot, np.matmul))
    return int(np.prod(np.shape(call.args[2])[:-2]))


def test_kernels_that_copy_always_get_whole_products(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (9, 1792, 384), (1152, 147, 64)
    assert [pieces_made(size) for size in sizes] == [12, 12]
    for kernels in ("Haswell", "Zen", None):
        monkeypatch.setattr("npfacenet.inference.product.kernels", lambda name=kernels: name)
        assert [pieces_made(size) for size in sizes] == [1, 1]
        assert partial_sums(*sizes[0]) == 0
    monkeypatch.setattr("npfacenet.inference.product.kernels", lambda: "SKYLAKEX")
    assert [pieces_made(size) for size in sizes] == [12, 12]


def test_a_stack_is_cut() -> None:
    left, right = np.ones((3, 36, 192), np.float32), np.ones((3, 192, 256), np.float32)
    (call,) = multiply_each(left, right, np.empty((3, 36, 256), np.float32))
    assert isinstance(call, partial)
    assert [np.shape(array) for array in call.args[:2]] == [(3, 1, 1, 36, 192), (3, 1, 2, 192, 128)]
