"""Networks for faces, one page each, and the catalogue that lists them."""

from npfacenet.recipes.alignment import ALIGNMENTS, Alignment, Margin, Template
from npfacenet.recipes.catalogue import RECIPES, register, unregister
from npfacenet.recipes.inception_resnet_v1 import inception_resnet_v1
from npfacenet.recipes.nn4_small2 import nn4_small2
from npfacenet.recipes.npfacenet_small import npfacenet_small
from npfacenet.recipes.preparation import Preparation
from npfacenet.recipes.recipe import Recipe, Threshold
from npfacenet.recipes.selection import recipes

__all__ = [
    "ALIGNMENTS",
    "RECIPES",
    "Alignment",
    "Margin",
    "Preparation",
    "Recipe",
    "Template",
    "Threshold",
    "inception_resnet_v1",
    "nn4_small2",
    "npfacenet_small",
    "recipes",
    "register",
    "unregister",
]


def __dir__() -> list[str]:
    return sorted(__all__)
