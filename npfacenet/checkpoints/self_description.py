"""What a weight file says of itself, its card and its network, and whether that can be so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from npfacenet.cards import Card, derived_card, input_size_of
from npfacenet.checkpoints.layout import Layout
from npfacenet.errors import ArgumentError, ShapeError, WeightsError, listed, quoted
from npfacenet.networks import Network, Outputs
from npfacenet.networks.graph import graph_of, network_from_graph
from npfacenet.recipes import Recipe
from npfacenet.recipes.catalogue import all_recipes, find_recipe
from npfacenet.recipes.recipe import outputs_of


def agreeing(
    path: Path, known: Sequence[Recipe], file: Layout, *, described: bool
) -> Sequence[Recipe]:
    """Return the recipes that a file's own card names, the card's variant first; all without one.

    With `described`, a file whose card names a network that is not known may describe that network
    itself (`Layout.graph`). Raises WeightsError for a card of a network that is not among them, and
    for a graph of which no network can be made.
    """
    card = file.card
    if card is None:
        return known
    stated = (card.architecture, card.outputs)
    of_the_card = [one for one in known if (one.architecture, one.outputs) == stated]
    if of_the_card:
        return sorted(of_the_card, key=lambda recipe: recipe.variant != card.variant)
    of_ours = any(one.architecture == card.architecture for one in known)
    if described and not of_ours and file.graph is not None:
        return (card.recipe_of(described_network(path, file.graph)),)
    raise WeightsError(
        f"{path}: its card states {quoted(card.architecture)} with {card.outputs} numbers, "
        f"which is none of {listed(list(map(str, known)))}"
    )


def described_network(path: Path, graph: object) -> Network[Outputs]:
    """Build the network that a file describes; WeightsError, with the remedy, if that fails."""
    try:
        return network_from_graph(graph)
    except (ArgumentError, ShapeError) as error:
        raise WeightsError(f"{path}: the network that it describes: {error}") from error


def card_of(path: Path, own: Card | None, recipe: Recipe, network: Network[Outputs]) -> Card:
    """Return a file's own card, or the one that its network gives."""
    return derived_card(recipe, input_size_of(network), path) if own is None else own


def require_own_card(
    path: Path, card: Card | None, recipe: Recipe, network: Network[Outputs]
) -> None:
    """Raise WeightsError if a file's own card contradicts the network that the file holds."""
    if card is None:
        return
    side, variants = input_size_of(network), {None, recipe.variant}
    variants |= {one.variant for one in all_recipes() if one.architecture == recipe.architecture}
    fault = None
    if card.input_size != side:
        takes = f"{side:,}" if side else "any size"
        fault = f"pictures of {card.input_size:,} pixels, where {recipe} takes {takes}"
    elif card.outputs != recipe.outputs:
        fault = f"{card.outputs} numbers, where {recipe} gives {recipe.outputs}"
    elif card.variant not in variants:
        fault = f"the variant {quoted(card.variant)}, which {recipe.architecture} does not have"
    elif card.outputs != outputs_of(network):
        fault = f"{card.outputs} outputs, where {recipe.architecture} has {outputs_of(network)}"
    elif card.purpose == "embedding" and [*network.output_shapes.values()] != [(card.outputs,)]:
        gives = listed([*map(str, network.output_shapes.values())])
        fault = f"vectors of {card.outputs} numbers to compare, where {recipe} gives {gives}"
    elif card.purpose != recipe.purpose:
        fault = f"a network for {card.purpose}, where {recipe} is for {recipe.purpose}"
    if fault:
        raise WeightsError(f"{path}: its card states {fault}; obtain the file again")


def require_own_graph(path: Path, file: Layout, held: Recipe) -> None:
    """Raise WeightsError if a file describes another network than the one that its card names.

    Networks are compared, not texts: a file that leaves out a hyperparameter, because it was
    written before the layer had it, describes the network in which that has its default.
    """
    card, graph = file.card, file.graph
    if card is None or graph is None:
        return
    named = find_recipe(card.architecture, card.variant, card.outputs) or held
    network = named.build()
    if not _describes(graph, network):
        raise WeightsError(
            f"{path}: the network that it describes is not {named} as it is here: another version "
            "of npfacenet wrote it, or it was changed; obtain the file again"
        )


def _describes(graph: object, network: Network[Outputs]) -> bool:
    """Whether a graph is that of a network."""
    try:
        # Comparing texts first is faster than building the network.
        return graph == graph_of(network) or network_from_graph(graph) == network
    except (ArgumentError, ShapeError):  # a layer that is not registered cannot be in a file
        return False
