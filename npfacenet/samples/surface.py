"""The head as a surface: elliptic sections, and a table of how far it bulges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.samples.features import Features
from npfacenet.samples.identity import Identity
from npfacenet.samples.pixel_planes import Floats, product

ROWS, COLUMNS = 192, 256
TOP, BOTTOM = -2.4, 2.6  # of the table
PROFILE = 1024  # rows of the profiles; with fewer, outlines would show steps
DEPTH = 1.2

_Y = np.linspace(TOP, BOTTOM, ROWS)
# Columns are evenly spaced in a diamond's "angle", -2 to 2, because it needs no arctangent.
_Q = np.linspace(-2, 2, COLUMNS)
ANGLES = np.degrees(np.arctan2(1 - abs(abs(_Q) - 1), 1 - abs(_Q))) * np.sign(_Q)
_SINE, _COSINE = np.sin(np.radians(ANGLES)), np.cos(np.radians(ANGLES))
_FRONT = np.clip((_COSINE + 0.05) / 0.3, 0, 1)


@dataclass(frozen=True)
class Surface:
    """A head: inverse half widths and half depths (PROFILE,) by height, and a table of channels.

    `table` is float32 (3, ROWS * COLUMNS): how far the surface bulges (relative to the section),
    how hollow it is, and how far it is within the hair (in units, negative on bare skin).
    """

    inverse_width: Floats
    inverse_depth: Floats
    table: Floats


@dataclass(frozen=True)
class Hit:
    """Where the rays meet the head: float32 (n, n) each, in the head's own coordinates.

    x points to the picture's right, y down, z to the camera; `depth` is along the ray, `angle` is
    that of the table (-2 to 2, 0 in front), `rim` is positive on the head and negative beside it.
    """

    x: Floats
    y: Floats
    z: Floats
    depth: Floats
    angle: Floats
    rim: Floats
    hollow: Floats
    hair: Floats


def surface(who: Identity, face: Features, volume: float) -> Surface:
    """Return the surface of a head whose hair is `volume` units thick on top."""
    heights = np.linspace(TOP, BOTTOM, PROFILE)
    crown = -who.crown - volume
    width = _outline(heights, crown, face.chin, who.jaw) * who.head_width
    depth = _outline(heights, crown, face.chin + 0.02, 6.0) * DEPTH
    bumps = _bumps(who, face, np.interp(_Y, heights, width))
    hairline = _hairline(who)
    within = hairline[None, :] - _Y[:, None]
    # A bald man's remaining hair ends above his ears.
    bare = 2.7 - 1.7 * min(1.0, 1.4 * who.baldness) * (
        1 + 0.3 * np.clip((105 - abs(ANGLES)) / 30, 0, 1)
    )
    within = np.minimum(within, _Y[:, None] + bare)
    bumps = bumps + _hair_thickness(who, within, volume)
    half = product(np.ascontiguousarray(bumps[::2, ::2], np.float32), _BLUR_COLUMNS)
    hollow = product(_BLUR_ROWS, half) - bumps
    table = np.stack([bumps / DEPTH, hollow, within]).reshape(3, -1)
    return Surface(
        (1 / np.maximum(width, 0.005)).astype(np.float32),
        (1 / np.maximum(depth, 0.005)).astype(np.float32),
        table.astype(np.float32),
    )


def _outline(heights: Floats, crown: float, chin: float, jaw: float) -> Floats:
    middle = -0.4
    above = np.clip((middle - heights) / (middle - crown), 0, 1)
    below = np.clip((heights - middle) / (chin - middle), 0, 1)
    return np.asarray(np.sqrt(1 - above**2.9) * np.sqrt(1 - below**jaw))


def _blur(count: int, width: float) -> Floats:
    """Return a matrix (count, count / 2) that blurs every second sample to all samples."""
    away = np.subtract.outer(np.arange(count), np.arange(0, count, 2))
    weights = np.exp(-0.5 * (away / width) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


_BLUR_ROWS = _blur(ROWS, 7.0)
_BLUR_COLUMNS = np.ascontiguousarray(_blur(COLUMNS, 11.0).T)


def _bumps(who: Identity, face: Features, widths: Floats) -> Floats:
    """Return the sum of Gaussian bumps (ROWS, COLUMNS), in units; each is rows times columns."""
    nose, mouth, smile = face.nose_y, face.mouth_y, face.smile
    low = mouth + face.gap
    wing = who.nose_width
    paired = [  # x, y, widths, amplitude
        (0.42, face.brow_y + 0.05, 0.30, 0.10, 0.045 * who.brow_ridge),
        (face.eye_x - 0.08, -0.02, 0.25, 0.15, -0.085 * who.eye_depth),
        (face.eye_x, 0.0, 0.17, 0.10, 0.05),
        (0.72, 0.42 - 0.06 * smile, 0.24, 0.20, 0.045 * who.cheekbones + 0.04 * smile),
        (0.62, 1.05, 0.26, 0.32, 0.05 * (who.cheeks - 0.6)),
        (wing * 0.84, nose + 0.01, 0.062, 0.07, 0.12),
        (face.mouth_width + 0.12, mouth - 0.05, 0.09, 0.16, -0.02 - 0.03 * smile),
        (1.0 * who.head_width, -0.55, 0.2, 0.3, -0.03),
        (0.62, who.mouth_height + 0.45, 0.2, 0.2, 0.03 * (who.jaw - 2.6) + 0.05 * who.wrinkles),
    ]
    single = [
        (0.0, -0.02, 0.10, 0.22, 0.12 * who.nose_bridge),
        (0.0, nose * 0.5, 0.125, 0.20, 0.15 + 0.03 * who.nose_bridge),
        (0.0, nose * 0.45, 0.10, 0.08, 0.03 * who.nose_hump),
        (0.0, nose - 0.03, 0.135, 0.115, 0.19 + 0.04 * who.nose_tip),
        (0.0, nose + 0.22, 0.05, 0.08, -0.018),
        (0.0, mouth + 0.02, 0.42, 0.26, 0.055),
        (0.0, mouth - 0.5 * face.upper_lip, 0.5 * face.mouth_width, 0.045, 0.32 * face.upper_lip),
        (0.0, low + 0.5 * face.lower_lip, 0.5 * face.mouth_width, 0.06, 0.42 * face.lower_lip),
        (0.0, mouth + 0.5 * face.gap, 0.5 * face.mouth_width, 0.03 + 0.4 * face.gap, -0.035),
        (0.0, low + face.lower_lip + 0.1, 0.24, 0.06, -0.035),
        (0.0, face.chin - 0.24, 0.26, 0.17, 0.075 * who.chin_size),
        (0.0, -0.8, 0.8, 0.35, 0.02),
    ]
    every = np.array([*paired, *((-x, *rest) for x, *rest in paired), *single])
    x, y, x_width, y_width, amplitude = every.T[:, :, None]
    across = np.interp(y, _Y, widths) * _SINE - x
    columns = amplitude * _FRONT * np.exp(-0.5 * (across / x_width) ** 2)
    rows = np.exp(-0.5 * ((_Y - y) / y_width) ** 2)
    return product(rows.T.astype(np.float32), columns.astype(np.float32))


def _hairline(who: Identity) -> Floats:
    """Return the height of the hairline (COLUMNS,) by angle; above it is hair."""
    long = float(np.clip((who.hair_length - 0.4) / 0.15, 0, 1))
    side = -0.1 + 0.65 * who.sideburns + long * (1 - who.sideburns) * 0.8
    front = -who.hairline
    points = [
        (0, front + 0.42 * who.fringe),
        (24, front + 0.42 * who.fringe - 0.16 * who.recession),
        (44, 0.9 * front - 0.34 * who.recession + 0.3 * who.fringe),
        (60, -0.62 - 0.2 * who.recession),
        (70, -0.28),
        (77, side),
        (84, side),
        (90, -0.22 + long),
        (105, -0.15 + long),
        (113, 0.95),
        (180, 1.25),
    ]
    angles, heights = np.array(points).T
    line = np.interp(abs(ANGLES), angles, heights)
    top = np.clip((78 - abs(ANGLES)) / 25, 0, 1)
    line -= top * (1.3 * who.baldness)
    # Hair falls from the parting, lower on its far side.
    line -= (
        0.28 * who.parting * _SINE * np.clip((65 - abs(ANGLES)) / 30, 0, 1) * (0.35 + who.fringe)
    )
    return np.convolve(np.pad(line, 3, mode="edge"), np.ones(7) / 7, mode="valid")


def _hair_thickness(who: Identity, within: Floats, volume: float) -> Floats:
    rise = np.clip((0.3 - _Y) / 1.2, 0, 1)[:, None]
    thickness = volume * (0.3 + 0.55 * rise)
    groove = np.exp(-0.5 * ((ANGLES / 50 - who.parting) / 0.12) ** 2) * abs(who.parting)
    thickness = thickness * (1 - 0.5 * groove[None, :] * (who.curl < 0.6))
    edge = np.clip(within / 0.25, 0, 1)
    result: Floats = thickness * edge * edge * (3 - 2 * edge)
    return result
