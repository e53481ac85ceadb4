"""What made an embedding, in 64 hexadecimal digits."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from npfacenet.checkpoints.card import Card
from npfacenet.networks import NetworkParameters


def fingerprint(parameters: NetworkParameters, card: Card) -> str:
    """The SHA-256 of all that determines an embedding.

    That is: architecture, variant and preprocessing, and every parameter's name, shape and
    little-endian float32 values in the order of the names. Files of different layouts that
    hold the same weights agree.
    """
    digest = sha256(f"{card.architecture}/{card.variant}/{card.preprocessing}".encode())
    for name in sorted(parameters):
        tensor = np.ascontiguousarray(parameters[name], "<f4")
        digest.update(f"\n{'/'.join(name)} {tensor.shape}\n".encode())
        digest.update(tensor.data)
    return digest.hexdigest()
