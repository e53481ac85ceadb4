"""The networks that faces are recognised with: one page each."""

from npfacenet.recipes.catalogue import RECIPES, Recipe, recipes
from npfacenet.recipes.inception_resnet_v1 import inception_resnet_v1
from npfacenet.recipes.nn4_small2 import nn4_small2
from npfacenet.recipes.npfacenet_small import npfacenet_small

__all__ = ["RECIPES", "Recipe", "inception_resnet_v1", "nn4_small2", "npfacenet_small", "recipes"]


def __dir__() -> list[str]:
    return sorted(__all__)
