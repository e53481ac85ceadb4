"""The plan computes what the readable path computes: each layer of the table, in small networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from closeness import IN_SMALL_PIECES, assert_close, tolerance
from drawn_networks import drawn_parameters  # makes the table of layer cases importable
from layer_cases import CASES, Case

from npfacenet.inference import Plan
from npfacenet.inference.costs import Costs
from npfacenet.layers import BatchNorm, Concatenate, Convolution, Dense, ReLU
from npfacenet.networks import Builder


def alone(_: Builder, x: str) -> str:
    return x


def normalised(build: Builder, x: str) -> str:
    """A kernel may take in what follows it."""
    return build.add("relu", ReLU(), build.add("norm", BatchNorm(1e-3), x))


def beside(build: Builder, x: str) -> str:
    """The layer writes to memory with gaps."""
    narrow = Convolution(2) if len(build.shape(x)) == 3 else Dense(2)
    return build.add("beside", Concatenate(), build.add("narrow", narrow, x), x)


def inputs(build: Builder, case: Case) -> list[str]:
    """The picture, or a convolution of it for each of several inputs."""
    if len(case.inputs) == 1:
        return [build.input]
    return [
        build.add(f"conv{i}", Convolution(shape[-1]), build.input)
        for i, shape in enumerate(case.inputs)
    ]


@pytest.mark.parametrize("costs", [Costs(worth_sharing=0.0), IN_SMALL_PIECES], ids=["", "pieces"])
@pytest.mark.parametrize("after", [alone, normalised, beside])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_layer_of_the_table(
    case: Case, after: Callable[[Builder, str], str], costs: Costs, rng: np.random.Generator
) -> None:
    build = Builder("one layer", input_shape=case.inputs[0])
    x = build.add("layer", case.layer, *inputs(build, case))
    if after is beside and len(build.shape(x)) == 2:
        pytest.skip("nothing lies beside a matrix")
    after(build, x)
    network = build.network()
    parameters = drawn_parameters(network, rng)
    images = rng.standard_normal((3, *case.inputs[0]), np.float32)
    expected = network.forward(parameters, images)
    plan = Plan(network, parameters, costs)
    for cores in (1, 2):
        bound, output = plan.bind(len(images), cores=cores), np.empty_like(expected)
        for _ in range(2):
            bound.run(images, output)
            assert_close(output, expected, tolerance(plan, images))
