"""What is to be known of a model beside its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from npfacenet.checkpoints.manifest import manifest
from npfacenet.recipes import Recipe

METRIC = "Euclidean between unit vectors, 0 to 2"


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
    has evidence; `source` and `licence` are in words.
    """

    architecture: str
    variant: str | None
    outputs: int
    input_size: int
    preprocessing: str
    threshold: Threshold | None
    source: str
    licence: str


PREPROCESSING = {"nn4.small2": "unit", "inception-resnet-v1": "prewhiten"}
# Measured by `npfacenet evaluate lfw --crop 150 --calibrate 0.01` on folds 1 to 4.
LFW = "on LFW folds 1-4, centre crop 150, 1,200 pairs of each kind"
ASSIGNMENT = "the deeplearning.ai assignment's choice"
CALIBRATED = "chosen for a false match rate of 0.01"
# By architecture, variant, number of outputs and preprocessing: evidence holds for these only.
THRESHOLDS = {
    ("nn4.small2", "course", 128, "unit"): Threshold(
        0.7, f"{ASSIGNMENT}; {LFW}: false match rate 0.114, false non-match rate 0.608"
    ),
    ("nn4.small2", "openface", 128, "unit"): Threshold(
        0.604, f"{CALIBRATED}; {LFW}: false match rate 0.010, false non-match rate 0.898"
    ),
    ("inception-resnet-v1", None, 128, "prewhiten"): Threshold(
        1.115, f"{CALIBRATED}; {LFW}: false match rate 0.010, false non-match rate 0.018"
    ),
    ("inception-resnet-v1", None, 128, "unit"): Threshold(
        0.7, f"{ASSIGNMENT}; {LFW}: false match rate below 0.0025, false non-match rate 0.588"
    ),
}


def card_for(recipe: Recipe, input_size: int, path: Path, preprocessing: str | None) -> Card:
    """The card of a file that carries none: derived from the network that it holds.

    A public file (the manifest's name and size) is given its source and licence.
    """
    scaling = PREPROCESSING[recipe.architecture] if preprocessing is None else preprocessing
    size = path.stat().st_size
    public = [e for e in manifest().values() if (e.file_name, e.size) == (path.name, size)]
    return Card(
        architecture=recipe.architecture,
        variant=recipe.variant,
        outputs=recipe.outputs,
        input_size=input_size,
        preprocessing=scaling,
        threshold=THRESHOLDS.get((recipe.architecture, recipe.variant, recipe.outputs, scaling)),
        source=public[0].origin if public else f"the file {path.name}",
        licence=public[0].licence if public else "not stated",
    )
