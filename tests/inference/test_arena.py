"""Tensors that live at the same time never share memory."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from npfacenet.inference.arena import Lifetime, aligned, arrange


@st.composite
def lifetimes(draw: st.DrawFn) -> Lifetime:
    first = draw(st.integers(-1, 12))
    zeros = draw(st.sampled_from([None, None, None, "a", "b"]))
    size = draw(st.integers(1, 200)) if zeros is None else {"a": 50, "b": 70}[zeros]
    return Lifetime(first, draw(st.integers(first, 13)), size, zeros)


@given(st.lists(lifetimes(), max_size=25))
def test_arrange(tensors: list[Lifetime]) -> None:
    offsets, size = arrange(tensors)
    spans = [range(o, o + t.size) for o, t in zip(offsets, tensors, strict=True)]
    for i, (one, span) in enumerate(zip(tensors, spans, strict=True)):
        assert span.start % 16 == 0
        assert 0 <= span.start <= span.stop <= size
        for other, beside in list(zip(tensors, spans, strict=True))[:i]:
            apart = span.stop <= beside.start or beside.stop <= span.start
            one_after_the_other = one.last < other.first or other.last < one.first
            # What is to stay zero shares its memory with its like only, whenever it lives.
            alike = one.zeros == other.zeros
            assert apart or (one_after_the_other and alike)
            if one.zeros is not None and alike and not apart:
                assert span == beside


def test_memory_is_reused() -> None:
    chain = [Lifetime(i, i + 1, 100) for i in range(50)]
    assert arrange(chain)[1] <= 3 * 112


@given(st.lists(st.integers(1, 9), max_size=4).map(tuple))
def test_aligned_arrays_begin_with_a_cache_line(shape: tuple[int, ...]) -> None:
    array = aligned(shape)
    assert array.shape == shape
    assert array.ctypes.data % 64 == 0
    assert array.flags.c_contiguous
    assert array.flags.writeable
