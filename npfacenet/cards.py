"""The model card: everything about a model except its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from npfacenet.arguments import LONGEST_NAME, is_printable_name
from npfacenet.errors import WeightsError, printable, quoted, shortened
from npfacenet.images import PREPROCESSINGS
from npfacenet.networks import Network, Outputs
from npfacenet.recipes.catalogue import find_recipe
from npfacenet.recipes.recipe import (
    METRIC,
    PURPOSES,
    Purpose,
    Recipe,
    Threshold,
    is_distance,
)

__all__ = ["METRIC", "Card", "Threshold", "card_from_json", "derived_card", "threshold_of"]

LONGEST_TEXT = 2000  # characters of a card's sentences


@dataclass(frozen=True)
class Card:
    """What is known of one set of weights.

    `outputs` is as in `npfacenet.recipes.Recipe`; `input_size` is the side of the square picture
    in pixels, 0 for a network that takes any; `preprocessing` names the scaling of its numbers
    (`npfacenet.images.PREPROCESSINGS`); `threshold` is None if none has evidence; `source` and
    `licence` are in words; `trained_on` names the people in the training pictures, where they are
    known; `purpose` is what the network is for.
    """

    architecture: str
    variant: str | None
    outputs: int
    input_size: int
    preprocessing: str
    threshold: Threshold | None
    source: str
    licence: str
    trained_on: tuple[str, ...] = field(default=(), repr=False)
    purpose: Purpose = field(default="embedding", repr=False)

    def adapted(self, variant: str | None, preprocessing: str) -> Card:
        """Return the card for another variant or preprocessing.

        A threshold has evidence only for what it was measured with, so it changes too, and its
        metric with it.
        """
        if (variant, preprocessing) == (self.variant, self.preprocessing):
            return self
        measured = self.threshold is not None and self.threshold.evidence != UNMEASURED
        other = replace(self, variant=variant, preprocessing=preprocessing)
        return replace(other, threshold=threshold_of(other, measured=measured))

    def recipe_of(self, network: Network[Outputs]) -> Recipe:
        """Return the recipe of a network that may be in no catalogue, as this card describes it."""
        return Recipe.of(
            network,
            architecture=self.architecture,
            variant=self.variant,
            outputs=self.outputs,
            purpose=self.purpose,
            preprocessing=self.preprocessing,
            thresholds={} if self.threshold is None else {self.preprocessing: self.threshold},
        )


UNMEASURED = (
    "the default for this network, chosen with its public weights; nothing was measured with "
    "these, so measure them: npfacenet evaluate lfw"
)


def input_size_of(network: Network[Outputs]) -> int:
    """Return the side of a network's pictures in pixels, 0 if it takes any size."""
    return network.accepted_shape[0] or 0


def derived_card(recipe: Recipe, input_size: int, path: Path) -> Card:
    """Return the card of a file that carries none: what is known of the network that it holds.

    `input_size` is the side of that network's pictures, 0 if it takes any. Nothing is known of the
    weights: the source is the file at `path`, and the threshold says that it was not measured with
    them.
    """
    known = recipe.thresholds.get(recipe.preprocessing)
    return Card(
        architecture=recipe.architecture,
        variant=recipe.variant,
        outputs=int(recipe.outputs),
        input_size=input_size,
        preprocessing=recipe.preprocessing,
        threshold=None if known is None else replace(known, evidence=UNMEASURED),
        source=f"the file {shortened(printable(path.name))}",
        licence="not stated",
        purpose=recipe.purpose,
    )


def threshold_of(card: Card, *, measured: bool) -> Threshold | None:
    """Return the threshold of a card's network, variant and preprocessing; None if it has none.

    A network that is in no catalogue has none. Unless these weights were `measured` themselves,
    the evidence says so.
    """
    recipe = find_recipe(card.architecture, card.variant, card.outputs)
    known = None if recipe is None else recipe.thresholds.get(card.preprocessing)
    return known if known is None or measured else replace(known, evidence=UNMEASURED)


def card_from_json(value: object, where: str) -> Card:
    """Return the card whose fields a JSON object holds.

    Raises WeightsError, naming the field, for anything but the fields of Card, for texts that
    are not printable, or longer than 2,000 characters (names: 200), and for a threshold that is
    not a distance in its metric.
    """
    if not isinstance(value, dict):
        raise WeightsError(f"{where}: the card is not a JSON object")
    value = {"purpose": "embedding", **value}  # which old files do not state
    if strange := {field.name for field in fields(Card)} ^ value.keys():
        raise WeightsError(f"{where}: the card lacks, or should not have, {quoted(min(strange))}")
    for name, valid in _VALID.items():
        if not valid(value[name]):
            raise WeightsError(f"{where}: the card's {name} cannot be {quoted(value[name])}")
    threshold = value["threshold"]
    return Card(
        **{
            **value,
            "threshold": None if threshold is None else Threshold(**threshold),
            "trained_on": tuple(value["trained_on"]),
        }
    )


def _is_text(value: object) -> bool:
    """Whether it is one printable line that fits a screen."""
    return isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TEXT


def _are_names(values: list[object]) -> bool:
    """As `is_printable_name` with those of no characters, for thousands of them at once."""
    texts = [value for value in values if isinstance(value, str)]
    short = max(map(len, texts), default=0) <= LONGEST_NAME
    return short and len(texts) == len(values) and "".join(texts).isprintable()


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < 1 << 20


def _is_threshold(value: object) -> bool:
    match value:
        case None:
            return True
        case {"value": float() | int() as number, "evidence": evidence, "metric": metric, **others}:
            return (
                not others
                and is_distance(number, metric)
                and _is_text(evidence)
                and is_printable_name(metric, low=0)
            )
    return False


_VALID: dict[str, Callable[[object], bool]] = {
    "architecture": is_printable_name,
    "variant": lambda value: value is None or is_printable_name(value, low=0),
    "outputs": _is_count,
    "input_size": lambda value: _is_count(value) or (type(value) is int and value == 0),
    "preprocessing": lambda value: value in tuple(PREPROCESSINGS),
    "threshold": _is_threshold,
    "source": _is_text,
    "licence": _is_text,
    "trained_on": lambda value: isinstance(value, list) and _are_names(value),
    "purpose": lambda value: value in PURPOSES,
}
