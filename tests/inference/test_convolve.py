"""Every kernel that may serve a convolution computes what the readable layer computes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from drawn_networks import convolutions
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from npfacenet.inference import Plan, convolve
from npfacenet.inference.convolve import ALGORITHMS, Algorithm
from npfacenet.inference.costs import Costs
from npfacenet.inference.im2col import Im2col
from npfacenet.inference.winograd import Winograd
from npfacenet.layers import Array, Convolution, Layer, PReLU, ReLU, Shape, Window
from npfacenet.networks import Builder


def error(
    layer: Convolution,
    images: Array,
    algorithm: Algorithm,
    cores: int,
    activation: Layer = ReLU(),  # noqa: B008  (immutable)
) -> float:
    """The largest difference to the readable path.

    Relative to the largest sum of absolute products: what few products leave of each other where
    they cancel, no order of summation can compute to a share of itself. All taps of the window
    count, also those that only meet zeros around the picture: filtering adds and subtracts them.
    """
    build = Builder("one convolution", input_shape=images.shape[1:])
    build.add("activation", activation, build.add("conv", layer, build.input))
    network = build.network()
    parameters = network.initialise(1)
    if isinstance(activation, PReLU):
        parameters["activation", "alpha"] = np.resize([-0.5, 0, 0.25, 1, 1.5], layer.filters)
    if layer.bias:
        parameters["conv", "bias"] = np.linspace(-1, 1, layer.filters, dtype=np.float32)
    expected = network.forward(parameters, images)
    plan, found = Plan(network, parameters, Costs(worth_sharing=0.0)), np.empty_like(expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolve, "ALGORITHMS", (algorithm,))
        bound = plan.bind(len(images), cores=cores)
    for _ in range(2):
        bound.run(images, found)
    magnitudes = {name: np.abs(tensor) for name, tensor in parameters.items()}
    largest = network.forward(magnitudes, np.abs(images)).max()
    taps = magnitudes["conv", "kernel"].sum(axis=(0, 1, 2)).max()
    return float(np.abs(found - expected).max() / max(largest, taps * np.abs(images).mean()))


def tiles(window: Window) -> list[Algorithm]:
    """All but im2col that may serve a window: they round more."""
    return [one for one in ALGORITHMS if not isinstance(one, Im2col) and one.serves(window)]


def has_nine_points(algorithm: Algorithm, window: Window) -> bool:
    """Whether tiles have nine points or more down or across.

    They amplify rounding 15 times as much as eight do: the largest absolute row sums of the three
    matrices multiply to 18,900 for F(5, 5), and to 1,250 for F(6, 3).
    """
    if not isinstance(algorithm, Winograd):
        return False
    sides = zip(algorithm.tile, window.size, window.stride, strict=True)
    return any(taps > 1 and m - 1 + -(-taps // stride) > 8 for m, taps, stride in sides)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layer=convolutions(), shape=st.tuples(*[st.integers(1, 20)] * 2), data=st.data())
def test_all_kernels_agree(layer: Convolution, shape: tuple[int, int], data: st.DataObject) -> None:
    sides = layer.window.margins(*shape)
    assume(all(n + sum(s) >= k for n, s, k in zip(shape, sides, layer.window.size, strict=True)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    batch, channels = data.draw(st.integers(1, 3)), data.draw(st.sampled_from([1, 3, 8, 33]))
    images = rng.standard_normal((batch, *shape, channels), np.float32)
    cores = data.draw(st.sampled_from([1, 2]))
    activation = data.draw(st.sampled_from([ReLU(), PReLU()]))
    assert error(layer, images, Im2col(), cores, activation) < 1e-6
    for algorithm in tiles(layer.window):
        limit = 2e-5 if has_nine_points(algorithm, layer.window) else 1e-5
        assert error(layer, images, algorithm, cores, activation) < limit


@pytest.mark.parametrize("tile", [(4, 2), (2, 5), (3, 1)])
@pytest.mark.parametrize("size", [3, (1, 3), (5, 2)])
def test_another_size_of_tiles_is_another_line_of_the_table(
    tile: tuple[int, int], size: int | tuple[int, int]
) -> None:
    layer, winograd = Convolution(5, size, padding="same"), Winograd(tile)
    images = np.random.default_rng(3).standard_normal((2, 9, 14, 8), np.float32)
    assert winograd.serves(layer.window)
    for cores in (1, 2):
        assert error(layer, images, winograd, cores) < 1e-5


@pytest.mark.parametrize(
    ("size", "stride"), [(3, 1), (5, 1), ((1, 7), 1), ((7, 1), 1), ((3, 1), 1), (3, 2), (5, 2)]
)
def test_the_accuracy_of_each_tile(size: int | tuple[int, int], stride: int) -> None:
    """Many channels, numbers as behind ReLU."""
    layer = Convolution(32, size, stride, "same")
    images = np.abs(np.random.default_rng(2).standard_normal((1, 24, 24, 96), np.float32))
    choices = tiles(layer.window)
    assert choices
    for tile in choices:
        assert error(layer, images, tile, 1) < 5e-6


@pytest.mark.parametrize(("kernels", "axes"), [("SkylakeX", 5), ("Haswell", 3)])
def test_products_of_filtered_tiles_are_cut_where_it_pays(
    kernels: str, axes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("npfacenet.inference.product.kernels", lambda: kernels)
    monkeypatch.setattr(convolve, "ALGORITHMS", (Winograd((2, 2)),))
    build = Builder("one", input_shape=(12, 12, 256))
    build.add("conv", Convolution(256, 3, padding=1), build.input)
    network = build.network()
    (work,) = Plan(network, network.initialise(0)).bind(1).work
    products = (c for c in work.calls if isinstance(c, partial) and c.func is np.matmul)
    assert max(np.ndim(call.args[1]) for call in products) == axes


def test_what_serves_the_layers_of_the_networks() -> None:
    """The static rule: filtering for 3x3 maps of many channels, im2col where it cannot pay."""
    rng = np.random.default_rng(0)

    def kind(layer: Convolution, shape: Shape, batch: int) -> str:
        build = Builder("one", input_shape=shape)
        build.add("conv", layer, build.input)
        network = build.network()
        plan = Plan(network, network.initialise(int(rng.integers(9))))
        return plan.bind(batch).work[0].kind

    assert kind(Convolution(192, 3, padding=1), (24, 24, 64), 8).startswith("F(")
    assert kind(Convolution(128, (1, 7), padding="same"), (8, 8, 128), 8).startswith("F(1x")
    assert kind(Convolution(64, 7, 2, 3), (96, 96, 3), 8) == "im2col"
    assert kind(Convolution(128, 1), (8, 8, 128), 8) == "1x1"
    assert kind(Convolution(4, 3), (3, 3, 1), 1) == "im2col"
