"""Drawn photographs: what is said of where people are is so, and drawing repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.samples import (
    Conditions,
    Figure,
    Scene,
    conditions,
    photograph,
    scene,
    scenes,
)

seeds = st.integers(0, 10**6 - 1)
sides = st.integers(48, 160)
few = settings(max_examples=6, deadline=None)
PLAIN = Conditions(noise=0, blur=0)


def same(a: Scene, b: Scene) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in Scene.__dataclass_fields__
    )


@few
@given(seeds, sides, sides)
def test_a_scene_repeats_and_its_rows_belong_together(seed: int, width: int, height: int) -> None:
    first = scene(seed, width=width, height=height)
    count = len(first.people)
    for values, shape, dtype in (
        (first.picture, (height, width, 3), "uint8"),
        (first.boxes, (count, 4), "float32"),
        (first.landmarks, (count, 5, 2), "float32"),
        (first.people, (count,), "int64"),
        (first.printed, (count,), "bool"),
        (first.visible, (count,), "float32"),
    ):
        assert isinstance(values, np.ndarray)
        assert (values.shape, str(values.dtype)) == (shape, dtype)
    scene(seed + 1, width=width, height=height)
    assert same(scene(seed, width=width, height=height), first)
    assert not np.array_equal(scene(seed + 1, width=width, height=height).picture, first.picture)


@few
@given(seeds, st.floats(0, 45))
def test_faces_have_the_shape_of_faces_and_are_seen(seed: int, roll: float) -> None:
    one = scene(seed, width=160, height=120, roll=roll, people=(seed, 5))
    width, height = (one.boxes[:, 2:] - one.boxes[:, :2]).T
    assert (width >= 0.75 * 24).all()
    assert (width <= 160).all()
    assert (height / width > 0.7).all()
    assert (height / width < 1.9).all()
    assert (one.visible >= 0.6).all()
    inside = (one.landmarks >= one.boxes[:, None, :2]) & (one.landmarks <= one.boxes[:, None, 2:])
    assert inside.all()
    eyes, mouth = one.landmarks[:, :2].mean(axis=1), one.landmarks[:, 3:].mean(axis=1)
    assert (eyes[:, 1] < mouth[:, 1]).all()
    assert (one.landmarks[:, 0, 0] < one.landmarks[:, 1, 0]).all()


def test_nobody_gives_empty_arrays() -> None:
    empty = scene(3, width=80, height=60, people=(), posters=())
    assert empty.boxes.shape == (0, 4)
    assert empty.landmarks.shape == (0, 5, 2)
    assert empty.people.shape == empty.printed.shape == empty.visible.shape == (0,)
    assert empty.picture.std() > 1


@few
@given(seeds)
def test_who_is_asked_for_is_there(seed: int) -> None:
    asked = scene(seed, width=200, height=150, people=(7, 2_000_000), posters=(9,))
    assert asked.people.tolist() == [7, 2_000_000, 9]
    assert asked.printed.tolist() == [False, False, True]


def test_scenes_are_those_of_the_following_seeds() -> None:
    drawn = list(scenes(3, 20, width=64, height=64, roll=0))
    assert all(same(one, scene(20 + i, width=64, height=64, roll=0)) for i, one in enumerate(drawn))
    assert not list(scenes(0))


@few
@given(seeds, seeds, st.integers(-9, 9), st.integers(-9, 9))
def test_a_figure_that_is_moved_takes_its_face_along(who: int, now: int, x: int, y: int) -> None:
    figure = Figure(who, 50, 40, size=30, conditions=conditions(now))
    moved = replace(figure, x=50 + x, y=40 + y)
    one, two = (photograph([f], width=100, height=100) for f in (figure, moved))
    np.testing.assert_allclose(two.landmarks - one.landmarks, [[[x, y]] * 5], atol=1e-3)
    np.testing.assert_allclose(two.boxes - one.boxes, [[x, y, x, y]], atol=1e-3)


@few
@given(seeds, seeds, st.floats(0.5, 3))
def test_a_figure_twice_as_large_has_a_box_twice_as_large(who: int, now: int, by: float) -> None:
    figure = Figure(who, 60, 60, size=30, conditions=conditions(now))
    larger = replace(figure, size=30 * by)
    one, two = (photograph([f], width=32, height=32) for f in (figure, larger))
    middle = np.array([60, 60, 60, 60])
    np.testing.assert_allclose(two.boxes - middle, by * (one.boxes - middle), atol=1e-2)


@few
@given(seeds, seeds, st.floats(-40, 40), st.sampled_from([24, 40, 90, 300]))
def test_a_face_is_drawn_where_it_is_said_to_be(
    who: int, background: int, roll: float, size: int
) -> None:
    """What differs between pictures of open and of closed eyes is at the eyes."""
    open_eyes = Figure(who, size, size, size, replace(PLAIN, roll=roll))
    closed = replace(open_eyes, conditions=replace(PLAIN, roll=roll, eyes_open=0.0))
    one, two = (
        photograph([f], width=2 * size, height=2 * size, background=background, camera=PLAIN)
        for f in (open_eyes, closed)
    )
    change = abs(one.picture.astype(float) - two.picture).sum(axis=2)
    y, x = np.indices(change.shape) + 0.5
    middle = np.array([(x * change).sum(), (y * change).sum()]) / change.sum()
    eyes = one.landmarks[0, :2]
    assert np.hypot(*(middle - eyes.mean(axis=0))) < 0.06 * size
    np.testing.assert_allclose(eyes.mean(axis=0), (size, size), atol=0.03 * size)


def test_the_nearer_of_two_hides_the_other() -> None:
    far, near = Figure(1, 60, 50, 24), Figure(2, 66, 60, 60)
    for order in ([far, near], [near, far]):
        both = photograph(order, width=120, height=120)
        alone = photograph([near], width=120, height=120)
        assert both.visible[order.index(far)] < 0.2
        assert both.visible[order.index(near)] == 1
        middle = (slice(60, 80), slice(56, 76))
        assert abs(both.picture[middle].astype(int) - alone.picture[middle]).mean() < 8


def test_a_poster_has_no_body() -> None:
    figure = Figure(4, 100, 50, 30, PLAIN)
    person, poster = (
        photograph([replace(figure, printed=p)], width=200, height=200) for p in (False, True)
    )
    assert poster.printed.tolist() == [True]
    np.testing.assert_allclose(person.boxes, poster.boxes)
    nobody = photograph([], width=200, height=200)
    below = (slice(150, 170), slice(80, 120))
    assert abs(poster.picture[below].astype(int) - nobody.picture[below]).mean() < 15


def test_a_poster_behind_a_neck_is_not_seen() -> None:
    near = Figure(2, 100, 60, 80, PLAIN)
    alone = photograph([near], width=200, height=200)
    chin = float(alone.boxes[0, 3])
    both = photograph([near, Figure(9, 104, chin + 4, 12, PLAIN, True)], width=200, height=200)
    assert both.visible[1] < 0.2
    left, top, right, bottom = both.boxes[1].astype(int)
    change = both.picture.astype(int) - alone.picture
    assert (change[top:bottom, left:right] != 0).mean() < 0.2


@pytest.mark.parametrize("largest", [40, 1024])
def test_a_poster_shows_its_face_where_it_is_said_to_be(
    largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is larger than any portrait that can be drawn."""
    monkeypatch.setattr("npfacenet.samples.poster.LARGEST", largest)
    open_eyes = Figure(4, 80, 70, 60, PLAIN, printed=True)
    closed = replace(open_eyes, conditions=replace(PLAIN, eyes_open=0.0))
    one, two = (photograph([f], width=160, height=160, camera=PLAIN) for f in (open_eyes, closed))
    change = abs(one.picture.astype(float) - two.picture).sum(axis=2)
    y, x = np.indices(change.shape) + 0.5
    middle = np.array([(x * change).sum(), (y * change).sum()]) / change.sum()
    assert np.hypot(*(middle - one.landmarks[0, :2].mean(axis=0))) < 3


