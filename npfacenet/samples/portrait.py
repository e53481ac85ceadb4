"""A picture of a person, from all the parts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.samples.accessories import glasses_on
from npfacenet.samples.background import background, neck_and_clothes
from npfacenet.samples.camera import cast_rays, coarsely, rays_under
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.features import features
from npfacenet.samples.field_limits import check_whole
from npfacenet.samples.film import developed
from npfacenet.samples.hair import Strands, hair_volume, hanging, scalp_strands
from npfacenet.samples.head import ears_on, head_light, silhouette
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import lamp
from npfacenet.samples.pixel_planes import Floats, mix
from npfacenet.samples.skin import tone
from npfacenet.samples.surface import surface

LARGEST = 1024
FINER = 1.5  # rays per pixel, each way


def draw(identity: Identity, conditions: Conditions, size: int = 112) -> npt.NDArray[np.uint8]:
    """A picture of a drawn person: uint8 (size, size, 3), RGB.

    It is framed as the central 150 of the 250 pixels of LFW's aligned pictures: the whole head,
    eyes at about 0.43 of the height. The same arguments give the same pixels, as far as NumPy's
    arithmetic is the same. `size` is 1 to 1024; it changes how finely a picture is drawn, not
    what it shows.

    Raises ArgumentError for another size, or for what is not an `Identity` or not `Conditions`.

    >>> draw(Identity(), Conditions(), size=16).shape
    (16, 16, 3)
    """
    if not isinstance(identity, Identity):
        raise ArgumentError(f"identity is an Identity, not {identity!r}")
    if not isinstance(conditions, Conditions):
        raise ArgumentError(f"conditions is a Conditions, not {conditions!r}")
    if not 1 <= check_whole(size, "size") <= LARGEST:
        raise ArgumentError(f"size is 1 to {LARGEST}, not {size}")
    return developed(
        _scene(identity, conditions, 2 * math.ceil(FINER * int(size) / 2)), conditions, int(size)
    )


def _scene(who: Identity, now: Conditions, pixels: int) -> Floats:
    """The light that reaches the film, linear, (3, pixels, pixels)."""
    face, source, strands = features(who, now), lamp(now), Strands(who)
    rays = rays_under(now, pixels)
    picture = background(now, pixels)
    hanging(who, now, rays, picture, strands, source, in_front=False)
    neck_and_clothes(who, face, now, rays, picture, source, tone(who))
    if who.hair_length < 0.5:
        ears_on(who, rays, picture, source)
    head = surface(who, face, hair_volume(who, now))
    rows, columns, depth, scale = coarsely(rays, head)
    rays_on = rays.cut(rows, columns)
    hit = cast_rays(rays_on, head, depth, scale)
    grain = scalp_strands(who, strands, hit.angle, hit.x, hit.y)
    cover = silhouette(face, hit, grain)
    light = head_light(who, now, face, rays_on, hit, strands, grain)
    mix(picture[:, rows, columns], cover, light)
    hanging(who, now, rays, picture, strands, source, in_front=True)
    if now.glasses:
        glasses_on(who, now, rays, picture, source)
    return picture
