"""Exact search: equal to distances in float64, whatever the blocks, the threads and the scale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.gallery.blocks import NOBODY, Block
from npfacenet.gallery.search import PROBES, Nearest, search
from npfacenet.recognition import distances


def by_float64(
    probes: npt.NDArray[np.float32], blocks: list[Block], nearest: int
) -> list[tuple[list[int], list[float]]]:
    """The specification: all distances, the least of each person, in order."""
    vectors = np.concatenate([block.vectors for block in blocks])
    people = np.concatenate([block.people for block in blocks])
    found = []
    for probe in probes:
        apart = distances(probe, vectors)[0]
        best: dict[int, float] = {}
        for person, distance in zip(people.tolist(), apart.tolist(), strict=True):
            if person != NOBODY:
                best[person] = min(distance, best.get(person, np.inf))
        ranked = sorted((distance, person) for person, distance in best.items())[:nearest]
        found.append(([p for _, p in ranked], [d for d, _ in ranked]))
    return found


def as_lists(found: list[Nearest]) -> list[tuple[list[int], list[float]]]:
    return [(one.people.tolist(), one.distances.tolist()) for one in found]


def drawn_blocks(
    seed: int, sizes: list[int], people: int, scale: float, numbers: int = 8
) -> list[Block]:
    rng = np.random.default_rng(seed)
    blocks = []
    for size in sizes:
        vectors = (scale * rng.standard_normal((size, numbers))).astype(np.float32)
        if size > 3:
            vectors[1] = vectors[0]  # equal embeddings
            vectors[2] = np.nextafter(vectors[0], np.float32(9))
        blocks.append(Block(vectors, rng.integers(0, people + 1, size)))
    return blocks


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5),
    people=st.integers(1, 300),
    nearest=st.integers(1, 12),
    scale=st.sampled_from([1e-18, 1e-3, 1.0, 1e3, 1e16, 1e18]),
    threads=st.integers(1, 3),
)
def test_it_finds_what_distances_in_float64_say(
    seed: int, sizes: list[int], people: int, nearest: int, scale: float, threads: int
) -> None:
    blocks = drawn_blocks(seed, sizes, people, scale)
    probes = np.concatenate([blocks[0].vectors[:2], -blocks[-1].vectors[:1]])
    assert as_lists(search(probes, blocks, nearest, threads)) == by_float64(probes, blocks, nearest)


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=4),
    people=st.sampled_from([1, 3, 40, 5000]),
    nearest=st.sampled_from([1, 5, 60]),
    probe_scale=st.sampled_from([1e-25, 1e-3, 1.0, 1.5, 1e16]),
    threads=st.integers(1, 2),
)
@settings(max_examples=60)
def test_unit_vectors_are_compared_with_any_probe(
    seed: int, sizes: list[int], people: int, nearest: int, probe_scale: float, threads: int
) -> None:
    blocks = [unit(block) for block in drawn_blocks(seed, sizes, people, 1.0)]
    assert all(block.unit for block in blocks)
    rng = np.random.default_rng(seed)
    probes = np.concatenate([blocks[0].vectors[:2], rng.standard_normal((3, 8))])
    probes = (probe_scale * probes).astype(np.float32)
    assert as_lists(search(probes, blocks, nearest, threads)) == by_float64(probes, blocks, nearest)


def unit(block: Block) -> Block:
    lengths = np.linalg.norm(block.vectors, axis=1, keepdims=True)
    return Block((block.vectors / lengths).astype(np.float32), block.people)


@pytest.mark.parametrize("scale", [1e-20, 1e-21, 1e-30, 1e-44])
def test_squares_that_float32_does_not_hold(scale: float) -> None:
    rng = np.random.default_rng(2)
    near = (scale * (1 + 1e-3 * rng.standard_normal((700, 8)))).astype(np.float32)
    blocks = [Block(near[:300], np.arange(1, 301)), Block(near[300:], np.arange(301, 701))]
    probes = np.concatenate([near[::90], np.zeros((1, 8), np.float32)])
    assert as_lists(search(probes, blocks, 3)) == by_float64(probes, blocks, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("person", [NOBODY, 1])
def test_a_block_tells_that_a_number_is_not_finite(value: float, person: int) -> None:
    vectors = np.full((3, 2), 3e38, np.float32)
    assert Block(vectors, np.array([1, person, 2])).longest == pytest.approx(3e38 * 2**0.5)
    vectors[1, 0] = value
    assert not np.isfinite(Block(vectors, np.array([1, person, 2])).longest)


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 99), nearest=st.integers(1, 5))
def test_it_does_not_matter_how_blocks_are_cut(seed: int, cut: int, nearest: int) -> None:
    (whole,) = drawn_blocks(seed, [100], 20, 1.0)
    parts = [Block(whole.vectors[s], whole.people[s]) for s in (slice(cut), slice(cut, None))]
    probes = whole.vectors[:7]
    expected = as_lists(search(probes, [whole], nearest))
    assert as_lists(search(probes, parts, nearest)) == expected
    assert as_lists(search(probes, parts[::-1], nearest)) == expected


def test_a_person_with_very_many_embeddings_hides_nobody() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((500, 4)).astype(np.float32)
    people = np.where(np.arange(500) < 480, 1, np.arange(500))
    blocks = [Block(vectors, people)]
    assert as_lists(search(vectors[:9], blocks, 5)) == by_float64(vectors[:9], blocks, 5)


@pytest.mark.parametrize("sizes", [[9000], [5000, 64, 192, 768, 3000], [10] * 300])
@pytest.mark.parametrize("probes", [1, 30])
@pytest.mark.parametrize("people", [3, 200, 10**6])
def test_many_embeddings_in_blocks_of_any_size(sizes: list[int], probes: int, people: int) -> None:
    blocks = drawn_blocks(7, sizes, people, 1.0)
    some = np.random.default_rng(8).standard_normal((probes, 8)).astype(np.float32)
    expected = by_float64(some, blocks, 5)
    for threads in (1, 2):
        assert as_lists(search(some, blocks, 5, threads)) == expected


def test_as_many_as_there_are() -> None:
    blocks = drawn_blocks(9, [3000], 2900, 1.0)
    probes = blocks[0].vectors[:3]
    assert as_lists(search(probes, blocks, 10**6, 2)) == by_float64(probes, blocks, 10**6)


def test_more_probes_than_are_compared_at_a_time() -> None:
    blocks = drawn_blocks(5, [300, 300], 100, 1.0)
    probes = np.random.default_rng(6).standard_normal((PROBES + 3, 8)).astype(np.float32)
    assert as_lists(search(probes, blocks, 3)) == by_float64(probes, blocks, 3)


def test_an_empty_place_does_not_make_searching_slower() -> None:
    vectors = np.eye(5, dtype=np.float32)
    vectors[2] = 0
    block = Block(vectors, np.array([1, 2, NOBODY, 4, 5]))
    assert block.unit
    assert not block.full
    assert not Block(1.001 * vectors, block.people).unit
    assert not Block(vectors, np.arange(1, 6)).unit


def test_empty_places_are_nobody() -> None:
    empty = Block(np.zeros((4, 2), np.float32), np.zeros(4, np.int64))
    one = Block(np.array([[1, 0], [0, 0]], np.float32), np.array([9, NOBODY]))
    assert as_lists(search(np.array([[0, 0]], np.float32), [empty, one], 3)) == [([9], [1.0])]
    assert as_lists(search(np.array([[0, 0]], np.float32), [empty], 3)) == [([], [])]
    assert as_lists(search(np.array([[0, 0]], np.float32), [], 3)) == [([], [])]


@pytest.mark.parametrize("factor", [1 - 2**-20, 1.0, 1 + 2**-20])
def test_what_float32_cannot_tell_apart_is_told_by_float64(factor: float) -> None:
    rng = np.random.default_rng(11)
    base = rng.standard_normal(128)
    base /= np.linalg.norm(base)
    near = np.stack([base + 1e-6 * rng.standard_normal(128) for _ in range(200)]).astype(np.float32)
    probes = (factor * base).astype(np.float32)[None]
    blocks = [Block(near[:90], np.arange(1, 91)), Block(near[90:], np.arange(91, 201))]
    assert as_lists(search(probes, blocks, 10)) == by_float64(probes, blocks, 10)
