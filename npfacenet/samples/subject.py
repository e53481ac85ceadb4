"""The subject: everything from which the parts of a picture are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from npfacenet.samples.camera import Rays
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.features import Features
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import Lamp
from npfacenet.samples.pixel_planes import Floats
from npfacenet.samples.strands import Strands


@dataclass(frozen=True)
class Subject:
    """A person under the conditions of one picture, the lamp, and the rays of its pixels.

    `face` holds where the features lie with the expression of the moment.
    """

    who: Identity
    face: Features
    now: Conditions
    lamp: Lamp
    strands: Strands
    rays: Rays

    def cut(self, rows: slice, columns: slice) -> Subject:
        """Return the subject as a part of the picture shows it."""
        return replace(self, rays=self.rays.cut(rows, columns))


@dataclass(frozen=True)
class Patch:
    """A part of the head's skin: head coordinates x, y (h, w) and albedo (3, h, w).

    The albedo is drawn into in place.
    """

    x: Floats
    y: Floats
    albedo: Floats

    def rows(self, part: slice) -> Patch:
        """Return some rows of the patch; their albedo is a view of this one's."""
        return Patch(self.x[part], self.y[part], self.albedo[:, part])
