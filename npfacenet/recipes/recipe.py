"""A recipe: one concrete network, and the general facts about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, TypeAlias

from npfacenet.arguments import finite_number
from npfacenet.errors import ArgumentError, quoted
from npfacenet.networks import Network, Outputs

Purpose: TypeAlias = Literal["embedding", "detection"]
PURPOSES: Final[tuple[Purpose, ...]] = ("embedding", "detection")
LARGEST_DISTANCE = 2  # between unit vectors
METRIC = "Euclidean between unit vectors, 0 to 2"

# Evidence. Measured by `npfacenet evaluate lfw --crop 150 --calibrate 0.01` on folds 1 to 4, with
# the public weights; rates of a calibrated threshold are those of the pairs it was chosen on.
LFW = "on LFW folds 1-4, centre crop 150, 1,200 pairs of each kind"
ASSIGNMENT = "the deeplearning.ai assignment's choice"
CALIBRATED = "chosen for a false match rate of 0.01 on these very pairs"


@dataclass(frozen=True)
class Threshold:
    """The distance up to which two pictures count as one person, and why.

    `value` is a distance (`metric` says which); `evidence` says who chose it, or which
    error rates were measured on which pictures.
    """

    value: float
    evidence: str
    metric: str = METRIC


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
    `thresholds` holds, by preprocessing, the threshold measured with the public weights, if one
    was. `known_as` lists what other projects call the architecture, for
    suggestions in messages; case and separators do not matter.
    """

    architecture: str
    variant: str | None
    outputs: int
    build: Callable[[], Network[Outputs]] = field(repr=False, compare=False)
    other_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    purpose: Purpose = field(default="embedding", repr=False)
    preprocessing: str = field(default="unit", repr=False)
    thresholds: Mapping[str, Threshold] = field(default_factory=dict, repr=False, compare=False)
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
        thresholds: Mapping[str, Threshold] | None = None,
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
            thresholds={} if thresholds is None else thresholds,
        )

    @property
    def key(self) -> tuple[str, str | None, int]:
        """What distinguishes recipes: architecture, variant and number of outputs."""
        return self.architecture, self.variant, self.outputs

    def __str__(self) -> str:
        choices = [self.variant] if self.variant else []
        unit = "numbers" if self.purpose == "embedding" else "outputs"
        return f"{self.architecture} ({', '.join([*choices, f'{self.outputs} {unit}'])})"


def _built(network: Network[Outputs]) -> Network[Outputs]:
    """Return the network itself: a `build` that can be pickled, which a lambda cannot."""
    return network
