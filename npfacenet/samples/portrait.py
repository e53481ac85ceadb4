"""Drawing a picture of a person from all its parts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.samples.accessories import glasses_on
from npfacenet.samples.background import background
from npfacenet.samples.body import neck_and_clothes
from npfacenet.samples.camera import cast_rays, coarsely, rays_under
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.features import features
from npfacenet.samples.field_limits import check_whole
from npfacenet.samples.film import developed
from npfacenet.samples.hair import hair_volume, hanging_hair
from npfacenet.samples.head import ears_on, head_light, silhouette
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import lamp
from npfacenet.samples.pixel_planes import Floats, mix
from npfacenet.samples.strands import Strands, scalp_strands
from npfacenet.samples.subject import Subject
from npfacenet.samples.surface import surface

LARGEST = 1024
FINER = 1.5  # rays per pixel, each way


def draw(identity: Identity, conditions: Conditions, size: int = 112) -> npt.NDArray[np.uint8]:
    """Draw a picture of a person: uint8 (size, size, 3), RGB.

    It is framed like the central 150 of the 250 pixels of LFW's aligned pictures: the whole head,
    eyes at about 0.43 of the height. The same arguments give the same pixels, as far as NumPy's
    arithmetic is the same. `size`, 1 to 1024, changes the resolution only, not what is shown.

    Raises ArgumentError for another size, and for arguments of other types.

    >>> draw(Identity(), Conditions(), size=16).shape
    (16, 16, 3)
    """
    check_portrait(identity, conditions, size)
    pixels = 2 * math.ceil(FINER * int(size) / 2)
    subject = Subject(
        identity,
        features(identity, conditions),
        conditions,
        lamp(conditions),
        Strands(identity),
        rays_under(conditions, pixels),
    )
    return developed(_light(subject, pixels), conditions, int(size))


def check_portrait(identity: object, conditions: object, size: object) -> None:
    """Raise ArgumentError unless a picture can be drawn of these."""
    if not isinstance(identity, Identity):
        raise ArgumentError(f"identity is an Identity, not {identity!r}")
    if not isinstance(conditions, Conditions):
        raise ArgumentError(f"conditions is a Conditions, not {conditions!r}")
    if not 1 <= check_whole(size, "size") <= LARGEST:
        raise ArgumentError(f"size is 1 to {LARGEST}, not {size}")


def _light(subject: Subject, pixels: int) -> Floats:
    """Return the light that reaches the film, linear, (3, pixels, pixels)."""
    picture = background(subject.now, pixels)
    hanging_hair(subject, picture, in_front=False)
    neck_and_clothes(subject, picture)
    head_on(subject, picture)
    return picture


def head_on(subject: Subject, picture: Floats) -> None:
    """Draw ears, head, the hair in front of it and glasses into the picture, in place."""
    who, now = subject.who, subject.now
    if who.hair_length < 0.5:
        ears_on(subject, picture)
    volume = hair_volume(who, now)
    head = surface(who, subject.face, volume)
    rows, columns, depth, scale = coarsely(subject.rays, head)
    near = subject.cut(rows, columns)
    hit = cast_rays(near.rays, head, depth, scale)
    grain = scalp_strands(who, subject.strands, hit.angle, hit.x, hit.y)
    cover = silhouette(subject.face, hit, grain, -who.crown - volume)
    mix(picture[:, rows, columns], cover, head_light(near, hit, grain))
    hanging_hair(subject, picture, in_front=True)
    if now.glasses:
        glasses_on(subject, picture)
