"""The model card: everything about a model except its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from npfacenet.arguments import LONGEST_NAME, is_printable_name
from npfacenet.errors import ArgumentError, WeightsError, printable, quoted, shortened
from npfacenet.images import PREPROCESSINGS
from npfacenet.networks import Network, Outputs
from npfacenet.recipes.catalogue import find_recipe
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.recipes.recipe import (
    ANY_ALIGNMENT,
    METRIC,
    PURPOSES,
    Purpose,
    Recipe,
    Threshold,
    is_distance,
)

__all__ = [
    "METRIC",
    "Card",
    "Measured",
    "Preparation",
    "Threshold",
    "card_from_json",
    "derived_card",
    "with_known_thresholds",
]

LONGEST_TEXT = 2000  # characters of a card's sentences
MOST_THRESHOLDS = 100


@dataclass(frozen=True)
class Measured:
    """A threshold, and the preparation of the pictures that it was measured on."""

    preparation: Preparation
    threshold: Threshold


@dataclass(frozen=True)
class Card:
    """What is known of one set of weights.

    `outputs` is as in `npfacenet.recipes.Recipe`; `input_size` is the side of the square picture
    in pixels, 0 for a network that takes any; `preprocessing` names the scaling of its numbers
    (`npfacenet.images.PREPROCESSINGS`); `source` and `licence` are in words; `trained_on` names the
    people in the training pictures, where they are known; `purpose` is what the network is for.

    `preparation` is what is done with a photograph, and `threshold` the one for pictures prepared
    so, None if none has evidence; `other_thresholds` are those for other preparations.
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
    preparation: Preparation = CENTRAL_SQUARE
    other_thresholds: tuple[Measured, ...] = field(default=(), repr=False)

    @property
    def measured(self) -> tuple[Measured, ...]:
        """Every threshold, the one for the card's own preparation first."""
        own = self.threshold
        return (*([] if own is None else [Measured(self.preparation, own)]), *self.other_thresholds)

    def threshold_for(self, preparation: Preparation) -> Threshold | None:
        """Return the threshold for pictures that are prepared so; None if none was measured."""
        return next((m.threshold for m in self.measured if m.preparation == preparation), None)

    def with_preparation(self, preparation: Preparation) -> Card:
        """Return the card with another preparation; all thresholds are kept."""
        others = tuple(m for m in self.measured if m.preparation != preparation)
        return replace(
            self,
            preparation=preparation,
            threshold=self.threshold_for(preparation),
            other_thresholds=others,
        )

    def found_by(self, detector: str) -> Preparation:
        """Return the preparation that finds faces with a detector, as this network needs it.

        `detector` is a name, or the identity of a detector (`faces.Detector.identity`). Weights
        whose card states another alignment than their recipe need it whoever finds the face. Of a
        network of which no alignment is known, `recipes.recipe.ANY_ALIGNMENT` is used.
        """
        own = self.preparation
        if detector == own.detector:
            return own
        name, own_name = (str(one).partition("@")[0] for one in (detector, own.detector))
        known = find_recipe(self.architecture, self.variant, self.outputs)
        if known is None or own.alignment not in (None, known.found_by(own_name).alignment):
            return Preparation(detector, own.alignment or ANY_ALIGNMENT)
        return replace(known.found_by(name), detector=detector)

    def adapted(self, variant: str | None, preprocessing: str) -> Card:
        """Return the card for another variant or preprocessing.

        A variant has a preparation of its own. A threshold has evidence only for what it was
        measured with, so it changes too, and its metric with it: to those of the network, of which
        nothing was measured with these weights.
        """
        if (variant, preprocessing) == (self.variant, self.preprocessing):
            return self
        other = replace(self, variant=variant, preprocessing=preprocessing)
        recipe = find_recipe(self.architecture, variant, self.outputs)
        if variant != self.variant and recipe is not None:
            other = replace(other, preparation=recipe.preparation)
        return with_known_thresholds(other, recipe, measured=False)

    def recipe_of(self, network: Network[Outputs]) -> Recipe:
        """Return the recipe of a network that may be in no catalogue, as this card describes it."""
        return Recipe.of(
            network,
            architecture=self.architecture,
            variant=self.variant,
            outputs=self.outputs,
            purpose=self.purpose,
            preprocessing=self.preprocessing,
            preparation=self.preparation,
            thresholds={(self.preprocessing, m.preparation): m.threshold for m in self.measured},
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
    card = Card(
        architecture=recipe.architecture,
        variant=recipe.variant,
        outputs=int(recipe.outputs),
        input_size=input_size,
        preprocessing=recipe.preprocessing,
        threshold=None,
        source=f"the file {shortened(printable(path.name))}",
        licence="not stated",
        purpose=recipe.purpose,
        preparation=recipe.preparation,
    )
    return with_known_thresholds(card, recipe, measured=False)


def with_known_thresholds(card: Card, recipe: Recipe | None, *, measured: bool) -> Card:
    """Return the card with the thresholds of its network for its preprocessing; no others.

    Without a recipe, as for a network that is in no catalogue, there are none. Unless these weights
    were `measured` themselves, the evidence says so.
    """
    table = {} if recipe is None else recipe.thresholds
    known = tuple(
        Measured(preparation, threshold if measured else replace(threshold, evidence=UNMEASURED))
        for (scaling, preparation), threshold in table.items()
        if scaling == card.preprocessing
    )
    without = replace(card, threshold=None, other_thresholds=known)
    return without.with_preparation(card.preparation)


def card_from_json(value: object, where: str) -> Card:
    """Return the card whose fields a JSON object holds.

    Raises WeightsError, naming the field, for anything but the fields of Card, for texts that
    are not printable, or longer than 2,000 characters (names: 200), and for a threshold that is
    not a distance in its metric.
    """
    if not isinstance(value, dict):
        raise WeightsError(f"{where}: the card is not a JSON object")
    value = {**_OF_OLD_FILES, **value}
    if strange := {field.name for field in fields(Card)} ^ value.keys():
        raise WeightsError(f"{where}: the card lacks, or should not have, {quoted(min(strange))}")
    for name, valid in _VALID.items():
        if not valid(value[name]):
            raise WeightsError(f"{where}: the card's {name} cannot be {quoted(value[name])}")
    threshold, others = value["threshold"], value["other_thresholds"]
    card = Card(
        **{
            **value,
            "threshold": None if threshold is None else Threshold(**threshold),
            "trained_on": tuple(value["trained_on"]),
            "preparation": Preparation(**value["preparation"]),
            "other_thresholds": tuple(
                Measured(Preparation(**each["preparation"]), Threshold(**each["threshold"]))
                for each in others
            ),
        }
    )
    stated = [card.preparation, *(each.preparation for each in card.other_thresholds)]
    if len(stated) != len(set(stated)):
        raise WeightsError(
            f"{where}: the card's other_thresholds cannot state one preparation twice"
        )
    return card


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


def _is_preparation(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {f.name for f in fields(Preparation)}:
        return False
    try:
        Preparation(**value)
    except ArgumentError:
        return False
    return True


def _are_measured(values: object) -> bool:
    """Whether each of a few is a preparation with a threshold."""
    if not isinstance(values, list) or len(values) > MOST_THRESHOLDS:
        return False
    for value in values:
        match value:
            case {"preparation": preparation, "threshold": {} as threshold, **others}:
                if others or not _is_preparation(preparation) or not _is_threshold(threshold):
                    return False
            case _:
                return False
    return True


_OF_OLD_FILES: dict[str, object] = {  # which do not state these fields
    "purpose": "embedding",
    "preparation": asdict(CENTRAL_SQUARE),
    "other_thresholds": [],
}
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
    "preparation": _is_preparation,
    "other_thresholds": _are_measured,
}
