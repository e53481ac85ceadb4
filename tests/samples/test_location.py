"""Where a drawn face is: its box and landmarks agree with the pixels and with the projection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.samples import Conditions, Identity, conditions, draw, face_of, identity
from npfacenet.samples.camera import Projection, cast_rays, coarsely, depth_at, rays_under
from npfacenet.samples.features import features
from npfacenet.samples.surface import surface

seeds = st.integers(0, 10**6 - 1)
few = settings(max_examples=6, deadline=None)
PLAIN = Conditions(noise=0, blur=0)
SIDE = 96


@few
@given(seeds, seeds)
def test_a_portrait_has_dark_pupils_at_its_landmarks(a: int, b: int) -> None:
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


@given(seeds, st.floats(-1, 1), st.floats(-1, 2), st.floats(-0.5, 1))
def test_the_ray_at_the_pixel_of_a_point_meets_it(seed: int, x: float, y: float, z: float) -> None:
    projection = Projection.of_portrait(conditions(seed), SIDE)
    column, row = projection.pixels((x, y, z))
    rays = projection.rays(np.array([column]), np.array([row]))
    met = np.ravel(rays.at_depth(z))
    np.testing.assert_allclose(met, (x, y), atol=1e-4)


@few
@given(seeds, seeds)
def test_the_depth_of_a_place_is_where_rays_meet_the_head(a: int, b: int) -> None:
    who, now = identity(a), replace(conditions(b), yaw=0, pitch=0, roll=0)
    head = surface(who, features(who, now), 0.0)
    rows, columns, depth, scale = coarsely(rays_under(now, SIDE), head)
    hit = cast_rays(rays_under(now, SIDE).cut(rows, columns), head, depth, scale)
    front = (np.abs(hit.x) < 0.5) & (np.abs(hit.y - 0.4) < 0.6) & (hit.rim > 0)
    off = abs(depth_at(head, hit.x[front], hit.y[front]) - hit.z[front])
    assert np.quantile(off, 0.98) < 0.03  # a picture's rays are iterated less often
    assert np.median(off) < 0.002


@few
@given(seeds, seeds)
@example(86, 0)
def test_the_tip_of_the_nose_is_its_foremost_point_below_the_hump(a: int, b: int) -> None:
    """The hump of a hooked nose is as far in front as the tip, as that of identity 86."""
    who, now = identity(a), replace(conditions(b), yaw=0, pitch=0)
    face = features(who, now)
    head = surface(who, face, 0.0)
    rays = rays_under(now, SIDE)
    rows, columns, depth, scale = coarsely(rays, head)
    hit = cast_rays(rays.cut(rows, columns), head, depth, scale)
    foremost = np.where((hit.rim > 0) & (abs(hit.y - face.nose_y) < 0.3), hit.z, 0)
    row, column = np.unravel_index(foremost.argmax(), foremost.shape)
    x, y = face_of(who, now, SIDE).landmarks[2]
    away = np.hypot(x - column - columns.start - 0.5, y - row - rows.start - 0.5)
    assert away < 0.05 * SIDE


@few
@given(seeds, st.floats(-38, 38), st.floats(-45, 45))
def test_landmarks_are_in_the_box_however_a_head_is_turned(a: int, yaw: float, roll: float) -> None:
    face = face_of(identity(a), replace(PLAIN, yaw=yaw, roll=roll), 100)
    assert (face.landmarks >= face.box[:2]).all()
    assert (face.landmarks <= face.box[2:]).all()


def test_an_upright_face_has_the_proportions_of_detectors() -> None:
    faces = [face_of(identity(seed), PLAIN, 100) for seed in range(60)]
    size = np.array([face.box[2:] - face.box[:2] for face in faces])
    eyes = np.array([face.landmarks[:2] for face in faces])
    tops = np.array([face.box[1] for face in faces])
    assert 1.25 < np.median(size[:, 1] / size[:, 0]) < 1.45
    assert 0.42 < np.median((eyes[:, 1, 0] - eyes[:, 0, 0]) / size[:, 0]) < 0.52
    assert 0.34 < np.median((eyes[:, :, 1].mean(axis=1) - tops) / size[:, 1]) < 0.42


@pytest.mark.parametrize("size", [0, 1025, 1.5, True])
def test_a_bad_size_is_refused(size: int) -> None:
    with pytest.raises(ArgumentError):
        face_of(Identity(), Conditions(), size)
