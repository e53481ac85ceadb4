"""People and conditions by seed, their limits, and the fixed pairs."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, quoted
from npfacenet.samples import (
    PAIRS_FROM,
    Conditions,
    Identity,
    conditions,
    draw,
    identity,
    pairs,
    people,
    picture,
)
from npfacenet.samples.conditions import LIMITS as CONDITION_LIMITS
from npfacenet.samples.identity import LIMITS as IDENTITY_LIMITS

KINDS: list[tuple[Any, Any, dict[str, tuple[float, float]]]] = [
    (Identity, identity, IDENTITY_LIMITS),
    (Conditions, conditions, CONDITION_LIMITS),
]
kinds = pytest.mark.parametrize(("kind", "of_seed", "limits"), KINDS, ids=["who", "now"])
seeds = st.integers(0, 2**62)


@kinds
def test_identity_and_conditions_share_nothing(kind: Any, of_seed: Any, limits: Any) -> None:
    assert [field.name for field in fields(kind)] == list(limits)
    assert not set(IDENTITY_LIMITS) & set(CONDITION_LIMITS)


@kinds
@given(seed=seeds)
def test_a_seed_makes_the_same_numbers(kind: Any, of_seed: Any, limits: Any, seed: int) -> None:
    one = of_seed(seed)
    assert one == of_seed(np.int64(seed))
    assert hash(one) == hash(of_seed(seed))
    assert one != of_seed(seed + 1)
    for name in limits:
        assert type(getattr(one, name)) in (int, float), name


@kinds
@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", None])
def test_what_is_no_seed_is_refused(kind: Any, of_seed: Any, limits: Any, seed: Any) -> None:
    with pytest.raises(ArgumentError, match=f"^seed is a whole number, 0 or above, not {seed!r}$"):
        of_seed(seed)


@kinds
def test_every_limit_is_kept(kind: Any, of_seed: Any, limits: Any) -> None:
    for name, (low, high) in limits.items():
        whole = isinstance(getattr(kind(), name), int)
        for value in (low, high):
            assert getattr(kind(**{name: value}), name) == value
        beyond = (low - 1, high + 1) if whole else (low - 0.01, high + 0.01)
        others = (math.nan, math.inf, True, "1", None, *([0.5] if whole else []))
        for value in (*beyond, 10**400, *others):
            with pytest.raises(ArgumentError) as caught:
                kind(**{name: value})
            assert str(caught.value).startswith(f"{name} is "), name
            assert str(caught.value).endswith(f"not {quoted(value)}"), name
            if value not in (*beyond, 10**400):
                kind_of_number = "a whole number" if whole else "a finite number"
                assert kind_of_number in str(caught.value), name


def test_people_are_believable() -> None:
    crowd = [identity(seed) for seed in range(600)]
    melanin, hair = (np.array([getattr(p, n) for p in crowd]) for n in ("melanin", "hair_melanin"))
    assert np.corrcoef(melanin, hair)[0, 1] > 0.2
    assert melanin.min() < 0.1
    assert melanin.max() > 0.7
    bald = np.array([p.baldness > 0 for p in crowd])
    wrinkles = np.array([p.wrinkles for p in crowd])
    assert wrinkles[bald].mean() > wrinkles[~bald].mean()
    bearded = [p for p in crowd if p.beard]
    assert 0.03 < len(bearded) / len(crowd) < 0.25
    assert np.mean([p.hair_length > 0.48 for p in bearded]) < 0.15
    # Hardly anybody lies at a limit, where people would look alike.
    for name in ("head_width", "chin", "eye_distance", "nose_width", "mouth_width"):
        values = np.array([getattr(p, name) for p in crowd])
        assert np.isin(values, IDENTITY_LIMITS[name]).mean() < 0.01, name
        assert values.std() > 0.08 * np.ptp(IDENTITY_LIMITS[name]), name


def test_people_come_person_by_person() -> None:
    drawn = people(3, 2, seed=40, size=24)
    assert drawn.labels.tolist() == [40, 40, 41, 41, 42, 42]
    assert drawn.pictures.shape == (6, 24, 24, 3)
    assert drawn.pictures.dtype == np.uint8
    assert np.array_equal(drawn.pictures[3], draw(identity(41), conditions(83), 24))
    assert np.array_equal(people(1, 2, seed=41, size=24).pictures, drawn.pictures[2:4])


def test_pairs_show_people_that_training_does_not() -> None:
    drawn = pairs(6, size=24)
    assert drawn.genuine.tolist() == [True, False] * 3
    assert drawn.a.shape == drawn.b.shape == (6, 24, 24, 3)
    for i, genuine in enumerate(drawn.genuine):
        first = PAIRS_FROM + 2 * i
        second = first if genuine else first + 1
        assert np.array_equal(drawn.a[i], draw(identity(first), conditions(first), 24))
        assert np.array_equal(drawn.b[i], draw(identity(second), conditions(first + 1), 24))
    assert np.array_equal(pairs(2, size=24).a, drawn.a[:2])
    assert not np.array_equal(pairs(2, seed=1, size=24).a, drawn.a[:2])


# Means of squares of 8 x 8 pixels. Whoever changes them changes the fixed pairs, and with those
# every number that was measured on them.
KNOWN = {
    0: [[76, 108, 108, 46], [78, 194, 167, 61], [79, 172, 165, 51], [78, 101, 123, 67]],
    1_000_000: [[82, 94, 83, 78], [99, 138, 125, 61], [84, 124, 119, 47], [75, 72, 65, 46]],
    1_000_777: [
        [185, 150, 160, 175], [182, 194, 221, 149], [182, 179, 212, 135], [187, 139, 132, 90],
    ],
}  # fmt: skip


@pytest.mark.parametrize("seed", KNOWN)
def test_the_fixed_people_stay_as_they_were_measured(seed: int) -> None:
    picture = draw(identity(seed), conditions(seed), 32).astype(np.float64)
    means = picture.reshape(4, 8, 4, 8, 3).mean(axis=(1, 3, 4))
    np.testing.assert_allclose(means, KNOWN[seed], atol=1.5)


def test_raw_pixels_do_not_tell_people_apart() -> None:
    drawn = pairs(80, size=24)
    a, b = (side.reshape(len(side), -1).astype(np.float64) for side in (drawn.a, drawn.b))
    white_a, white_b = ((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) for x in (a, b))
    for distances in (np.linalg.norm(a - b, axis=1), np.linalg.norm(white_a - white_b, axis=1)):
        best = max(((distances <= t) == drawn.genuine).mean() for t in distances)
        assert 0.5 < best < 0.75


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: people(0, 1), "count is at least 1, not 0"),
        (lambda: people(1, 0), "pictures is at least 1, not 0"),
        (lambda: people(1, 1, seed=-1), "seed is a whole number, 0 or above, not -1"),
        (lambda: people(1.5, 1), "count is a whole number, 0 or above, not 1.5"),  # type: ignore[arg-type]
        (
            lambda: people(2, 1, seed=2**63),
            "seed + count is at most 2**63, not 9223372036854775810",
        ),
        (lambda: picture(3, 0), "each is at least 1, not 0"),
        (lambda: picture(-1, 2), "number is a whole number, 0 or above, not -1"),
        (lambda: pairs(0), "count is 1 to 250000, not 0"),
        (lambda: pairs(250_001), "count is 1 to 250000, not 250001"),
        (lambda: pairs(2, seed=-1), "seed is a whole number, 0 or above, not -1"),
        (lambda: pairs(2, size=0), "size is 1 to 1024, not 0"),
    ],
)
def test_sets_that_cannot_be_drawn_are_refused(call: Any, said: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert str(caught.value) == said
