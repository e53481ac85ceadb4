"""Rays from the pixels of a picture to the head, and the normals where they meet it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.pixel_planes import Floats
from npfacenet.samples.surface import BOTTOM, COLUMNS, PROFILE, ROWS, TOP, Hit, Surface

ACROSS = 3.57  # units that a picture shows at distance 1
EYES = 0.425  # the height at which a plain portrait has the eyes, of the picture
ANCHOR = (0.0, 0.45, 0.95)  # the point of the head that stays where it is when the head turns
_STEPS = 6
_UNSETTLED = 0.3


@dataclass(frozen=True)
class Rays:
    """The rays of a picture's pixels.

    `across` and `down` (n, n) are in units from the anchor; `turn` (3, 3) rotates the head's
    coordinates into the camera's; `spacing` is the distance of neighbouring rays in units.
    """

    across: Floats
    down: Floats
    turn: Floats
    spacing: float

    def cut(self, rows: slice, columns: slice) -> Rays:
        """Return the rays of a part of the picture."""
        return replace(self, across=self.across[rows, columns], down=self.down[rows, columns])

    def at_depth(self, z: float) -> tuple[Floats, Floats]:
        """Return the head's x and y (n, n) where each ray meets the head's plane at z."""
        (a, b, c), (d, e, f), _ = self.turn.tolist()
        x0, y0 = self.across - c * z, self.down - f * z
        scale = 1 / (a * e - b * d)
        return (e * scale) * x0 - (b * scale) * y0, (a * scale) * y0 - (d * scale) * x0


def rays_under(now: Conditions, pixels: int) -> Rays:
    """Return the rays of a portrait of pixels x pixels under these conditions."""
    centres = np.arange(pixels) + 0.5
    return Projection.of_portrait(now, pixels).rays(centres, centres)


@dataclass(frozen=True)
class Projection:
    """How a head is placed in a picture: a parallel projection.

    `turn` (3, 3) rotates the head's coordinates into the camera's, `roll` (radians) turns them
    clockwise in the picture; (anchor_x, anchor_y) is where `ANCHOR` is seen, in pixels, and
    `spacing` is the units per pixel.
    """

    turn: npt.NDArray[np.float64]
    roll: float
    spacing: float
    anchor_x: float
    anchor_y: float

    @classmethod
    def of(cls, now: Conditions, spacing: float, anchor_x: float, anchor_y: float) -> Projection:
        """Return the projection of a head in the pose of these conditions."""
        yaw, pitch, roll = (math.radians(x) for x in (now.yaw, now.pitch, now.roll))
        turn_y = np.array(
            [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
        )
        turn_x = np.array(
            [
                [1, 0, 0],
                [0, math.cos(pitch), math.sin(pitch)],
                [0, -math.sin(pitch), math.cos(pitch)],
            ]
        )
        return cls(turn_x @ turn_y, roll, spacing, anchor_x, anchor_y)

    @classmethod
    def of_portrait(cls, now: Conditions, pixels: float) -> Projection:
        """Return the projection of a portrait of pixels x pixels."""
        spacing = ACROSS * now.distance / pixels
        # The anchor of a plain portrait lies this far below the middle of the picture.
        below = ANCHOR[1] + (EYES - 0.5) * ACROSS
        right, down = pixels * (0.5 + now.shift_x), pixels * (0.5 + now.shift_y)
        return cls.of(now, spacing, right, down + below / spacing)

    def rays(self, columns: Floats, rows: Floats) -> Rays:
        """Return the rays through the pixels at these columns (w,) and rows (h,)."""
        x, y = np.meshgrid(
            (columns - self.anchor_x) * self.spacing, (rows - self.anchor_y) * self.spacing
        )
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        anchor = self.turn @ ANCHOR
        return Rays(
            (cos * x + sin * y + anchor[0]).astype(np.float32),
            (cos * y - sin * x + anchor[1]).astype(np.float32),
            self.turn.astype(np.float32),
            self.spacing,
        )

    def pixels(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return where points of the head (..., 3) are seen: x and y in pixels (..., 2)."""
        x, y = np.moveaxis((np.asarray(points) - ANCHOR) @ self.turn.T, -1, 0)[:2]
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        right, down = cos * x - sin * y, cos * y + sin * x
        return np.stack(
            [self.anchor_x + right / self.spacing, self.anchor_y + down / self.spacing], axis=-1
        )


