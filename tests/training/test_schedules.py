"""Schedules: what every one keeps to, and what each is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.training.schedules import Constant, Cosine, Schedule, Steps, WarmUp

step_numbers = st.integers(0, 10_000)
shares = st.floats(0, 1)
plain = st.one_of(
    st.just(Constant()),
    st.builds(Cosine, st.integers(1, 5000), shares),
    st.builds(
        Steps,
        st.lists(st.integers(0, 5000), max_size=4).map(tuple),
        st.floats(0, 1, exclude_min=True),
    ),
)
schedules = st.one_of(plain, st.builds(WarmUp, st.integers(0, 5000), plain))


@given(schedules, step_numbers)
def test_a_factor_is_0_to_1(schedule: Schedule, step: int) -> None:
    assert 0 <= schedule.factor(step) <= 1


@given(plain, step_numbers)
def test_without_a_warm_up_rates_never_rise(schedule: Schedule, step: int) -> None:
    assert schedule.factor(step + 1) <= schedule.factor(step)
    if not isinstance(schedule, Steps):
        assert schedule.factor(0) == 1


@given(plain, step_numbers)
def test_a_warm_up_of_no_steps_is_none(schedule: Schedule, step: int) -> None:
    assert WarmUp(0, schedule).factor(step) == schedule.factor(step)


@given(plain, st.integers(1, 5000), step_numbers)
def test_a_warm_up_rises_evenly_and_hands_over(schedule: Schedule, steps: int, step: int) -> None:
    warm = WarmUp(steps, schedule)
    assert warm.factor(steps + step) == schedule.factor(step)
    assert warm.factor(0) == pytest.approx(1 / steps)
    assert warm.factor(steps - 1) == 1
    if step < steps:
        assert warm.factor(step) == pytest.approx((step + 1) / steps)


@given(st.integers(1, 5000), shares, st.data())
def test_a_cosine_falls_as_it_began(steps: int, floor: float, data: st.DataObject) -> None:
    cosine, step = Cosine(steps, floor), data.draw(st.integers(0, steps))
    assert cosine.factor(step) + cosine.factor(steps - step) == pytest.approx(1 + floor)
    assert cosine.factor(0) == 1
    assert cosine.factor(steps) == cosine.factor(steps + step) == pytest.approx(floor)


def test_a_cosine_by_hand() -> None:
    factors = [Cosine(6, 0.2).factor(step) for step in range(8)]
    half = 0.4 * 3**0.5 / 2
    assert factors == pytest.approx([1, 0.6 + half, 0.8, 0.6, 0.4, 0.6 - half, 0.2, 0.2])


@given(st.lists(st.integers(0, 50), max_size=4), st.floats(0.1, 1), st.integers(0, 60))
def test_each_step_that_is_reached_drops_once(at: list[int], drop: float, step: int) -> None:
    wanted = 1.0
    for each in at:
        if each <= step:
            wanted *= drop
    assert Steps(tuple(at), drop).factor(step) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Cosine(0), "steps=0.*at least 1"),
        (lambda: Cosine(3, -0.1), "floor=-0.1"),
        (lambda: Cosine(3, 1.1), "floor=1.1"),
        (lambda: Cosine(3, float("nan")), "floor=nan"),
        (lambda: Steps((1, -1)), r"\(1, -1\).*not negative"),
        (lambda: Steps((1,), 0.0), "drop=0.0"),
        (lambda: Steps((1,), 1.1), "drop=1.1"),
        (lambda: WarmUp(-1, Constant()), "steps=-1"),
    ],
)
def test_impossible_schedules_are_refused(make: Callable[[], Schedule], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        make()
