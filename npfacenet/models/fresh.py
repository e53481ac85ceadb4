"""Models with random parameters, to begin training with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from npfacenet.cards import derived_card, input_size_of
from npfacenet.errors import ArgumentError, listed
from npfacenet.images import preprocessing as scaling_named
from npfacenet.layers import L2Normalize
from npfacenet.models.model import Model
from npfacenet.networks import Network, NetworkParameters, Outputs, sole
from npfacenet.recipes import Recipe

_UNIT = 1e-3  # how far a length may be from 1


def fresh_model(recipe: Recipe, *, seed: int, preprocessing: str | None = None) -> Model:
    """Build the network of a recipe and initialise its parameters at random.

    `preprocessing` replaces the recipe's. The card states the seed and has no threshold. Raises
    ArgumentError for an unknown preprocessing, and for a network that does not turn square colour
    pictures into one vector of unit length each.

    >>> from npfacenet.recipes import recipes
    >>> fresh_model(recipes("npfacenet-small")[0], seed=3).card.source
    'drawn weights, seed 3'
    """
    chosen = recipe.preprocessing if preprocessing is None else preprocessing
    scaling = scaling_named(chosen).name
    network = recipe.build()
    _require_embedding(recipe, network)
    parameters = network.initialise(seed)
    _require_unit_length(network, parameters)
    card = replace(
        derived_card(recipe, input_size_of(network), Path("drawn weights")),
        preprocessing=scaling,
        threshold=None,
        source=f"drawn weights, seed {seed}",
    )
    return Model(network, parameters, card)


def _require_embedding(recipe: Recipe, network: Network[Outputs]) -> None:
    """Raise ArgumentError unless the network makes one vector of each square colour picture."""
    name, size = network.name, network.accepted_shape
    if len(network.outputs) != 1:
        raise ArgumentError(
            f"{name} has {len(network.outputs)} outputs ({listed(network.outputs)}), and embedding "
            "takes one: network.with_outputs(NAME) keeps that one"
        )
    if len(size) != 3 or size[0] is None or size != (size[0], size[0], 3):
        raise ArgumentError(
            f"{name} takes pictures of shape {size}, and embedding needs a square size with three "
            "channels, such as (96, 96, 3)"
        )
    if len(network.output_shape) != 1:
        raise ArgumentError(
            f"{name} gives an output of shape {network.output_shape} for each picture, and an "
            "embedding is one vector (D,)"
        )
    if recipe.purpose != "embedding":
        raise ArgumentError(f"{name} is a network for {recipe.purpose}, not for embedding")
    if network.output_shape[0] != recipe.outputs:
        raise ArgumentError(
            f"{name} gives vectors of {network.output_shape[0]} numbers, and its recipe says "
            f"{recipe.outputs}"
        )


def _require_unit_length(network: Network[Outputs], parameters: NetworkParameters) -> None:
    """Raise ArgumentError unless the network's outputs are vectors of unit length.

    A last layer other than L2Normalize is tried on noise.
    """
    last = next(node for node in network.nodes if node.name == network.outputs[0])
    if isinstance(last.layer, L2Normalize):
        return
    noise = np.random.default_rng(0).random((2, *network.input_shape), np.float32)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(sole(network.forward(parameters, noise)), axis=1)
    if not np.all(np.abs(lengths - 1) < _UNIT):
        raise ArgumentError(
            f"{network.name} gives vectors of length {lengths[0]:g}, and embeddings have "
            "unit length: let it end with L2Normalize"
        )
