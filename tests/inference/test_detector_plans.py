"""Plans of detectors' networks compute what the readable path does, at any size."""

from __future__ import annotations

import numpy as np
import pytest

from npfacenet.inference import Costs, Plan
from npfacenet.layers import BatchNorm, DepthwiseConvolution, MaxPool, ReLU
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.networks.outputs import by_name
from npfacenet.recipes.mtcnn import onet, pnet, rnet
from npfacenet.recipes.yunet import yunet

SIZES = {
    "yunet": [(32, 32), (64, 96), (160, 32), (224, 352)],
    "mtcnn-pnet": [(12, 12), (13, 40), (97, 60), (240, 131)],
    "mtcnn-rnet": [(24, 24)],
    "mtcnn-onet": [(48, 48)],
}


def drawn(network: Network[Outputs]) -> dict[tuple[str, str], np.ndarray]:
    """Parameters with biases, so that what lies around the pictures matters."""
    rng = np.random.default_rng(1)
    return {
        name: tensor if name[1] == "kernel" else rng.normal(0, 0.5, tensor.shape).astype(np.float32)
        for name, tensor in network.initialise(0).items()
    }


@pytest.mark.parametrize("build", [yunet, pnet, rnet, onet])
@pytest.mark.parametrize("costs", [Costs(), Costs(worth_sharing=0.0, cache=1 << 12, run=1 << 7)])
def test_detectors(build: object, costs: Costs) -> None:
    network: Network[Outputs] = build()  # type: ignore[operator]
    parameters = drawn(network)
    plan = Plan(network, parameters, costs)
    for height, width in SIZES[network.name]:
        for batch, threads in ((1, 1), (1, 2), (3, 2)):
            rng = np.random.default_rng(height + width)
            images = rng.uniform(-1, 1, (batch, height, width, 3)).astype(np.float32)
            expected = by_name(network.forward(parameters, images), network.outputs)
            for _ in range(2):
                found = by_name(plan.run(images, threads=threads), network.outputs)
                for name, output in expected.items():
                    largest = max(np.abs(output).max(), 1e-3)
                    assert np.abs(found[name] - output).max() < 5e-5 * largest, name


@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
@pytest.mark.parametrize("channels", [1, 5, 64])
def test_depthwise_units_become_one_operation(stride: int | tuple[int, int], channels: int) -> None:
    """Batch norm and ReLU go into the convolution, and bias and ReLU behind the pooling."""
    build = Builder("unit", input_shape=(21, 37, channels))
    x = build.add("conv", DepthwiseConvolution(3, stride, "same"), build.input)
    x = build.add("active", ReLU(), build.add("norm", BatchNorm(1e-3), x))
    build.add("pool", MaxPool(2), x)
    network = build.network()
    rng = np.random.default_rng(0)
    parameters = {
        name: rng.uniform(0.3, 1.5, tensor.shape).astype(np.float32) * (-1) ** (name[1] == "gamma")
        for name, tensor in network.initialise(0).items()
    }
    plan = Plan(network, parameters)
    assert [work.kind for work in plan.bind(2).work] == ["depthwise", "max pooling"]
    images = rng.standard_normal((2, 21, 37, channels), np.float32)
    expected = network.forward(parameters, images)
    for threads in (1, 2):
        np.testing.assert_allclose(plan.run(images, threads=threads), expected, atol=2e-5)
