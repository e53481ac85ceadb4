"""The fingerprint of a model: 64 hexadecimal digits for all that determines an embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256

import numpy as np

from npfacenet.cards import Card
from npfacenet.layers import Array, Layer
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName
from npfacenet.recipes import RECIPES
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation


def fingerprint(
    card: Card,
    digest: str,
    network: Network[Outputs],
    preparation: Preparation | None = None,
) -> str:
    """Return the SHA-256 of everything that determines an embedding.

    That is: architecture, variant and preprocessing, the `weights_digest`, and the `preparation` of
    the picture (None: the card's) unless that is the central square; for a network that is not one
    of the library's own also its layers, of which the name says nothing. Files of different layouts
    that hold the same weights agree.
    """
    prepared = card.preparation if preparation is None else preparation
    made_by = f"{card.architecture}/{card.variant}/{card.preprocessing}\n{digest}"
    if all(card.architecture != own.architecture for own in RECIPES):
        made_by += f"\n{network_digest(network)}"
    if prepared != CENTRAL_SQUARE:  # which is what every fingerprint meant before there were others
        made_by += f"\n{prepared}"
    if prepared.alignment is not None:
        made_by += f"\n{ALIGNMENTS[prepared.alignment]!r}"
    return sha256(made_by.encode()).hexdigest()


def network_digest(network: Network[Outputs]) -> str:
    """Return the SHA-256 of a network's layers, of how they are connected, and of its size.

    Hyperparameters count where they are not the default, so that a layer may receive new ones.
    """
    nodes = [(node.name, _stated(node.layer), node.inputs) for node in network.nodes]
    told = repr((network.accepted_shape, network.outputs, nodes))
    return sha256(told.encode()).hexdigest()


def _stated(layer: Layer) -> str:
    """A layer with the hyperparameters that are not the default."""
    values = [(field.name, getattr(layer, field.name), field.default) for field in fields(layer)]
    told = ", ".join(f"{name}={value!r}" for name, value, usual in values if value != usual)
    return f"{type(layer).__name__}({told})"


def weights_digest(
    parameters: NetworkParameters, checksums: Mapping[ParameterName, str] | None = None
) -> str:
    """Return the SHA-256 of every parameter's name, shape and checksum, in the order of names.

    `checksums` saves computing those that were verified when a file was read.
    """
    digest = sha256()
    for name in sorted(parameters):
        tensor = parameters[name]
        content = checksum(tensor) if checksums is None else checksums[name]
        digest.update(f"{'/'.join(name)} {tensor.shape} {content}\n".encode())
    return digest.hexdigest()


def checksum(tensor: Array) -> str:
    """Return the SHA-256 of a tensor's values as little-endian float32, in hexadecimal.

    >>> checksum(np.array([1.0]))[:12], checksum(np.array([1.0], ">f4"))[:12]
    ('e00e5eb94441', 'e00e5eb94441')
    """
    return sha256(np.ascontiguousarray(tensor, "<f4").data).hexdigest()
