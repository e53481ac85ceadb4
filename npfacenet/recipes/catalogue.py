"""Which networks there are, and what can be chosen about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from npfacenet.errors import ArgumentError
from npfacenet.networks import Network
from npfacenet.recipes.inception_resnet_v1 import inception_resnet_v1
from npfacenet.recipes.nn4_small2 import nn4_small2
from npfacenet.recipes.npfacenet_small import npfacenet_small


@dataclass(frozen=True)
class Recipe:
    """One concrete network: an architecture with every choice made.

    `variant` is None where an architecture has only one. `build` writes the network down.
    """

    architecture: str
    variant: str | None
    outputs: int
    build: Callable[[], Network] = field(repr=False, compare=False)

    def __str__(self) -> str:
        choices = [self.variant] if self.variant else []
        return f"{self.architecture} ({', '.join([*choices, f'{self.outputs} numbers'])})"


RECIPES = (
    Recipe("nn4.small2", "course", 128, partial(nn4_small2, "course")),
    Recipe("nn4.small2", "openface", 128, partial(nn4_small2, "openface")),
    Recipe("inception-resnet-v1", None, 128, partial(inception_resnet_v1, 128)),
    Recipe("inception-resnet-v1", None, 512, partial(inception_resnet_v1, 512)),
    Recipe("npfacenet-small", None, 128, npfacenet_small),
)


def recipes(
    architecture: str | None = None, variant: str | None = None, outputs: int | None = None
) -> tuple[Recipe, ...]:
    """All recipes that agree with what is given, the default choice first.

    Raises ArgumentError, listing what there is, if none does.

    >>> str(recipes("nn4.small2")[0])
    'nn4.small2 (course, 128 numbers)'
    """
    fitting = tuple(
        recipe
        for recipe in RECIPES
        if architecture in (None, recipe.architecture)
        and variant in (None, recipe.variant)
        and outputs in (None, recipe.outputs)
    )
    if not fitting:
        given = {"architecture": architecture, "variant": variant, "outputs": outputs}
        wanted = ", ".join(f"{k} {v!r}" for k, v in given.items() if v is not None)
        raise ArgumentError(f"no network has {wanted}; there are {', '.join(map(str, RECIPES))}")
    return fitting
