"""Drawn photographs: what is said of where people are is so, and drawing repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.samples import (
    Conditions,
    Figure,
    Identity,
    Scene,
    conditions,
    draw,
    face_of,
    identity,
    photograph,
    scene,
    scenes,
)

seeds = st.integers(0, 10**6 - 1)
sides = st.integers(48, 160)
few = settings(max_examples=8, deadline=None)
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
@given(seeds, seeds)
def test_a_face_is_drawn_where_it_is_said_to_be(who: int, background: int) -> None:
    # The same room with two people: what differs at the face is the face.
    shown = [
        photograph([Figure(n, 60, 50, 40, PLAIN)], width=120, height=120, background=background)
        for n in (who, who + 1)
    ]
    left, top, right, bottom = shown[0].boxes[0].astype(int)
    changed = abs(shown[0].picture.astype(int) - shown[1].picture).max(axis=2)
    assert changed[top:bottom, left:right].mean() > 3
    assert changed[:, : left - 60].mean() < 0.5 if left > 60 else True


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


@few
@given(seeds, seeds)
def test_a_portrait_has_dark_pupils_and_lips_at_its_landmarks(a: int, b: int) -> None:
    who = replace(identity(a), melanin=0.1, iris=0.0, eye_height=0.1)
    now = replace(PLAIN, yaw=conditions(b).yaw, roll=conditions(b).roll, exposure=-0.3)
    drawn, face = draw(who, now, 200).astype(float), face_of(who, now, 200)
    between = face.landmarks[:2].mean(axis=0)

    def at(x: float, y: float) -> float:
        return float(drawn[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].mean())

    for x, y in face.landmarks[:2]:
        assert at(x, y) < 0.85 * at(*between)


@given(st.integers(1, 300))
def test_a_location_grows_with_the_picture(size: int) -> None:
    one, two = (face_of(Identity(), Conditions(), n) for n in (1, size))
    np.testing.assert_allclose(two.box, size * one.box, rtol=1e-4)
    np.testing.assert_allclose(two.landmarks, size * one.landmarks, rtol=1e-4)


@few
@given(seeds, seeds)
def test_a_mirrored_pose_mirrors_the_face(a: int, b: int) -> None:
    who, now = replace(identity(a), lopsidedness=0.0), replace(conditions(b), shift_x=0)
    one, two = (
        face_of(who, replace(now, yaw=s * now.yaw, roll=s * now.roll), 100) for s in (1, -1)
    )
    swapped = two.landmarks[[1, 0, 2, 4, 3]] * (-1, 1) + (100, 0)
    np.testing.assert_allclose(one.landmarks, swapped, atol=1e-3)
    np.testing.assert_allclose(
        one.box, two.box[[2, 1, 0, 3]] * (-1, 1, -1, 1) + (100, 0, 100, 0), atol=1e-3
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1}, {"seed": 1.5}, {"width": 7}, {"height": 5000}, {"height": True},
        {"roll": 46}, {"roll": -1}, {"roll": float("nan")}, {"smallest_face": 3},
        {"largest_face": 20}, {"people": (-1,)}, {"posters": ("a",)},
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
