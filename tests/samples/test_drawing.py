"""Drawn faces: what each number does, that it does nothing else, and that drawing repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.samples import Conditions, Identity, conditions, draw, identity
from npfacenet.samples.camera import cast_rays, coarsely, rays_under
from npfacenet.samples.conditions import LIMITS as CONDITION_LIMITS
from npfacenet.samples.features import features
from npfacenet.samples.identity import LIMITS as IDENTITY_LIMITS
from npfacenet.samples.portrait import LARGEST
from npfacenet.samples.surface import surface

Values = npt.NDArray[np.float64]
seeds = st.integers(0, 2**40)
few = settings(max_examples=8)
PLAIN = Conditions(noise=0, blur=0)
SIDE = 64

# Where the defaults show nothing of a field, others that do.
NEEDED: dict[str, dict[str, Any]] = {
    "baldness": {"hair_length": 0.35},
    "blotches": {"ruddiness": 1.0},
    "noise_seed": {"noise": 4.0},
    "clothes": {"distance": 1.3},
}


IRREGULAR = (
    "parting", "fringe", "lopsidedness", "beard", "moustache", "stubble", "freckles", "blotches",
)  # fmt: skip


def drawn(who: Identity, now: Conditions, size: int = SIDE) -> Values:
    return draw(who, now, size).astype(np.float64)


def two_values(kind: Any, name: str, limits: dict[str, tuple[float, float]]) -> tuple[Any, Any]:
    """Records that differ in one field: its default, and a third of its range away from that."""
    record = replace(kind(), **{"noise": 0, "blur": 0} if kind is Conditions else {})
    record = replace(record, **NEEDED.get(name, {}))
    low, high = limits[name]
    value = getattr(record, name)
    if isinstance(value, int) and high > 1000:
        return record, replace(record, **{name: value + 5})
    away = (high - low) / 3
    return record, replace(record, **{name: value + away if value + away <= high else value - away})


@few
@given(seeds, seeds, st.integers(16, 200))
def test_a_picture_is_uint8_and_square_and_repeats(a: int, b: int, size: int) -> None:
    first = draw(identity(a), conditions(b), size)
    assert first.shape == (size, size, 3)
    assert first.dtype == np.uint8
    assert first.std() > 5
    draw(identity(b), conditions(a), 16)  # nothing is remembered between two pictures
    assert np.array_equal(draw(identity(a), conditions(b), size), first)


@given(st.integers(1, 15))
def test_tiny_pictures_can_be_drawn(size: int) -> None:
    assert draw(Identity(), Conditions(), size).shape == (size, size, 3)


@pytest.mark.parametrize("name", IDENTITY_LIMITS)
def test_every_number_of_an_identity_is_seen_and_the_room_stays(name: str) -> None:
    one, two = two_values(Identity, name, IDENTITY_LIMITS)
    difference = abs(drawn(one, PLAIN) - drawn(two, PLAIN))
    assert difference.max() >= 4
    assert difference[:6, :6].max() <= 1


@pytest.mark.parametrize("name", CONDITION_LIMITS)
def test_every_number_of_the_conditions_is_seen(name: str) -> None:
    one, two = two_values(Conditions, name, CONDITION_LIMITS)
    assert abs(drawn(Identity(), one) - drawn(Identity(), two)).max() >= 4


@few
@given(seeds, seeds, st.integers(24, 60))
def test_a_size_changes_how_finely_is_drawn_not_what(a: int, b: int, size: int) -> None:
    now = replace(conditions(b), noise=0, blur=1.5)
    large, small = drawn(identity(a), now, 2 * size), drawn(identity(a), now, size)
    halved = large.reshape(size, 2, size, 2, 3).mean(axis=(1, 3))
    assert abs(halved - small).mean() < 5


@few
@given(seeds, seeds)
def test_mirrored_conditions_mirror_a_symmetric_face(a: int, b: int) -> None:
    # What is irregular in skin and hair is no more symmetric than in people.
    even: dict[str, Any] = dict.fromkeys(IRREGULAR, 0.0)
    who = replace(identity(a), **even)
    now = replace(
        conditions(b), noise=0.0, blur=1.5, background=0, glasses=0.0, exposure=0.0, light=1.0
    )
    turned = ("yaw", "roll", "light_side", "gaze_x", "shift_x")
    mirror = replace(now, **{name: -getattr(now, name) for name in turned})
    face = slice(SIDE // 4, -SIDE // 4)
    one, two = drawn(who, now)[face, face], drawn(who, mirror)[face, face]
    assert abs(one - two[:, ::-1]).mean() < 8  # unmirrored, about 29


def test_positive_numbers_go_where_they_are_said_to() -> None:
    who = replace(identity(3), texture=1)
    lit_left, lit_right = (drawn(who, replace(PLAIN, light_side=s)) for s in (-70.0, 70.0))
    left, right = (slice(16, 48), slice(18, 28)), (slice(16, 48), slice(36, 46))
    assert lit_left[left].mean() > lit_left[right].mean() + 20
    assert lit_right[right].mean() > lit_right[left].mean() + 20

    row, column = nose_tip(PLAIN)
    assert abs(column - (SIDE - 1) / 2) <= 1
    assert 0.5 * SIDE < row < 0.7 * SIDE
    assert nose_tip(replace(PLAIN, yaw=20.0))[1] >= column + 2
    assert nose_tip(replace(PLAIN, pitch=15.0))[0] >= row + 2
    assert nose_tip(replace(PLAIN, roll=30.0))[1] <= column - 1  # it is below the anchor
    assert nose_tip(replace(PLAIN, shift_x=0.125)) == (row, column + SIDE // 8)
    assert nose_tip(replace(PLAIN, shift_y=0.125)) == (row + SIDE // 8, column)


def nose_tip(now: Conditions) -> tuple[int, int]:
    """The pixel (row, column) of the point farthest in front of the head."""
    who, rays = Identity(), rays_under(now, SIDE)
    head = surface(who, features(who, now), 0.2)
    rows, columns, depth, scale = coarsely(rays, head)
    hit = cast_rays(rays.cut(rows, columns), head, depth, scale)
    in_front = np.where((hit.rim > 0) & (abs(hit.y - 0.6) < 0.4), hit.z, 0)
    row, column = np.unravel_index(in_front.argmax(), in_front.shape)
    return int(row) + rows.start, int(column) + columns.start


def test_eyes_look_where_the_gaze_goes() -> None:
    right, left = (drawn(Identity(), replace(PLAIN, gaze_x=g)) for g in (0.9, -0.9))
    rows = slice(25, 30)
    for middle in (23, 41):  # of either eye; its white shows where it does not look
        assert (right - left)[rows, middle - 5 : middle - 1].mean() > 2
        assert (right - left)[rows, middle + 1 : middle + 5].mean() < -2


def test_a_smile_shows_in_the_mouth_and_closed_eyes_in_the_eyes() -> None:
    mouth, eyes = slice(40, 52), slice(22, 32)

    def difference(**numbers: Any) -> Values:
        return abs(drawn(Identity(), PLAIN) - drawn(Identity(), replace(PLAIN, **numbers)))

    smile, talk = difference(smile=1.0), difference(mouth_open=1.0)
    assert smile[mouth].max() > 30
    assert talk[mouth].max() > 30
    assert talk[mouth].mean() > 10 * talk[eyes].mean()
    closed = difference(eyes_open=0.0)
    assert closed[eyes].max() > 30
    assert closed[mouth].max() < 8


@few
@given(seeds, seeds, st.floats(0.1, 1.0))
def test_more_exposure_darkens_nothing(a: int, b: int, more: float) -> None:
    now = replace(conditions(b), noise=0, exposure=-0.5, saturation=1.0)
    dark, bright = (drawn(identity(a), n) for n in (now, replace(now, exposure=-0.5 + more)))
    assert (bright >= dark).all()
    assert bright.mean() > dark.mean()


def test_more_melanin_is_darker_skin_and_darker_hair() -> None:
    def mean(part: tuple[slice, slice], **numbers: Any) -> float:
        return float(drawn(replace(Identity(), **numbers), PLAIN)[part].mean())

    cheek, top = (slice(36, 40), slice(20, 26)), (slice(2, 7), slice(28, 36))
    skins = [mean(cheek, melanin=m) for m in (0.0, 0.25, 0.5, 0.75, 1.0)]
    hairs = [mean(top, hair_melanin=m) for m in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert skins == sorted(skins, reverse=True)
    assert hairs == sorted(hairs, reverse=True)
    assert skins[0] - skins[-1] > 60


@few
@given(seeds, seeds)
def test_blur_smooths_and_noise_roughens(a: int, b: int) -> None:
    def roughness(noise: float = 0.0, blur: float = 0.0) -> float:
        now = replace(conditions(b), noise=noise, blur=blur)
        return float(abs(np.diff(drawn(identity(a), now), axis=0)).mean())

    assert roughness(blur=3.0) < roughness() < roughness(noise=20.0)


@pytest.mark.parametrize(
    ("who", "now", "size", "said"),
    [
        (Identity(), PLAIN, 0, "size is 1 to 1024, not 0"),
        (Identity(), PLAIN, LARGEST + 1, "size is 1 to 1024, not 1025"),
        (Identity(), PLAIN, 32.0, "size is a whole number, 0 or above, not 32.0"),
        (Identity(), PLAIN, True, "size is a whole number, 0 or above, not True"),
        (7, PLAIN, 32, "identity is an Identity, not 7"),
        (Identity(), None, 32, "conditions is a Conditions, not None"),
    ],
)
def test_what_cannot_be_drawn_is_refused(who: Any, now: Any, size: Any, said: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        draw(who, now, size)
    assert str(caught.value) == said


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_lies_within_the_limits_can_be_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def cornered(kind: Any, limits: Mapping[str, tuple[float, float]]) -> Any:
        """Numbers of which two of three are as small or as large as they can be."""
        numbers: dict[str, Any] = {}
        for name, (low, high) in limits.items():
            if isinstance(getattr(kind(), name), int):
                numbers[name] = int(rng.integers(int(high)))
            else:
                numbers[name] = low + (high - low) * rng.choice([0.0, 1.0, rng.random()])
        return kind(**numbers)

    who, now = cornered(Identity, IDENTITY_LIMITS), cornered(Conditions, CONDITION_LIMITS)
    assert draw(who, now, 20).shape == (20, 20, 3)
