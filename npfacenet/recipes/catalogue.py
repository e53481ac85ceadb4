"""Which networks there are, and what can be chosen about each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from npfacenet.errors import ArgumentError, quoted
from npfacenet.networks import Network
from npfacenet.recipes.inception_resnet_v1 import DEEPFACE_NAMES, inception_resnet_v1
from npfacenet.recipes.nn4_small2 import OTHER_NAMES, nn4_small2
from npfacenet.recipes.npfacenet_small import npfacenet_small
from npfacenet.threads import without_forks


@dataclass(frozen=True)
class Recipe:
    """One concrete network: an architecture with every choice made.

    `variant` is None where an architecture has only one. `build` writes the network down.
    `other_names` says which of its layers have another name in other people's files, and which.
    """

    architecture: str
    variant: str | None
    outputs: int
    build: Callable[[], Network] = field(repr=False, compare=False)
    other_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        choices = [self.variant] if self.variant else []
        return f"{self.architecture} ({', '.join([*choices, f'{self.outputs} numbers'])})"


RECIPES = (
    Recipe("nn4.small2", "course", 128, partial(nn4_small2, "course"), OTHER_NAMES),
    Recipe("nn4.small2", "openface", 128, partial(nn4_small2, "openface"), OTHER_NAMES),
    Recipe("inception-resnet-v1", None, 128, partial(inception_resnet_v1, 128), DEEPFACE_NAMES),
    Recipe("inception-resnet-v1", None, 512, partial(inception_resnet_v1, 512), DEEPFACE_NAMES),
    Recipe("npfacenet-small", None, 128, npfacenet_small),
)


def recipes(
    architecture: str | None = None, variant: str | None = None, outputs: int | None = None
) -> tuple[Recipe, ...]:
    """All recipes that agree with what is given, the default choice first.

    Raises ArgumentError, saying what was probably meant and listing what there is, if none does.

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
        with without_forks():
            from npfacenet.recipes.familiar_names import suggestion  # only messages need it

        given = {"architecture": architecture, "variant": variant, "outputs": outputs}
        wanted = ", ".join(f"{k} {quoted(v)}" for k, v in given.items() if v is not None)
        names = list(dict.fromkeys(recipe.architecture for recipe in RECIPES))
        guess = "" if architecture in (None, *names) else suggestion(architecture, names)
        raise ArgumentError(
            f"no network has {wanted}; {guess}there are {', '.join(map(str, RECIPES))}"
        )
    return fitting
