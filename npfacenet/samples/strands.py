"""Strands of hair: irregular patterns that are looked up by direction."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.identity import Identity
from npfacenet.samples.pixel_planes import (
    Floats,
    looked_up,
    pattern,
    smoothly_looked_up,
    smoothstep,
)

_SIZE = 128  # of the pattern
_CURLY = 0.65  # from this curl on, hair shows curls instead of strands


class Strands:
    """A person's strands of hair: patterns along and across them."""

    def __init__(self, who: Identity) -> None:
        rng = np.random.default_rng([who.texture, 2])
        fine = rng.standard_normal((_SIZE, _SIZE)).astype(np.float32)
        self._curl = np.float32(who.curl)
        self._curly = who.curl > _CURLY
        if self._curly:
            self._plane = 0.8 * pattern(rng, _SIZE, 17) + 0.25 * fine
        else:
            sums = np.cumsum(np.pad(fine, ((16, 0), (0, 0)), mode="wrap"), axis=0)
            smooth = sums[16:] - sums[:-16]
            self._plane = 0.75 * (smooth / smooth.std() + 0.8 * pattern(rng, _SIZE, 9))

    def at(self, across: Floats, along: Floats, smooth: bool = False) -> Floats:
        """Return the pattern (h, w), mean 0 and spread about 1, at places in units."""
        look_up = smoothly_looked_up if smooth else looked_up
        if self._curly:
            return look_up(self._plane, across * 40 + 640, along * 40 + 640)
        wave = across + 0.05 * self._curl * np.sin(along * 9 + across * 3)
        return look_up(self._plane, wave * 44 + 640, along * 14 + 640)


def scalp_strands(who: Identity, strands: Strands, angle: Floats, x: Floats, y: Floats) -> Floats:
    """Return the strands on the head: upright at the sides, on top away from the parting."""
    top = smoothstep(y, -0.35, -1.0)
    sweep = np.float32(0.9 * np.sign(who.parting) * (0.3 + who.fringe))
    across = 1.5 * angle + top * sweep * (y + 0.5) * (0.6 + 0.4 * np.abs(angle))
    return strands.at(across, y + 0.3 * x)