def depth_at(head: Surface, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Return how far in front of the head's axis its surface is at places x, y of a face (N,)."""
    straight = _HeadRays.of(
        np.asarray(x, np.float32), np.asarray(y, np.float32), np.eye(3, dtype=np.float32)
    )
    depth, scale = np.ones_like(straight.x), np.ones_like(straight.x)
    for _ in range(4 * _STEPS):
        met, angle, down, _ = straight.meet(depth, scale, head)
        depth = 0.5 * (depth + met)
        scale = 1 + _sampled(head.table, angle, down, 1)[0]
    return depth


def coarsely(rays: Rays, head: Surface) -> tuple[slice, slice, Floats, Floats]:
    """Find roughly where every second ray of every second row meets the head.

    Returns the rows and the columns of the rays near the head, and for those a first depth and
    scale for `cast_rays`. Fixed-point iteration.
    """
    coarse = _HeadRays.of(rays.across[::2, ::2], rays.down[::2, ::2], rays.turn)
    depth = np.full_like(coarse.x, 1.0)
    scale = np.ones_like(coarse.x)
    for _ in range(_STEPS):
        met, angle, y, _ = coarse.meet(depth, scale, head)
        # Half of each step: whole steps oscillate below the chin.
        depth = 0.5 * (depth + met)
        scale = 1 + _sampled(head.table, angle, y, 1)[0]
    near = coarse.meet(depth, scale, head)[3] > -0.05
    rows, columns = _span(np.any(near, axis=1)), _span(np.any(near, axis=0))
    whole = slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop)
    depth, scale = (
        plane[rows, columns].repeat(2, axis=0).repeat(2, axis=1) for plane in (depth, scale)
    )
    return *whole, depth, scale


def _span(flags: npt.NDArray[np.bool_]) -> slice:
    """Return the slice from one before the first True to one after the last, at least two wide."""
    found = np.flatnonzero(flags)
    if not len(found):
        return slice(0, 2)
    return slice(max(int(found[0]) - 1, 0), min(int(found[-1]) + 2, len(flags)))


def cast_rays(rays: Rays, head: Surface, depth: Floats, scale: Floats) -> Hit:
    """Compute where every ray meets the head or passes it, from a first depth and scale."""
    fine = _HeadRays.of(rays.across, rays.down, rays.turn)
    met, angle, y, _ = fine.meet(depth, scale, head)
    depth = 0.5 * (depth + met)
    displacement, hollow, hair = _sampled(head.table, angle, y, 3)
    last = depth
    depth, angle, y, rim = fine.meet(depth, 1 + displacement, head)
    # Below the chin the iteration may not converge; nothing is there.
    rim[(np.abs(depth - last) > _UNSETTLED) & (y > 1)] = -1
    return Hit(
        fine.x + depth * fine.dx, y, fine.z + depth * fine.dz, depth, angle, rim, hollow, hair
    )


@dataclass(frozen=True)
class _HeadRays:
    """Parallel rays in the head's coordinates: origins (n, n) and one direction."""

    x: Floats
    y: Floats
    z: Floats
    dx: Floats
    dy: Floats
    dz: Floats

    @classmethod
    def of(cls, across: Floats, down: Floats, turn: Floats) -> _HeadRays:
        x, y, z = (turn[0, i] * across + turn[1, i] * down for i in range(3))
        return cls(x, y, z, *turn[2])

    def meet(
        self, depth: Floats, scale: Floats, head: Surface
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Intersect with the scaled sections at the last depth: depth, angle, height and rim."""
        y = self.y + depth * self.dy
        row = (y - TOP) * np.float32((PROFILE - 1) / (BOTTOM - TOP))
        np.clip(row, 0, PROFILE - 1.001, out=row)
        at = row.astype(np.int32)
        row -= at
        by_width, by_depth = (
            _between(head.inverse_width, at, row),
            _between(head.inverse_depth, at, row),
        )
        xo, zo, xd, zd = (
            self.x * by_width,
            self.z * by_depth,
            self.dx * by_width,
            (self.dz * by_depth),
        )
        a, b = xd * xd + zd * zd, xo * xd + zo * zd
        rim = b * b - a * (xo * xo + zo * zo - scale * scale)
        depth = (np.sqrt(np.maximum(rim, 0)) - b) / a
        xn, zn = xo + depth * xd, zo + depth * zd
        angle = xn / (np.abs(xn) + np.abs(zn) + np.float32(1e-6))
        angle = np.where(zn < 0, np.copysign(np.float32(2), xn) - angle, angle)
        return depth, angle, self.y + depth * self.dy, rim / a


def _between(profile: Floats, at: npt.NDArray[np.int32], share: Floats) -> Floats:
    low = profile.take(at)
    return low + share * (profile.take(at + 1) - low)


def _sampled(table: Floats, angle: Floats, y: Floats, channels: int) -> list[Floats]:
    u = (angle + 2) * np.float32((COLUMNS - 1) / 4)
    v = (y - TOP) * np.float32((ROWS - 1) / (BOTTOM - TOP))
    np.clip(u, 0, COLUMNS - 1.001, out=u)
    np.clip(v, 0, ROWS - 1.001, out=v)
    column, row = u.astype(np.int32), v.astype(np.int32)
    u -= column
    v -= row
    at = row * COLUMNS + column
    result = []
    for plane in table[:channels]:
        upper, lower = plane.take(at), plane.take(at + COLUMNS)
        upper += u * (plane.take(at + 1) - upper)
        lower += u * (plane.take(at + (COLUMNS + 1)) - lower)
        result.append(upper + v * (lower - upper))
    return result


def normals(depth: Floats, spacing: float) -> tuple[Floats, Floats, Floats]:
    """Return unit normals (x, y, z), (n, n) each: to the picture's right, down, to the camera."""
    along_y, along_x = np.gradient(depth, np.float32(spacing))
    z = 1 / np.sqrt(1 + along_x * along_x + along_y * along_y)
    return -along_x * z, -along_y * z, z
