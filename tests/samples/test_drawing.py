"""Drawn faces: what each number does, that it does nothing else, and that drawing repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.samples import Conditions, Identity, conditions, draw, identity
from npfacenet.samples.portrait import LARGEST

Values = npt.NDArray[np.float64]
seeds = st.integers(0, 2**40)
few = settings(max_examples=12)
PLAIN = Conditions(noise=0, blur=0)
SIDE = 64

# Values apart from the defaults, where those alone would show nothing.
IDENTITY_CHANGES: dict[str, Any] = {"eye_height": 0.13, "texture": 5, "parting": 0.6}
IDENTITY_NEEDS: dict[str, Any] = {"baldness": {"hair_length": 0.35}}
CONDITION_CHANGES: dict[str, Any] = {"clothes": 5, "background": 6, "noise_seed": 7}
CONDITION_NEEDS: dict[str, Any] = {"noise_seed": {"noise": 4.0}}


def drawn(who: Identity, now: Conditions, size: int = SIDE) -> Values:
    return draw(who, now, size).astype(np.float64)


def changed(record: Any, name: str, changes: dict[str, Any]) -> float | int:
    """Another value for a field, well within its limits."""
    value: float | int = getattr(record, name)
    return changes.get(name, value * 1.25 if value else 0.6)


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


@pytest.mark.parametrize("name", [n for n in Identity.__dataclass_fields__])
def test_every_number_of_an_identity_is_seen(name: str) -> None:
    who = replace(Identity(), **IDENTITY_NEEDS.get(name, {}))
    other = replace(who, **{name: changed(who, name, IDENTITY_CHANGES)})
    difference = abs(drawn(who, PLAIN) - drawn(other, PLAIN))
    assert difference.max() >= 4
    assert difference[:8, :8].max() <= 1  # the corner shows the room


@pytest.mark.parametrize("name", [n for n in Conditions.__dataclass_fields__])
def test_every_number_of_the_conditions_is_seen(name: str) -> None:
    now = replace(PLAIN, **CONDITION_NEEDS.get(name, {}))
    other = replace(now, **{name: changed(now, name, CONDITION_CHANGES)})
    assert abs(drawn(Identity(), now) - drawn(Identity(), other)).max() >= 4


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
    who = replace(identity(a), parting=0.0, lopsidedness=0.0, curl=0.0)
    now = replace(
        conditions(b), noise=0.0, blur=1.5, background=0, glasses=0.0, exposure=0.0, light=1.0
    )
    turned = ("yaw", "roll", "light_side", "gaze_x", "shift_x")
    mirror = replace(now, **{name: -getattr(now, name) for name in turned})
    face = slice(SIDE // 4, -SIDE // 4)
    one, two = drawn(who, now)[face, face], drawn(who, mirror)[face, face]
    assert abs(one - two[:, ::-1]).mean() < 7


def test_positive_numbers_go_where_they_are_said_to() -> None:
    who = replace(identity(3), texture=1)
    lit_left, lit_right = (drawn(who, replace(PLAIN, light_side=s)) for s in (-70.0, 70.0))
    left, right = (slice(16, 48), slice(18, 28)), (slice(16, 48), slice(36, 46))
    assert lit_left[left].mean() > lit_left[right].mean() + 20
    assert lit_right[right].mean() > lit_right[left].mean() + 20

    def darkest(now: Conditions) -> tuple[float, float]:
        """Where a black nose would be: the centre of what make-up-free brows darken."""
        with_brows, without = (
            drawn(replace(Identity(), brow_density=d, hair_melanin=1.0), now) for d in (1.0, 0.0)
        )
        weight = np.maximum(without - with_brows, 0).sum(axis=2)
        rows, columns = np.indices(weight.shape)
        total = weight.sum()
        return float((rows * weight).sum() / total), float((columns * weight).sum() / total)

    row, column = darkest(PLAIN)
    assert abs(column - (SIDE - 1) / 2) < 1
    assert 0.25 * SIDE < row < 0.43 * SIDE
    assert darkest(replace(PLAIN, yaw=20.0))[1] > column
    assert darkest(replace(PLAIN, pitch=15.0))[0] > row
    assert darkest(replace(PLAIN, shift_x=0.1))[1] == pytest.approx(column + 0.1 * SIDE, abs=0.3)
    assert darkest(replace(PLAIN, shift_y=0.1))[0] == pytest.approx(row + 0.1 * SIDE, abs=0.3)
    assert darkest(replace(PLAIN, roll=30.0))[1] > column + 1  # the brows are above the anchor


@few
@given(seeds, seeds, st.floats(0.1, 1.0))
def test_more_exposure_darkens_nothing(a: int, b: int, more: float) -> None:
    now = replace(conditions(b), noise=0, exposure=-0.5, saturation=1.0)
    dark, bright = (drawn(identity(a), n) for n in (now, replace(now, exposure=-0.5 + more)))
    assert (bright >= dark).all()
    assert bright.mean() > dark.mean()


def test_more_melanin_is_darker_skin_and_darker_hair() -> None:
    def mean(part: tuple[slice, slice], **numbers: float) -> float:
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
    def roughness(**numbers: float) -> float:
        picture = drawn(identity(a), replace(conditions(b), noise=0, blur=0), SIDE)
        if numbers:
            now = replace(replace(conditions(b), noise=0, blur=0), **numbers)
            picture = drawn(identity(a), now, SIDE)
        return float(abs(np.diff(picture, axis=0)).mean())

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
