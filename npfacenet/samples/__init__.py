"""Drawn faces that belong to nobody: shaded, textured heads, rendered from numbers alone.

An `Identity` is one person, `Conditions` are everything that differs between pictures of one
person, and `draw` renders the picture. Identities and conditions can be drawn at random from a
seed. No photograph was used for any of it.

>>> from npfacenet.samples import conditions, draw, identity
>>> draw(identity(1), conditions(1), size=64).shape
(64, 64, 3)
"""

from npfacenet.samples.conditions import Conditions, conditions
from npfacenet.samples.identity import Identity, identity
from npfacenet.samples.location import Location, face_of
from npfacenet.samples.people import PAIRS_FROM, Pairs, People, pairs, people, picture
from npfacenet.samples.photograph import Figure, Scene, photograph
from npfacenet.samples.portrait import draw
from npfacenet.samples.scenes import scene, scenes

__all__ = [
    "PAIRS_FROM",
    "Conditions",
    "Figure",
    "Identity",
    "Location",
    "Pairs",
    "People",
    "Scene",
    "conditions",
    "draw",
    "face_of",
    "identity",
    "pairs",
    "people",
    "photograph",
    "picture",
    "scene",
    "scenes",
]


def __dir__() -> list[str]:
    return sorted(__all__)
