"""A layer with inputs and parameters that fit it, on which laws are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from npfacenet.errors import ShapeError
from npfacenet.layers import Array, Layer, Parameters, Shape
from npfacenet.testing.law_checking import require

# What a layer is tried on where its inputs are not stated.
USUAL_INPUTS: tuple[tuple[Shape, ...], ...] = (
    ((5, 6, 3),),
    ((7,),),
    ((4, 5, 3), (4, 5, 3)),
    ((6,), (6,)),
    ((6, 4),),
    ((9, 9, 2),),
)


@dataclass(frozen=True)
class Sample:
    """A layer with inputs (N, *shape) that fit it, and parameters."""

    layer: Layer
    inputs: tuple[Array, ...]
    parameters: Parameters

    def run(self) -> Array:
        """The layer's output."""
        return self.layer.forward(self.parameters, *self.inputs)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs, without the batch."""
        return tuple(x.shape[1:] for x in self.inputs)

    @property
    def title(self) -> str:
        """The layer and its inputs, in words."""
        return f"{self.layer} on inputs {list(self.shapes)}"


def usual_inputs(layer: Layer) -> tuple[Shape, ...]:
    """The first of the usual shapes that the layer takes; AssertionError if it takes none."""
    for shapes in USUAL_INPUTS:
        try:
            layer.output_shape(*shapes)
        except (ShapeError, ValueError, TypeError, IndexError):  # however a layer refuses
            continue
        return shapes
    raise AssertionError(f"{layer} takes none of the usual inputs {USUAL_INPUTS}: state its shapes")


def draw_sample(
    layer: Layer,
    shapes: tuple[Shape, ...],
    *,
    batch: int = 3,
    seed: int = 0,
    dtype: str = "float32",
) -> Sample:
    """Inputs and parameters for which no law is trivial."""
    rng = np.random.default_rng(seed)
    inputs = tuple(rng.standard_normal((batch, *shape)).astype(dtype) for shape in shapes)
    return Sample(layer, inputs, draw_parameters(layer, shapes, seed, dtype))


def draw_parameters(
    layer: Layer, shapes: tuple[Shape, ...], seed: int, dtype: str
) -> dict[str, Array]:
    """Parameters of every sign, but for those with "var" in their name, which are above 0."""
    rng = np.random.default_rng([seed, 1])
    parameters: dict[str, Array] = {}
    for name, spec in layer.parameters(*shapes).items():
        values = rng.standard_normal(spec.shape)
        parameters[name] = (np.abs(values) + 0.1 if "var" in name else values).astype(dtype)
    return parameters


def require_close(found: Array, expected: Array, law: str, sample: Sample) -> None:
    """Raise AssertionError unless two outputs agree within 1e-5 of the largest number."""
    same_shape = np.shape(found) == np.shape(expected)
    require(same_shape, law, sample, f"shape {np.shape(found)}, not {np.shape(expected)}")
    tolerance = 1e-5 * max(1.0, float(np.abs(expected).max(initial=0)))
    difference = float(np.abs(found - expected).max(initial=0))
    require(difference <= tolerance, law, sample, f"they differ by {difference:g}")


def copied(sample: Sample) -> Sample:
    """The same numbers in arrays of their own."""
    parameters: Mapping[str, Array] = {name: p.copy() for name, p in sample.parameters.items()}
    return Sample(sample.layer, tuple(x.copy() for x in sample.inputs), parameters)
