"""The detectors' networks: counts, shapes, gradients, both paths, and YuNet's numbers elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from npfacenet.errors import ShapeError
from npfacenet.faces import Mtcnn, Yunet
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.layers import MaxPool
from npfacenet.networks import Network, Outputs, summarise
from npfacenet.networks.outputs import by_name
from npfacenet.recipes.finder import HEADS as FINDER_HEADS
from npfacenet.recipes.finder import npfacenet_finder
from npfacenet.recipes.mtcnn import onet, pnet, rnet
from npfacenet.recipes.yunet import HEADS as YUNET_HEADS
from npfacenet.recipes.yunet import STRIDES, yunet


def test_how_many_numbers() -> None:
    assert [count(network()) for network in (pnet, rnet, onet)] == [6_632, 100_178, 389_040]
    assert sum(count(network()) for network in (pnet, rnet, onet)) == 495_850
    assert count(yunet()) == 73_840
    assert count(npfacenet_finder()) <= 200_000


def test_any_numbers_of_the_finder_make_a_small_file(finder_file: Path) -> None:
    assert finder_file.stat().st_size <= 450_000


def count(network: Network[Outputs]) -> int:
    return sum(spec.size for spec in network.parameter_specs().values())


def test_yunet_is_as_small_as_it_is_known_to_be() -> None:
    """Published: 149 million operations at 320x320, biases, ReLU and pooling included."""
    summary = summarise(yunet().with_input_shape((320, 320, 3)))
    assert 134e6 < summary.multiply_adds < 149e6


def test_pnet_gives_a_window_for_every_second_pixel() -> None:
    for height, width in ((12, 12), (13, 12), (14, 12), (30, 41)):
        shapes = pnet().shapes((height, width, 3))
        rows, columns = -(-(height - 2) // 2) - 4, -(-(width - 2) // 2) - 4
        assert shapes["probability"] == (rows, columns, 2)
        assert shapes["box"] == (rows, columns, 4)
    with pytest.raises(ShapeError, match="does not fit"):
        pnet().shapes((8, 12, 3))


def test_rnet_and_onet_see_one_window() -> None:
    assert rnet().output_shapes == {"probability": (1, 1, 2), "box": (1, 1, 4)}
    assert onet().output_shapes["landmarks"] == (1, 1, 10)


@pytest.mark.parametrize("build", [pnet, rnet, onet], ids=["pnet", "rnet", "onet"])
def test_pooling_includes_the_last_incomplete_window(build: Callable[[], Network[Outputs]]) -> None:
    """Ceil mode: the positions are ceil((side - window) / stride) + 1, without padding before."""
    network = build()
    sizes = range(12, 40) if None in network.accepted_shape else network.input_shape[:1]
    for side in sizes:
        shapes = network.shapes((side, side, 3))
        for node in network.nodes:
            if isinstance(node.layer, MaxPool):
                window = node.layer.window
                before = shapes[node.inputs[0]][0]
                expected = -(-(before - window.size[0]) // window.stride[0]) + 1
                assert shapes[node.name][0] == expected
                assert window.margins(before, before)[0][0] == 0


CELLS = {"yunet": (yunet, YUNET_HEADS), "finder": (npfacenet_finder, FINDER_HEADS)}


@pytest.mark.parametrize(("build", "heads"), CELLS.values(), ids=CELLS)
def test_every_cell_predicts_a_face(
    build: Callable[[], Network[Outputs]], heads: dict[str, int]
) -> None:
    network = build()
    shapes = network.shapes((96, 64, 3))
    assert set(network.outputs) == {f"{name}_{stride}" for name in heads for stride in STRIDES}
    for stride in STRIDES:
        for name, numbers in heads.items():
            assert shapes[f"{name}_{stride}"] == (96 // stride, 64 // stride, numbers)
    with pytest.raises(ShapeError, match="sum_"):
        network.shapes((80, 64, 3))


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (160, 128)], ids=str)
def test_the_finder_on_a_compiled_plan_is_the_readable_path(
    size: tuple[int, int], rng: np.random.Generator
) -> None:
    """With moving statistics of their own, as after training."""
    network = npfacenet_finder()
    parameters = network.initialise(5)
    for (_, kind), values in parameters.items():
        if kind in ("moving_mean", "beta", "bias"):
            values[:] = rng.normal(0, 0.1, values.shape)
        elif kind in ("moving_variance", "gamma"):
            values[:] = rng.uniform(0.5, 2, values.shape)
    ready = ReadyNetwork(network, parameters)
    images = rng.uniform(-1, 1, (2, *size, 3)).astype(np.float32)
    expected = by_name(network.forward(parameters, images), network.outputs)
    for threads in (1, 2):
        outputs = ready.run(images, threads)
        assert outputs.keys() == expected.keys()
        for name, output in outputs.items():
            tolerance = 5e-5 * np.abs(expected[name]).max()  # tiles of Winograd F(4x4)
            np.testing.assert_allclose(output, expected[name], atol=tolerance, rtol=0)


def test_yunet_gives_the_numbers_of_onnx_runtime(reference_folder: Path, yunet: Yunet) -> None:
    """On both paths; the maps there are rows of cells."""
    reference = np.load(reference_folder / "yunet_n.npz")
    images = reference["input_uint8"][..., ::-1].astype(np.float32)
    network, parameters = yunet.network.network, yunet.network.parameters
    readable = by_name(network.forward(parameters, images), network.outputs)
    for outputs in (readable, yunet.network.run(images)):
        assert set(outputs) == set(reference.files) - {"input_uint8"}
        for name, output in outputs.items():
            expected = reference[name]
            np.testing.assert_allclose(output.reshape(expected.shape), expected, atol=1e-4, rtol=0)


def test_mtcnn_on_compiled_plans_is_the_readable_path(
    mtcnn: Mtcnn, rng: np.random.Generator
) -> None:
    for ready, side in ((mtcnn.pnet, 37), (mtcnn.rnet, 24), (mtcnn.onet, 48)):
        images = rng.uniform(-1, 1, (3, side, side, 3)).astype(np.float32)
        expected = by_name(ready.network.forward(ready.parameters, images), ready.network.outputs)
        for name, output in ready.run(images).items():
            tolerance = 1e-5 * np.abs(expected[name]).max()
            np.testing.assert_allclose(output, expected[name], atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("build", "side"),
    [(pnet, 16), (rnet, 24), (onet, 48), (yunet, 32), (npfacenet_finder, 32)],
    ids=["pnet", "rnet", "onet", "yunet", "finder"],
)
def test_gradients_flow_to_every_parameter_and_the_picture(
    build: Callable[[], Network[Outputs]], side: int
) -> None:
    """A step against the gradient of a sum of squares makes it smaller."""
    network = build()
    parameters = {name: p.astype(np.float64) for name, p in network.initialise(2).items()}
    images = np.random.default_rng(3).uniform(-1, 1, (2, side, side, 3))

    def loss(outputs: Outputs) -> float:
        return sum(float((y**2).sum()) / 2 for y in by_name(outputs, network.outputs).values())

    outputs, tape = network.forward_saving(parameters, images, training=False, to_image=True)
    to_image, gradients = network.backward(parameters, tape, by_name(outputs, network.outputs))
    specs = network.parameter_specs()
    assert gradients.keys() == {name for name, spec in specs.items() if spec.trainable}
    assert to_image is not None
    assert np.abs(to_image).max() > 0
    length = sum(float((g**2).sum()) for g in gradients.values())
    step = 1e-7 / np.sqrt(length)
    stepped = parameters | {name: parameters[name] - step * g for name, g in gradients.items()}
    falls = (loss(outputs) - loss(network.forward(stepped, images))) / step
    assert falls == pytest.approx(length, rel=1e-3)
