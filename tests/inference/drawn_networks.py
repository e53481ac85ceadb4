"""Drawn networks: every layer that the plan knows, and one that it does not, in odd sizes."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias

import hypothesis.strategies as st
import numpy as np
from hypothesis.vendor.pretty import RepresentationPrinter

from npfacenet.errors import ShapeError
from npfacenet.layers import (
    Array,
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    Layer,
    LocalResponseNorm,
    MaxPool,
    PReLU,
    ReLU,
    ResidualAdd,
    ZeroPadding,
)
from npfacenet.networks import Builder, Network, Outputs, ParameterName
from npfacenet.networks.outputs import Out

Parameters: TypeAlias = dict[ParameterName, Array]
TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "layers"))  # where the table of layer cases is

from layer_cases import CASES  # noqa: E402

OF_THE_TABLE = [case.layer for case in CASES if [len(shape) for shape in case.inputs] == [3]]
"""The layers of one picture in the table of layer cases, a new one included."""
ACTIVATIONS: st.SearchStrategy[Layer] = st.sampled_from([ReLU(), PReLU()])


@dataclass(frozen=True)
class Drawn(Generic[Out]):
    """A network, parameters with statistics of their own, and a batch of pictures."""

    network: Network[Out]
    parameters: Parameters
    images: Array

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """A line for each node: with all its arrays an example would fill pages."""
        printer.text(f"pictures {self.images.shape}")
        for node in self.network.nodes:
            printer.text(f"\n{node.name} = {node.layer} of {', '.join(node.inputs)}")


def paddings(size: tuple[int, int]) -> st.SearchStrategy[object]:
    """Paddings under which a window of this size always sees a pixel."""
    sides = st.tuples(*(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)) for n in size))
    return st.one_of(st.sampled_from(["valid", "same"]), sides)


@st.composite
def convolutions(draw: st.DrawFn, filters: int | None = None) -> Convolution:
    """Windows up to 7x7, square and not, with strides up to 3."""
    square = draw(st.booleans())
    height = draw(st.sampled_from([1, 1, 2, 3, 3, 3, 5, 7]))
    width = height if square else draw(st.sampled_from([1, 2, 3, 7]))
    stride = draw(st.sampled_from([1, 1, 1, 2, 3]))
    strides = (stride, stride) if draw(st.booleans()) else (stride, draw(st.integers(1, 2)))
    filters = draw(st.integers(1, 9)) if filters is None else filters
    padding = draw(paddings((height, width)))
    return Convolution(filters, (height, width), strides, padding, bias=draw(st.booleans()))  # type: ignore[arg-type]  # drawn from what it takes


@st.composite
def one_input_layers(draw: st.DrawFn) -> Layer:
    """A layer of pictures."""
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    stride = draw(st.integers(1, 3))
    padding = draw(paddings(size))
    return draw(
        st.one_of(
            convolutions(),
            convolutions(),
            st.sampled_from(
                [
                    BatchNorm(1e-3),
                    BatchNorm(1e-3, scale=False),
                    ReLU(),
                    ReLU(),
                    PReLU(),
                    Dropout(0.5),
                    LocalResponseNorm(3),
                    ZeroPadding(((1, 2), (0, 1))),
                    MaxPool(size, stride, padding),  # type: ignore[arg-type]  # as above
                    AveragePool(size, stride, padding),  # type: ignore[arg-type]
                    L2Pool(size, stride, padding),  # type: ignore[arg-type]
                ]
            ),
            st.sampled_from(OF_THE_TABLE),
        )
    )


@st.composite
def drawn_networks(draw: st.DrawFn) -> Drawn:
    """A graph of up to a dozen layers, with branches, and a head or none."""
    shape = (draw(st.integers(1, 15)), draw(st.integers(1, 15)), draw(st.integers(1, 5)))
    build = Builder("drawn", input_shape=shape)
    names = [build.input]
    for number in range(draw(st.integers(1, 9))):
        source = draw(st.sampled_from(names[-3:]))
        kind = draw(st.sampled_from(["layer"] * 5 + ["normalised", "sum", "beside"]))
        added = _added(draw, build, source, names, kind, str(number))
        names += [name for name in added if name not in names]
    if draw(st.booleans()) and len(build.shape(names[-1])) == 3:  # the table may have averaged it
        x = build.add("mean", GlobalAveragePool(), names[-1])
        x = build.add("dense", Dense(draw(st.integers(1, 6)), bias=draw(st.booleans())), x)
        x = build.add("dense_norm", BatchNorm(1e-3), x) if draw(st.booleans()) else x
        build.add("unit", L2Normalize(), x) if draw(st.booleans()) else x
    if len(names) == 1 and "mean" not in build._nodes:
        build.add("relu", ReLU(), build.input)
    nodes = list(build._nodes.values())
    read = {name for node in nodes for name in node.inputs}
    ends = [node.name for node in nodes if node.name not in read]
    network = sole_output(build.network(outputs=ends), nodes[-1].name)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    batch = draw(st.integers(1, 5))
    images = rng.standard_normal((batch, *shape), np.float32)
    return Drawn(network, drawn_parameters(network, rng), images)


@st.composite
def several_outputs(draw: st.DrawFn) -> Drawn[Outputs]:
    """Some of the nodes of such a graph, in any order; its size is open where that can be."""
    drawn = draw(drawn_networks())
    names = [node.name for node in drawn.network.nodes]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    network = drawn.network.with_outputs(*chosen)
    if draw(st.booleans()):
        with suppress(ShapeError):  # its margins may not fit at every size
            network = network.with_input_shape((None, None, drawn.images.shape[-1]))
    parameters = {name: drawn.parameters[name] for name in network.parameter_specs()}
    return Drawn(network, parameters, drawn.images)


def _added(
    draw: st.DrawFn, build: Builder, source: str, names: list[str], kind: str, number: str
) -> list[str]:
    """The names of what was added; nothing where shapes do not allow it."""
    try:
        match kind:
            case "layer":
                return [build.add(f"layer{number}", draw(one_input_layers()), source)]
            case "normalised":
                x = build.add(f"conv{number}", draw(convolutions()), source)
                x = build.add(f"norm{number}", BatchNorm(1e-3, scale=draw(st.booleans())), x)
                return [build.add(f"active{number}", draw(ACTIVATIONS), x)]
            case "sum":
                channels = build.channels(source)
                x = build.add(f"residual{number}", Convolution(channels, 1), source)
                x = build.add(
                    f"sum{number}", ResidualAdd(draw(st.sampled_from([0.2, 1.0]))), source, x
                )
                after = (
                    build.add(f"after{number}", draw(ACTIVATIONS), x) if draw(st.booleans()) else x
                )
                return [x, after]
        alike = [n for n in names if build.shape(n)[:-1] == build.shape(source)[:-1]]
        ends = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3))
        row = [build.add(f"one{number}", Convolution(draw(st.integers(1, 4))), source)]
        row.append(build.add(f"other{number}", Convolution(2, 1, padding=0), source))
        return [build.add(f"beside{number}", Concatenate(), *row, *ends)]
    except ShapeError:
        return []


def sole_output(network: Network[Outputs], name: str) -> Network:
    """The part of a network that computes one node."""
    part = network.with_outputs(name)
    return Network(part.name, part.accepted_shape, part.nodes, part.outputs)


def drawn_parameters(network: Network[Outputs], rng: np.random.Generator) -> Parameters:
    """Numbers that leave nothing at its default: negative and zero gammas, shifted statistics."""
    parameters = network.initialise(int(rng.integers(2**32)))
    for (node, name), tensor in parameters.items():
        if name in ("gamma", "alpha"):
            drawn = rng.uniform(-1.5, 1.5, tensor.shape)
            parameters[node, name] = (drawn * (rng.random(tensor.shape) > 0.1)).astype(np.float32)
        elif name == "moving_variance":
            parameters[node, name] = rng.uniform(0.3, 3, tensor.shape).astype(np.float32)
        elif name != "kernel":
            parameters[node, name] = rng.normal(0, 0.5, tensor.shape).astype(np.float32)
    return parameters