@few
@example(1716)
@given(seeds)
def test_with_all_visible_no_face_is_cut_off_or_covered(seed: int) -> None:
    one = scene(seed, width=200, height=150, least_visible=1.0)
    assert (one.visible == 1).all()
    # What is seen is estimated at the middles of 16x16 parts of a box.
    unseen = np.tile(one.boxes[:, 2:] - one.boxes[:, :2], 2) / 32 + 1e-3
    assert (one.boxes >= -unseen).all()
    assert (one.boxes <= np.array([200, 150, 200, 150]) + unseen).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1}, {"seed": 1.5}, {"width": 7}, {"height": 5000}, {"height": True},
        {"roll": 46}, {"roll": -1}, {"roll": float("nan")}, {"smallest_face": 3},
        {"least_visible": 1.5},
        {"largest_face": 20}, {"people": (-1,)}, {"posters": ("a",)}, {"people": 7},
        {"people": range(40), "width": 64, "height": 64},
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        scene(**{"seed": 0, "width": 64, "height": 64, **arguments})


def test_scenes_refuse_before_the_first_is_drawn() -> None:
    for arguments in ({"count": -1}, {"count": 2, "roll": 90}, {"count": 1, "width": 2}):
        with pytest.raises(ArgumentError):
            scenes(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [{"person": -1}, {"x": float("inf")}, {"y": "1"}, {"size": 4}, {"conditions": None}],
)
def test_bad_figures_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        Figure(**{"person": 0, "x": 1, "y": 1, "size": 20, **arguments})


