"""A recipe: one concrete network, and the general facts about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, TypeAlias

from npfacenet.arguments import finite_number
from npfacenet.errors import ArgumentError, quoted
from npfacenet.networks import Network, Outputs
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation

Purpose: TypeAlias = Literal["embedding", "detection"]
PURPOSES: Final[tuple[Purpose, ...]] = ("embedding", "detection")
LARGEST_DISTANCE = 2  # between unit vectors
ANY_ALIGNMENT = "margin-32"
"""The alignment for a network of which no other is known."""
METRIC = "Euclidean between unit vectors, 0 to 2"

# Evidence. Measured by `npfacenet evaluate lfw --crop 150 --calibrate 0.01` on folds 1 to 4, faces
# with `--detect NAME` instead of `--crop 150`, with the public weights; rates of a calibrated
# threshold are those of the pairs it was chosen on.
LFW_CROP = Preparation(crop=150)  # of 250 pixels
LFW = "on LFW folds 1-4 (centre crop 150, 1,200 pairs of each kind)"
ONE_PERCENT = "false match rate 0.010 (12 pairs; 95 % 0.006 to 0.017)"
CROPPED = "for pictures that are cropped to the face, as LFW's are by this centre crop"
ASSIGNMENT = "the deeplearning.ai assignment's choice"
CALIBRATED = f"chosen for a false match rate of 0.01 {LFW}; on the same pairs"
CALIBRATED_BY_FINDER = (
    "chosen for a false match rate of 0.01 on LFW folds 1-4 (uncropped, the central face, not "
    "found in 2 pairs, which count as errors; 1,200 pairs of each kind); on the same pairs"
)
CALIBRATED_FACES = (
    "chosen for a false match rate of 0.01 on LFW folds 1-4 (uncropped, the central face, found in "
    "all; 1,200 pairs of each kind); on the same pairs"
)


@dataclass(frozen=True)
class Threshold:
    """The distance up to which two pictures count as one person, and why.

    `value` is a distance (`metric` says which); `evidence` says who chose it, or which
    error rates were measured on which pictures.
    """

    value: float
    evidence: str
    metric: str = METRIC


MeasuredWith: TypeAlias = tuple[str, Preparation]
"""What a threshold was measured with: the name of a preprocessing, and a preparation."""


def is_distance(value: object, metric: object) -> bool:
    """Whether it is a finite number >= 0; between unit vectors also at most 2.

    >>> is_distance(1.1, METRIC), is_distance(7, "cosine"), is_distance(7, METRIC)
    (True, True, False)
    """
    number = finite_number(value)
    if number is None or not metric:
        return False
    return number >= 0 and (metric != METRIC or number <= LARGEST_DISTANCE)


def outputs_of(network: Network[Outputs]) -> int:
    """The length of a single output's last axis, or the number of outputs where several are."""
    shapes = list(network.output_shapes.values())
    length = shapes[0][-1] if len(shapes) == 1 and shapes[0] else len(shapes)
    return length or 1


@dataclass(frozen=True)
class Recipe:
    """One concrete network: an architecture with every choice made, and the facts about it.

    `variant` is None for an architecture that has only one. `outputs` is the length of the vector
    that the network gives, or the number of its outputs if there are several. `build` makes it.
    `other_names` maps layers of the network to the names that other people's files give them.
    `purpose` says what the network computes; only an "embedding" can be compared with others.
    `preprocessing` is the scaling of its pictures (`npfacenet.images.PREPROCESSINGS`) unless the
    card of its weights states another; without either it is "unit", numbers from 0 to 1.
    `preparation` says how the square that it sees is cut out of a photograph, unless the card
    states another; `alignments` names, by detector, the alignment of a face that is found by
    another one than the preparation's. `thresholds` holds those that were measured with the public
    weights, by preprocessing and preparation. `known_as` lists what other projects call the
    architecture, for suggestions in messages; case and separators do not matter.
    """

    architecture: str
    variant: str | None
    outputs: int
    build: Callable[[], Network[Outputs]] = field(repr=False, compare=False)
    other_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    purpose: Purpose = field(default="embedding", repr=False)
    preprocessing: str = field(default="unit", repr=False)
    preparation: Preparation = field(default=CENTRAL_SQUARE, repr=False)
    alignments: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    thresholds: Mapping[MeasuredWith, Threshold] = field(
        default_factory=dict, repr=False, compare=False
    )
    known_as: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(
        cls,
        network: Network[Outputs],
        *,
        architecture: str | None = None,
        variant: str | None = None,
        outputs: int | None = None,
        purpose: Purpose | None = None,
        preprocessing: str = "unit",
        preparation: Preparation = CENTRAL_SQUARE,
        thresholds: Mapping[MeasuredWith, Threshold] | None = None,
    ) -> Recipe:
        """Return the recipe of a network that is built already.

        `architecture` is the network's own name unless stated. A network that gives one vector is
        for embedding unless stated, any other for detection. `outputs` is the length of a single
        output's last axis, or the number of outputs where there are several.

        >>> from npfacenet.recipes import npfacenet_small
        >>> str(Recipe.of(npfacenet_small()))
        'npfacenet-small (128 numbers)'
        """
        if not isinstance(network, Network):
            raise ArgumentError(f"a recipe is made of a Network, not of {quoted(network)}")
        shapes = list(network.output_shapes.values())
        vector = len(shapes) == 1 and len(shapes[0]) == 1
        return cls(
            network.name if architecture is None else architecture,
            variant,
            outputs_of(network) if outputs is None else outputs,
            partial(_built, network),
            purpose=("embedding" if vector else "detection") if purpose is None else purpose,
            preprocessing=preprocessing,
            preparation=preparation,
            thresholds={} if thresholds is None else thresholds,
        )

    @property
    def key(self) -> tuple[str, str | None, int]:
        """What distinguishes recipes: architecture, variant and number of outputs."""
        return self.architecture, self.variant, self.outputs

    def found_by(self, detector: str) -> Preparation:
        """Return the preparation that finds faces with a detector, and aligns them.

        >>> from npfacenet.recipes import recipes
        >>> print(recipes("nn4.small2", "openface")[0].found_by("mtcnn"))
        mtcnn, openface-affine
        """
        if detector == self.preparation.detector:
            return self.preparation
        usual = self.preparation.alignment or next(iter(self.alignments.values()), ANY_ALIGNMENT)
        return Preparation(detector, self.alignments.get(detector, usual))

    def __str__(self) -> str:
        choices = [self.variant] if self.variant else []
        unit = "numbers" if self.purpose == "embedding" else "outputs"
        return f"{self.architecture} ({', '.join([*choices, f'{self.outputs} {unit}'])})"


def _built(network: Network[Outputs]) -> Network[Outputs]:
    """Return the network itself: a `build` that can be pickled, which a lambda cannot."""
    return network
