"""Where the weights in a file come from, told by their numbers."""

from __future__ import annotations

from dataclasses import replace

from npfacenet.cards import Card, with_known_thresholds
from npfacenet.recipes.catalogue import find_recipe
from npfacenet.zoo.manifest import manifest


def with_known_origin(card: Card, digest: str) -> Card:
    """Return the card with what the manifest knows of weights with this digest.

    That is their source, their licence, and the thresholds that were measured with them. `digest`
    is a `weights_digest` (`fingerprint.py`); for one that the manifest does not list, the card
    stays as it is.
    """
    public = [entry for entry in manifest().values() if digest in entry.weights]
    if not public:
        return card
    origin, licence = public[0].origin, public[0].licence
    known = replace(card, source=origin, licence=licence)
    recipe = find_recipe(card.architecture, card.variant, card.outputs)
    return with_known_thresholds(known, recipe, measured=True)
