"""Weights that the manifest knows get their source, licence and threshold, whatever the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from npfacenet.cards import UNMEASURED, derived_card, input_size_of, with_known_thresholds
from npfacenet.recipes import Recipe, recipes
from npfacenet.zoo.manifest import manifest
from npfacenet.zoo.provenance import with_known_origin
from npfacenet.zoo.public import PublicDetector, PublicNetwork, PublicWeights

PUBLIC = [
    (entry, digest)
    for entry in manifest().values()
    if isinstance(entry, PublicWeights)
    for digest in entry.weights
]
DETECTORS = [
    (entry, network)
    for entry in manifest().values()
    if isinstance(entry, PublicDetector)
    for network in entry.networks
]


@pytest.mark.parametrize(("entry", "digest"), PUBLIC, ids=lambda x: getattr(x, "name", "")[:20])
def test_known_weights_have_what_was_measured_with_them(entry: PublicWeights, digest: str) -> None:
    recipe = recipes(entry.architecture, outputs=entry.outputs)[0]
    card = derived_card(recipe, recipe.build().input_shape[0], Path("w.h5"))
    assert card.threshold is not None
    assert card.threshold.evidence == UNMEASURED
    known = with_known_origin(card, digest)
    assert known.threshold == recipe.thresholds.get((recipe.preprocessing, recipe.preparation))
    assert (known.source, known.licence) == (entry.origin, entry.licence)
    same = replace(known, source=card.source, licence=card.licence)
    assert with_known_thresholds(same, recipe, measured=False) == card
    assert [m.preparation for m in known.measured] == [m.preparation for m in card.measured]


@pytest.mark.parametrize(
    ("entry", "network"), DETECTORS, ids=lambda x: getattr(x, "architecture", "")
)
def test_known_networks_of_detectors_have_source_and_licence(
    entry: PublicDetector, network: PublicNetwork
) -> None:
    recipe = recipes(network.architecture, outputs=network.outputs)[0]
    card = derived_card(recipe, input_size_of(recipe.build()), Path("w.onnx"))
    (digest,) = network.weights
    known = with_known_origin(card, digest)
    assert (known.source, known.licence) == (entry.origin, entry.licence)
    assert (known.purpose, known.threshold) == ("detection", None)
    assert replace(known, source=card.source, licence=card.licence) == card


@pytest.mark.parametrize("recipe", recipes(), ids=str)
def test_others_keep_the_card_of_their_network(recipe: Recipe) -> None:
    card = derived_card(recipe, input_size_of(recipe.build()), Path("w.h5"))
    assert with_known_origin(card, "0" * 64) is card
    assert (card.source, card.licence) == ("the file w.h5", "not stated")
    known = recipe.thresholds.get((recipe.preprocessing, recipe.preparation))
    assert (card.threshold is None) == (known is None)
