"""Batches of identities: what is in them, that they repeat, and that nobody is shown twice."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import TrainingError
from npfacenet.training.sampling import IdentitySampler


@st.composite
def samplers(draw: st.DrawFn) -> IdentitySampler:
    counts = draw(st.lists(st.integers(1, 6), min_size=2, max_size=12))
    counts[:2] = [counts[0] + 2, counts[1] + 2]
    people = draw(st.permutations(range(len(counts))))
    labels = [10 * p - 30 for p, count in zip(people, counts, strict=True) for _ in range(count)]
    order = draw(st.permutations(range(len(labels))))
    return IdentitySampler(
        tuple(labels[i] for i in order),
        draw(st.integers(2, 6)),
        draw(st.integers(1, 5)),
        draw(st.integers(1, 3)),
        draw(st.integers(0, 2**32 - 1)),
    )


def people_of(sampler: IdentitySampler, batch: npt.NDArray[np.intp]) -> list[int]:
    return [sampler.labels[i] for i in batch]


@given(samplers(), st.integers(0, 1000))
def test_a_batch_is_p_identities_with_up_to_k_pictures(
    sampler: IdentitySampler, number: int
) -> None:
    batch = sampler.batch(number)
    assert len(set(batch.tolist())) == len(batch)
    there, chosen = Counter(sampler.labels), Counter(people_of(sampler, batch))
    able = [person for person, count in there.items() if count >= sampler.least]
    assert len(chosen) == min(sampler.identities, len(able))
    for person, count in chosen.items():
        assert there[person] >= sampler.least
        assert count == min(sampler.pictures, there[person])


@given(samplers(), st.integers(0, 1000))
def test_pictures_of_an_identity_lie_side_by_side(sampler: IdentitySampler, number: int) -> None:
    people = people_of(sampler, sampler.batch(number))
    changes = sum(one != other for one, other in pairwise(people))
    assert changes == len(set(people)) - 1


@given(samplers(), st.integers(0, 50))
def test_in_an_epoch_every_identity_comes_at_most_once(
    sampler: IdentitySampler, epoch: int
) -> None:
    numbers = range(epoch * sampler.batches, (epoch + 1) * sampler.batches)
    seen = [p for n in numbers for p in set(people_of(sampler, sampler.batch(n)))]
    assert len(set(seen)) == len(seen)
    able = sum(count >= sampler.least for count in Counter(sampler.labels).values())
    assert able - len(seen) < sampler.identities


@given(samplers(), st.integers(0, 1000), st.lists(st.integers(0, 1000), max_size=3))
def test_a_batch_follows_from_seed_and_number_alone(
    sampler: IdentitySampler, number: int, before: list[int]
) -> None:
    first = sampler.batch(number)
    again = IdentitySampler(
        sampler.labels, sampler.identities, sampler.pictures, sampler.least, sampler.seed
    )
    for other in before:
        again.batch(other)
    np.testing.assert_array_equal(again.batch(number), first)


TWENTY = tuple(range(20)) * 4  # 20 people with 4 pictures each


def drawn(seed: int, numbers: range) -> list[list[int]]:
    sampler = IdentitySampler(TWENTY, 5, 2, seed=seed)
    return [sampler.batch(number).tolist() for number in numbers]


def test_seeds_and_epochs_differ() -> None:
    one, other = drawn(0, range(8)), drawn(1, range(8))
    assert all(a != b for a, b in zip(one, other, strict=True))
    assert one[:4] != one[4:]
    # Not the same identities in another order either.
    batches = [frozenset(i % 20 for i in batch) for batch in one + other]
    assert len(set(batches)) == 16


def test_another_seed_shows_other_pictures_of_the_same_people() -> None:
    def pictures(seed: int) -> frozenset[int]:
        sampler = IdentitySampler((0, 1) * 20, 2, 5, seed=seed)
        return frozenset(sampler.batch(0).tolist())

    assert len({pictures(seed) for seed in range(10)}) == 10


def test_every_picture_has_its_turn() -> None:
    seen = Counter(i for batch in drawn(7, range(400)) for i in batch)
    assert set(seen) == set(range(80))
    # Each of 100 epochs shows each person twice of four pictures: 50 times, give or take.
    assert min(seen.values()) > 25
    assert max(seen.values()) < 75


def test_who_has_too_few_pictures_is_left_out() -> None:
    labels = (0, 1, 1, 2, 3, 3, 3, 4)
    pairs = IdentitySampler(labels, 2, 3, least=2)
    assert {p for n in range(20) for p in people_of(pairs, pairs.batch(n))} == {1, 3}
    everyone = IdentitySampler(labels, 2, 3, least=1)
    assert {p for n in range(20) for p in people_of(everyone, everyone.batch(n))} == {0, 1, 2, 3, 4}


def test_fewer_people_than_a_batch_takes_all_come() -> None:
    sampler = IdentitySampler((0, 0, 1, 1, 2, 2), 16, 2)
    assert sampler.batches == 1
    assert sorted(sampler.batch(3).tolist()) == list(range(6))


@pytest.mark.parametrize(
    ("labels", "least", "said"),
    [
        ((), 1, "0 of 0 identities have 1 pictures"),
        ((5, 5, 5), 2, "1 of 1 identities have 2 pictures"),
        ((0, 0, 1, 2), 2, "1 of 3 identities have 2 pictures"),
        ((0, 0, 1, 1), 3, "0 of 2 identities have 3 pictures"),
    ],
)
def test_one_person_alone_teaches_nothing(labels: tuple[int, ...], least: int, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        IdentitySampler(labels, 2, 2, least)


class RepeatsAPicture(IdentitySampler):
    def batch(self, number: int) -> npt.NDArray[np.intp]:
        batch = super().batch(number)
        return np.append(batch, batch[-1:])


class ShufflesIdentities(IdentitySampler):
    def batch(self, number: int) -> npt.NDArray[np.intp]:
        return np.roll(super().batch(number), 1)


class ForgetsTheEpoch(IdentitySampler):
    def batch(self, number: int) -> npt.NDArray[np.intp]:
        return super().batch(number - number % 2)


class TakesOthersToo(IdentitySampler):
    def batch(self, number: int) -> npt.NDArray[np.intp]:
        alone = [i for i, person in enumerate(self.labels) if self.labels.count(person) == 1]
        return np.append(super().batch(number), alone[:1])


@pytest.mark.parametrize(
    "fault", [RepeatsAPicture, ShufflesIdentities, ForgetsTheEpoch, TakesOthersToo]
)
def test_the_laws_catch_a_faulty_sampler(fault: type[IdentitySampler]) -> None:
    right, wrong = (kind((*TWENTY, 99), 5, 3) for kind in (IdentitySampler, fault))
    laws = (
        test_a_batch_is_p_identities_with_up_to_k_pictures,
        test_pictures_of_an_identity_lie_side_by_side,
        test_in_an_epoch_every_identity_comes_at_most_once,
    )
    broken = []
    for law in laws:
        inner = law.hypothesis.inner_test  # type: ignore[attr-defined]  # Hypothesis puts it there
        inner(right, 0)
        try:
            inner(wrong, 0)
        except AssertionError:
            broken.append(law)
    assert broken
