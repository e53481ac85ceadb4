"""Where the weights in a file come from, told by their numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from npfacenet.cards import PREPROCESSING, Card, threshold_of
from npfacenet.errors import printable, shortened
from npfacenet.recipes import Recipe
from npfacenet.zoo.manifest import manifest


def derived_card(recipe: Recipe, input_size: int, path: Path, digest: str) -> Card:
    """The card of a file that carries none: derived from the network that it holds.

    `digest` is that of its weights (`fingerprint.py`). The weights that the manifest knows are
    given their source, their licence, and the threshold that was measured with them.
    """
    public = [entry for entry in manifest().values() if digest in entry.weights]
    scaling = PREPROCESSING[recipe.architecture]
    card = Card(
        architecture=recipe.architecture,
        variant=recipe.variant,
        outputs=recipe.outputs,
        input_size=input_size,
        preprocessing=scaling,
        threshold=None,
        source=public[0].origin if public else f"the file {shortened(printable(path.name))}",
        licence=public[0].licence if public else "not stated",
    )
    return replace(card, threshold=threshold_of(card, measured=bool(public)))
