"""Where the weights in a file come from, told by their numbers."""

from __future__ import annotations

from dataclasses import replace

from npfacenet.cards import Card, threshold_of
from npfacenet.zoo.manifest import manifest


def with_known_origin(card: Card, digest: str) -> Card:
    """Return the card with what the manifest knows of weights with this digest.

    That is their source, their licence, and the threshold that was measured with them. `digest`
    is a `weights_digest` (`fingerprint.py`); for one that the manifest does not list, the card
    stays as it is.
    """
    public = [entry for entry in manifest().values() if digest in entry.weights]
    if not public:
        return card
    origin, licence = public[0].origin, public[0].licence
    return replace(
        card, source=origin, licence=licence, threshold=threshold_of(card, measured=True)
    )
