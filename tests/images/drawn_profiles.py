"""Minimal ICC profiles, byte by byte as in ICC.1:2022, and their meaning by plain arithmetic."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Columns are red, green and blue in XYZ, adapted to D50 (Bruce Lindbloom's tables; Apple's for P3).
SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169],
     [0.0139322, 0.0971045, 0.7141733]]
)  # fmt: skip
DISPLAY_P3 = np.array(
    [
        [0.515102, 0.291965, 0.157153],
        [0.241182, 0.692236, 0.066582],
        [-0.001050, 0.041881, 0.784378],
    ]
)
ADOBE_RGB = np.array(
    [[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197],
     [0.0194811, 0.0608902, 0.7448387]]
)  # fmt: skip
D50 = (0.9642, 1.0, 0.8249)
SRGB_CURVE = "sRGB"


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _curve(gamma: float | str) -> bytes:
    if gamma == SRGB_CURVE:
        parameters = _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + parameters
    return b"para" + bytes(4) + struct.pack(">HH", 0, 0) + _fixed(float(gamma))


def _text(text: str) -> bytes:
    words = text.encode("utf-16-be")
    return (
        b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words
    )


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes], kind: bytes) -> bytes:
    tags = {b"desc": _text("drawn"), b"cprt": _text("none"),
            b"wtpt": b"XYZ " + bytes(4) + _fixed(*D50), **tags}  # fmt: skip
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = start + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x04200000, kind, space, connection)
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(*D50)
    return header.ljust(128, b"\0") + table + data


def rgb_profile(primaries: Floats = SRGB, gamma: float | str = SRGB_CURVE) -> bytes:
    tags = {
        name: b"XYZ " + bytes(4) + _fixed(*column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T, strict=True)
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))
    return _profile(b"RGB ", b"XYZ ", tags, b"mntr")


def grey_profile(gamma: float | str) -> bytes:
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)}, b"mntr")


def cmyk_profile() -> bytes:
    """Return inks whose L*, a*, b* fall linearly from white, as a table of 2^4 corners."""
    corners = bytearray()
    for index in range(16):
        cyan, magenta, yellow, black = (index >> 3 & 1, index >> 2 & 1, index >> 1 & 1, index & 1)
        corners += bytes(
            round(x)
            for x in (
                255 * max(0.0, (1 - black) * (1 - (cyan + magenta + yellow) / 3)),
                128 + (1 - black) * 30 * (magenta - cyan),
                128 + (1 - black) * 30 * (yellow - (cyan + magenta) / 2),
            )
        )
    straight = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += straight * 4 + bytes(corners) + straight * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table, b"A2B1": table}, b"prtr")


def decoded(values: npt.ArrayLike, gamma: float | str) -> Floats:
    """Convert 0 to 255 into light, 0 to 1."""
    given = np.asarray(values, np.float64) / 255
    if gamma == SRGB_CURVE:
        return np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    return given ** float(gamma)


def encoded(light: Floats) -> Floats:
    """Convert light into sRGB, 0 to 255, not rounded."""
    held = light.clip(0, 1)
    curve = np.where(held <= 0.0031308, 12.92 * held, 1.055 * held ** (1 / 2.4) - 0.055)
    return np.asarray(255 * curve)


def to_srgb(pixels: npt.ArrayLike, primaries: Floats, gamma: float | str) -> Floats:
    light = decoded(pixels, gamma) @ primaries.T @ np.linalg.inv(SRGB).T
    return encoded(light)
