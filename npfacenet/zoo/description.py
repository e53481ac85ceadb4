"""Describing a weight file without using it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from npfacenet.cards import Card
from npfacenet.checkpoints.fingerprint import fingerprint, weights_digest
from npfacenet.checkpoints.layout import shown
from npfacenet.checkpoints.matching import match
from npfacenet.checkpoints.reading import open_weight_file, read_fitting
from npfacenet.checkpoints.self_description import (
    agreeing,
    card_of,
    require_own_card,
    require_own_graph,
)
from npfacenet.layers import Shape
from npfacenet.recipes.catalogue import all_recipes
from npfacenet.zoo.provenance import with_known_origin


@dataclass(frozen=True)
class Description:
    """A weight file compared with the network that it resembles most.

    The six lists say what keeps it from being that network; they are empty if it is one.
    """

    path: str
    layout: str
    network: str
    tensors: Mapping[str, Shape]
    numbers: int
    card: Card | None
    fingerprint: str | None
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mis_shaped: tuple[str, ...]
    not_finite: tuple[str, ...]
    untrained: tuple[str, ...]
    unreadable: tuple[str, ...]
    complete: bool


def describe_file(path: Path) -> Description:
    """Describe a weight file in any known layout.

    Raises WeightsError if it is in none, or if its own card contradicts it.
    """
    with open_weight_file(path) as file:
        found = match(file, agreeing(path, all_recipes(), file, described=True))
        reading = read_fitting(found)
        tensors = file.tensors(found.network, found.recipe.other_names)
        shapes = {shown(name): tensor.shape for name, tensor in tensors.items()}
        complete = found.complete and not reading.faults
        card, made_by = file.card, None
        if complete:
            require_own_card(path, card, found.recipe, found.network)
            require_own_graph(path, file, found.recipe)
            digest = weights_digest(reading.parameters)
            if card is None:
                derived = card_of(path, None, found.recipe, found.network)
                card = with_known_origin(derived, digest)
            made_by = fingerprint(card, digest, found.network)
        return Description(
            path=str(path),
            layout=file.name,
            network=f"{'' if complete else 'none; nearest is '}{found.recipe}",
            tensors=shapes,
            numbers=sum(int(np.prod(shape)) for shape in shapes.values()),
            card=card,
            fingerprint=made_by,
            missing=found.missing,
            unexpected=found.unexpected,
            mis_shaped=found.mis_shaped,
            not_finite=reading.not_finite,
            untrained=reading.untrained,
            unreadable=reading.unreadable,
            complete=complete,
        )
