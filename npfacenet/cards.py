"""The model card: everything about a model but its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

from npfacenet.errors import WeightsError, quoted
from npfacenet.images import PREPROCESSINGS

METRIC = "Euclidean between unit vectors, 0 to 2"
LARGEST_DISTANCE = 2
LONGEST_TEXT, LONGEST_NAME = 2000, 200  # characters of a card's sentences and names


@dataclass(frozen=True)
class Threshold:
    """Up to which distance two pictures count as one person, and why.

    `value` is a distance (`metric` says which); `evidence` says who chose it, or which
    error rates were measured on which pictures.
    """

    value: float
    evidence: str
    metric: str = METRIC


@dataclass(frozen=True)
class Card:
    """A model's papers.

    `input_size` is the side of the square picture in pixels; `preprocessing` names how its
    numbers are scaled (`npfacenet.images.PREPROCESSINGS`); `threshold` is None where none
    has evidence; `source` and `licence` are in words; `trained_on` names the people in
    the training pictures, where they are known.
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

    def adapted(self, variant: str | None, preprocessing: str) -> Card:
        """The card for another variant or preprocessing.

        A threshold has evidence only for what it was measured with, so it changes too.
        """
        if (variant, preprocessing) == (self.variant, self.preprocessing):
            return self
        measured = self.threshold is not None and self.threshold.evidence != UNMEASURED
        other = replace(self, variant=variant, preprocessing=preprocessing)
        return replace(other, threshold=threshold_of(other, measured=measured))


PREPROCESSING = {
    "nn4.small2": "unit",
    "inception-resnet-v1": "prewhiten",
    "npfacenet-small": "prewhiten",
}
# Measured by `npfacenet evaluate lfw --crop 150 --calibrate 0.01` on folds 1 to 4, with the
# public weights; rates of a calibrated threshold are those of the pairs it was chosen on.
LFW = "on LFW folds 1-4, centre crop 150, 1,200 pairs of each kind"
ASSIGNMENT = "the deeplearning.ai assignment's choice"
CALIBRATED = "chosen for a false match rate of 0.01 on these very pairs"
UNMEASURED = (
    "the default for this network, chosen with its public weights; nothing was measured with "
    "these, so measure them: npfacenet evaluate lfw"
)
# By architecture, variant, number of outputs and preprocessing: evidence holds for these only.
THRESHOLDS = {
    ("nn4.small2", "course", 128, "unit"): Threshold(
        0.7,
        f"{ASSIGNMENT}; {LFW}: false match rate 0.114 (137 pairs; 95 % 0.097 to 0.133), "
        "false non-match rate 0.608",
    ),
    ("nn4.small2", "openface", 128, "unit"): Threshold(
        0.604,
        f"{CALIBRATED}; {LFW}: false match rate 0.010 (12 pairs; 95 % 0.006 to 0.017), "
        "false non-match rate 0.898",
    ),
    ("inception-resnet-v1", None, 128, "prewhiten"): Threshold(
        1.115,
        f"{CALIBRATED}; {LFW}: false match rate 0.010 (12 pairs; 95 % 0.006 to 0.017), "
        "false non-match rate 0.018",
    ),
    ("inception-resnet-v1", None, 128, "unit"): Threshold(
        0.7,
        f"{ASSIGNMENT}; {LFW}: no false match (rate below 0.0025 by the rule of three), "
        "false non-match rate 0.588",
    ),
}


def threshold_of(card: Card, *, measured: bool) -> Threshold | None:
    """The threshold for a network, variant and preprocessing; None where there is none.

    Where these weights were not `measured` themselves, the evidence says so.
    """
    known = THRESHOLDS.get((card.architecture, card.variant, card.outputs, card.preprocessing))
    return known if known is None or measured else replace(known, evidence=UNMEASURED)


def card_from_json(value: object, where: str) -> Card:
    """The card whose fields a JSON object holds.

    Raises WeightsError, naming the field, for anything but the fields of Card, and for texts that
    are not printable, or longer than 2,000 characters (names: 200).
    """
    if not isinstance(value, dict):
        raise WeightsError(f"{where}: the card is not a JSON object")
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


def _is_text(value: object, longest: int = LONGEST_TEXT) -> bool:
    """Whether it is a line that steers no terminal and fills no screen."""
    return isinstance(value, str) and value.isprintable() and len(value) <= longest


def _is_name(value: object) -> bool:
    return _is_text(value, LONGEST_NAME)


def _are_names(values: list[object]) -> bool:
    """As `_is_name`, for thousands of them at once."""
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
            in_range = type(number) is not bool and 0 <= number <= LARGEST_DISTANCE
            return not others and in_range and _is_text(evidence) and _is_name(metric)
    return False


_VALID: dict[str, Callable[[object], bool]] = {
    "architecture": _is_name,
    "variant": lambda value: value is None or _is_name(value),
    "outputs": _is_count,
    "input_size": _is_count,
    "preprocessing": lambda value: value in tuple(PREPROCESSINGS),
    "threshold": _is_threshold,
    "source": _is_text,
    "licence": _is_text,
    "trained_on": lambda value: isinstance(value, list) and _are_names(value),
}
