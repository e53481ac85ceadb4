"""The arithmetic below a drawn face: rays, normals, light, and products in pieces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from npfacenet.samples import Conditions, Identity
from npfacenet.samples.camera import cast_rays, coarsely, normals, rays_under
from npfacenet.samples.features import features
from npfacenet.samples.light import gloss, lamp, lit, open_to
from npfacenet.samples.pixel_planes import (
    looked_up,
    pattern,
    product,
    smoothly_looked_up,
    smoothstep,
)
from npfacenet.samples.surface import surface

small = st.integers(1, 40)


@given(small, small, st.integers(1, 700), st.integers(0, 100))
@example(1, 40, 625, 0)  # nine rows in pieces of eight
def test_a_product_in_pieces_is_the_product(rows: int, inner: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (
        rng.standard_normal(s).astype(np.float32) for s in ((rows * 9, inner), (inner, columns))
    )
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 1000), st.sampled_from([16, 64, 128]), st.integers(2, 6))
def test_patterns_repeat_without_a_seam(seed: int, size: int, waves: int) -> None:
    plane = pattern(np.random.default_rng(seed), size, waves)
    assert plane.dtype == np.float32
    assert abs(plane.mean()) < 1e-4
    assert abs(plane.std() - 1) < 1e-3
    u, v = (np.random.default_rng(seed).uniform(0, size, (2, 50))).astype(np.float32)
    for look_up in (looked_up, smoothly_looked_up):
        moved = look_up(plane, np.floor(u) + size, np.floor(v) + 2 * size)
        assert np.array_equal(moved, look_up(plane, np.floor(u), np.floor(v)))
    whole = np.floor(u), np.floor(v)
    assert np.array_equal(smoothly_looked_up(plane, *whole), looked_up(plane, *whole))
    between = smoothly_looked_up(plane, u, v)
    assert between.max() <= plane.max() + 1e-5
    assert between.min() >= plane.min() - 1e-5


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_steps_rise_or_fall(low: float, width: float) -> None:
    x = np.linspace(-8, 8, 200, dtype=np.float32)
    up, down = smoothstep(x, low, low + width), smoothstep(x, low + width, low)
    assert (np.diff(up) >= 0).all()
    assert up[0] == 0
    assert up[-1] == 1
    np.testing.assert_allclose(up + down, 1, atol=1e-5)


@given(st.floats(-25, 25), st.floats(-12, 12), st.floats(-8, 8))
def test_rays_meet_the_surface_where_they_go(yaw: float, pitch: float, roll: float) -> None:
    now = Conditions(yaw=yaw, pitch=pitch, roll=roll)
    who, rays = Identity(), rays_under(now, 48)
    np.testing.assert_allclose(rays.turn @ rays.turn.T, np.eye(3), atol=1e-6)
    head = surface(who, features(who, now), 0.2)
    rows, columns, depth, scale = coarsely(rays, head)
    part = rays.cut(rows, columns)
    hit = cast_rays(part, head, depth, scale)
    on = (hit.rim > 0.3) & (abs(hit.y) < 1)
    assert on.mean() > 0.15
    seen = np.einsum("ij,jhw->ihw", rays.turn, np.stack([hit.x, hit.y, hit.z]))
    np.testing.assert_allclose(seen[0][on], part.across[on], atol=1e-4)
    np.testing.assert_allclose(seen[1][on], part.down[on], atol=1e-4)
    np.testing.assert_allclose(seen[2][on], hit.depth[on], atol=1e-4)
    # A plane of the head is where its own coordinates say.
    x, y = part.at_depth(0.7)
    back = np.einsum("ij,jhw->ihw", rays.turn, np.stack([x, y, np.full_like(x, 0.7)]))
    np.testing.assert_allclose(back[:2], [part.across, part.down], atol=1e-4)


def test_normals_of_a_ball_point_from_its_centre() -> None:
    line = (np.arange(101, dtype=np.float32) - 50) / 100
    x, y = np.meshgrid(line, line)
    z = np.sqrt(1 - x * x - y * y)
    for normal, expected in zip(normals(z, 0.01), (x, y, z), strict=True):
        np.testing.assert_allclose(normal[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-3)


@given(st.floats(-80, 80), st.floats(-40, 75), st.floats(-40, 40))
def test_light_comes_from_its_lamp(side: float, height: float, roll: float) -> None:
    now = Conditions(light_side=side, light_height=height, roll=roll)
    source = lamp(now)
    assert abs(source.x**2 + source.y**2 + source.z**2 - 1) < 1e-6
    rng = np.random.default_rng(0)
    x, y, z = rng.standard_normal((3, 1, 500)).astype(np.float32)
    length = np.sqrt(x * x + y * y + z * z)
    normal = (x / length, y / length, abs(z) / length)
    facing = normal[0] * source.x + normal[1] * source.y + normal[2] * source.z
    white, one, none = np.ones((3, 1, 500), np.float32), np.ones_like(x), np.zeros_like(x)
    light = lit(white, normal, replace(source, ambient=np.zeros(3, np.float32)), one, one)
    order = np.argsort(facing[0])
    assert (np.diff(light[:, 0, order]) >= -1e-5).all()
    assert (light[0] >= light[2] - 1e-6).all()  # skin reddens what it scatters
    assert (lit(white, normal, source, none, none) == 0).all()
    shine = gloss(normal, source, 16)
    assert ((shine >= 0) & (shine <= 1 + 1e-5)).all()


def test_what_stands_before_the_lamp_casts_a_shadow() -> None:
    depth = np.zeros((40, 40), np.float32)
    depth[:, 18:22] = 0.4  # a wall
    source = lamp(Conditions(light_side=60, light_height=0))
    seen = open_to(source, depth, 0.05)
    assert seen[20, 15] < 0.6
    assert seen[20, 26] > 0.95
    assert seen[20, 2] > 0.95