@pytest.mark.parametrize("arguments", [{"figures": [7]}, {"figures": 7}, {"camera": 7}])
def test_bad_photographs_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        photograph(**{"figures": [], "width": 32, "height": 32, **arguments})


def test_a_scene_is_told_in_one_line() -> None:
    assert repr(scene(1, width=64, height=48, people=(), posters=())) == "<Scene: 64x48, 0 faces>"
    told = repr(scene(2, width=160, height=120, people=(7,), posters=(8,)))
    assert told == "<Scene: 160x120, 2 faces, 1 printed>"


@pytest.mark.parametrize(
    "arguments",
    [
        {"roll": 10**400}, {"smallest_face": -(10**400)}, {"seed": -(10**5000)},
        {"people": (2**63,)}, {"posters": (2**70,)},
    ],
    ids=["roll", "smallest_face", "seed", "people", "posters"],
)  # fmt: skip
def test_numbers_beyond_those_of_the_machine_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        scene(**{"seed": 0, "width": 64, "height": 64, **arguments})


def test_figures_in_numbers_of_numpy_are_drawn_alike() -> None:
    plain = Figure(3, 30, 20, 20, PLAIN)
    given: list[Any] = [np.int8(3), np.float32(30), np.int8(20), np.float16(20), PLAIN, np.False_]
    figure = Figure(*given)
    one, other = (photograph([each], width=64, height=48) for each in (plain, figure))
    np.testing.assert_array_equal(one.picture, other.picture)
    np.testing.assert_array_equal(one.boxes, other.boxes)


@pytest.mark.parametrize("printed", ["no", None, np.ones(2, bool)], ids=["text", "none", "array"])
def test_a_figure_is_printed_or_not(printed: Any) -> None:
    with pytest.raises(ArgumentError, match="printed is True or False"):
        Figure(1, 20, 20, 20, printed=printed)


def test_a_message_repeats_little_of_what_was_given() -> None:
    for wrong in ({"seed": "x " * 10**6}, {"seed": 0, "roll": "x " * 10**6}):
        with pytest.raises(ArgumentError) as raised:
            scene(**wrong)
        assert len(str(raised.value)) < 300
