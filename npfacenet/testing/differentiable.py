"""One view of layers, networks and losses: variables in, an output and its gradients out.

Everything is float64, because a difference quotient in float32 shows three digits at best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array, Layer, Parameters, Saved, Shape
from npfacenet.losses.loss import Loss
from npfacenet.networks import Network, NetworkParameters, Outputs, Tape
from npfacenet.testing.sample import draw_parameters

Float64: TypeAlias = npt.NDArray[np.float64]
Variables: TypeAlias = dict[str, Float64]


@dataclass(frozen=True)
class Differentiable:
    """Named variables, of which each can be moved: all inputs and trainable parameters.

    `output` is a function of all variables; `gradients(upstream)` is the gradient of
    sum(upstream * output(variables)) with respect to each.
    """

    name: str
    variables: Variables
    output: Callable[[Variables], Float64]
    gradients: Callable[[Float64], Mapping[str, Array]]


def of_layer(
    layer: Layer, inputs: tuple[Array, ...], parameters: Parameters, training: bool, seed: int
) -> Differentiable:
    """A layer: inputs are called "input 0", ..., parameters as the layer calls them."""
    specs = layer.parameters(*(x.shape[1:] for x in inputs))
    names = [f"input {i}" for i in range(len(inputs))]
    fixed = {n: wide(parameters[n]) for n, spec in specs.items() if not spec.trainable}
    variables = {n: wide(x) for n, x in zip(names, inputs, strict=True)}
    variables |= {n: wide(parameters[n]) for n, spec in specs.items() if spec.trainable}

    def forward(variables: Variables) -> tuple[Array, Saved, Parameters]:
        own = {**fixed, **{n: p for n, p in variables.items() if n not in names}}
        output, saved, _ = layer.forward_saving(
            own,
            *(variables[n] for n in names),
            training=training,
            rng=np.random.default_rng(seed),
        )
        return output, saved, own

    def gradients(upstream: Float64) -> Mapping[str, Array]:
        _, saved, own = forward(variables)
        to_inputs, to_parameters = layer.backward(own, saved, upstream)
        return dict(zip(names, to_inputs, strict=False)) | to_parameters

    name = f"{layer} on {[x.shape for x in inputs]}"
    return Differentiable(name, variables, lambda variables: wide(forward(variables)[0]), gradients)


def of_network(
    network: Network[Outputs],
    images: Array,
    parameters: NetworkParameters,
    training: bool,
    seed: int,
) -> Differentiable:
    """A network: its input is called "image", its parameters "node/parameter".

    Several outputs become one: all their numbers, one output after the other.
    """
    specs = network.parameter_specs()
    fixed = {n: wide(parameters[n]) for n, spec in specs.items() if not spec.trainable}
    names = {"/".join(n): n for n, spec in specs.items() if spec.trainable}
    variables = {network.INPUT: wide(images)}
    variables |= {text: wide(parameters[n]) for text, n in names.items()}

    def forward(variables: Variables) -> tuple[Outputs, Tape, NetworkParameters]:
        own = {**fixed, **{n: variables[text] for text, n in names.items()}}
        outputs, tape = network.forward_saving(
            own, variables[network.INPUT], training=training, to_image=True, seed=(seed,)
        )
        return outputs, tape, own

    def gradients(upstream: Float64) -> Mapping[str, Array]:
        _, tape, own = forward(variables)
        split = _split(upstream, tape.output_shapes) if len(tape.output_shapes) > 1 else upstream
        to_image, to_parameters = network.backward(own, tape, split)
        found = {"/".join(name): gradient for name, gradient in to_parameters.items()}
        return found if to_image is None else {network.INPUT: to_image} | found

    name = f"{network.name} on {images.shape}"
    return Differentiable(
        name, variables, lambda variables: _joined(forward(variables)[0]), gradients
    )


def _joined(outputs: Outputs) -> Float64:
    """Return the output as float64; several outputs as one vector of all their numbers."""
    if isinstance(outputs, dict):
        return np.concatenate([wide(output).reshape(-1) for output in outputs.values()])
    return wide(outputs)


def _split(vector: Float64, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """Undo `_joined`: return the outputs by name."""
    ends = np.cumsum([prod(shape) for shape in shapes.values()])
    parts = np.split(vector, ends[:-1])
    return {n: part.reshape(shape) for (n, shape), part in zip(shapes.items(), parts, strict=True)}


def of_loss(loss: Loss, outputs: Array, targets: npt.NDArray[np.generic]) -> Differentiable:
    """A loss: its only variable is called "outputs", and its output is its value."""
    variables = {"outputs": wide(outputs)}

    def value(variables: Variables) -> Float64:
        return np.array([loss.value_and_gradient(variables["outputs"], targets).value], np.float64)

    def gradients(upstream: Float64) -> Mapping[str, Array]:
        gradient = loss.value_and_gradient(variables["outputs"], targets).gradient
        return {"outputs": upstream[0] * gradient}

    return Differentiable(f"{loss} on {outputs.shape}", variables, value, gradients)


def drawn_parameters(
    subject: Layer | Network[Outputs] | Loss, inputs: tuple[Array, ...], seed: int
) -> Mapping[str, Array] | Mapping[tuple[str, str], Array]:
    """Return parameters with which no gradient is trivial."""
    if isinstance(subject, Layer):
        return draw_parameters(subject, tuple(x.shape[1:] for x in inputs), seed, "float64")
    if not isinstance(subject, Network):
        return {}
    # Kernels as a network begins with; the rest away from the zeros and ones that hide faults.
    rng, specs = np.random.default_rng([seed, 5]), subject.parameter_specs()
    return {
        name: value
        if specs[name].initialiser == "he_normal"
        else value + 0.2 * rng.uniform(-1, 1, value.shape)
        for name, value in subject.initialise(seed).items()
    }


def wide(x: npt.ArrayLike) -> Float64:
    """A float64 copy."""
    return np.array(x, np.float64)


def differentiable(
    subject: Layer | Network[Outputs] | Loss,
    inputs: tuple[Array, ...],
    parameters: Mapping[str, Array] | Mapping[tuple[str, str], Array],
    targets: npt.NDArray[np.generic] | None,
    training: bool,
    seed: int,
) -> Differentiable:
    """Return the subject with its numbers; ArgumentError for missing or superfluous arguments."""
    if isinstance(subject, Layer):
        return of_layer(subject, inputs, parameters, training, seed)  # type: ignore[arg-type]  # a layer's names are texts
    if len(inputs) != 1:
        raise ArgumentError(f"{type(subject).__name__} takes one input, received {len(inputs)}")
    if isinstance(subject, Network):
        return of_network(subject, inputs[0], parameters, training, seed)  # type: ignore[arg-type]  # a network's are pairs
    return of_loss(subject, inputs[0], targets)  # type: ignore[arg-type]  # a triplet loss has none
