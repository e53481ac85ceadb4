"""Choosing recipes by architecture, variant and number of outputs."""

from __future__ import annotations

from typing import Literal

from npfacenet.errors import ArgumentError, quoted
from npfacenet.recipes.catalogue import all_recipes
from npfacenet.recipes.recipe import Recipe
from npfacenet.threads import without_forks


def recipes(
    architecture: str | None = None, variant: str | None = None, outputs: int | None = None
) -> tuple[Recipe, ...]:
    """Return all recipes that agree with what is given, the default choice first.

    Recipes that were registered (`register`) come last. Raises ArgumentError if none agrees; the
    message suggests what was probably meant and lists what there is.

    >>> str(recipes("nn4.small2")[0])
    'nn4.small2 (course, 128 numbers)'
    """
    known = all_recipes()
    fitting = tuple(
        recipe
        for recipe in known
        if architecture in (None, recipe.architecture)
        and variant in (None, recipe.variant)
        and outputs in (None, recipe.outputs)
    )
    if not fitting:
        with without_forks():
            from npfacenet.recipes.familiar_names import suggestion  # only messages need it

        given = {"architecture": architecture, "variant": variant, "outputs": outputs}
        wanted = ", ".join(f"{k} {quoted(v)}" for k, v in given.items() if v is not None)
        names = architectures()
        guess = "" if architecture in (None, *names) else suggestion(architecture, names)
        raise ArgumentError(
            f"no network has {wanted}; {guess}there are {', '.join(map(str, known))}"
        )
    return fitting


def architectures() -> tuple[str, ...]:
    """Return the name of every architecture, in the order of the catalogue.

    >>> architectures()[:3]
    ('nn4.small2', 'inception-resnet-v1', 'npfacenet-small')
    """
    return tuple(dict.fromkeys(recipe.architecture for recipe in all_recipes()))


def choices_of(option: Literal["variant", "outputs"]) -> str:
    """Say which architectures leave a choice, and which; for the help of commands.

    >>> choices_of("outputs")
    'of inception-resnet-v1: 128 (default) or 512'
    """
    known: dict[str, list[str]] = {}
    for recipe in all_recipes():
        values = known.setdefault(recipe.architecture, [])
        if (value := str(getattr(recipe, option))) not in values:
            values.append(value)
    return "; ".join(
        f"of {name}: {values[0]} (default) or {' or '.join(values[1:])}"
        for name, values in known.items()
        if len(values) > 1
    )
