"""The second teacher: a frozen graph is read, and its constants become a network's parameters."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tool_modules import tool

import npfacenet
from npfacenet.errors import WeightsError
from npfacenet.layers import BatchNorm, Convolution, Dense, GlobalAveragePool, L2Normalize, ReLU
from npfacenet.networks import Builder, Network, NetworkParameters, Outputs, sole

Numbers = npt.NDArray[np.float32]


def number(value: int) -> bytes:
    """A whole number, seven bits a byte."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def part(field: int, content: bytes) -> bytes:
    """A text or a message in a field."""
    return number(field << 3 | 2) + number(len(content)) + content


def whole(field: int, value: int) -> bytes:
    return number(field << 3) + number(value)


def tensor(array: npt.NDArray[np.generic], *, as_floats: bool = False) -> bytes:
    """A tensor as TensorFlow writes it; equal numbers only once."""
    shape = b"".join(part(2, whole(1, size)) for size in array.shape)
    kind = whole(1, 1 if array.dtype == np.float32 else 3)
    same = as_floats and array.size and (array == array.flat[0]).all()
    content = array.ravel()[:1].tobytes() if same else array.tobytes()
    return kind + part(2, shape) + part(5 if as_floats else 4, content)


def node(
    name: str,
    operation: str,
    *inputs: str,
    value: npt.NDArray[np.generic] | None = None,
    as_floats: bool = False,
) -> bytes:
    message = part(1, name.encode()) + part(2, operation.encode())
    message += b"".join(part(3, each.encode()) for each in inputs)
    message += part(5, part(1, b"dtype") + part(2, whole(6, 1)))
    if value is not None:
        message += part(5, part(1, b"value") + part(2, part(8, tensor(value, as_floats=as_floats))))
    return part(1, message)


@pytest.fixture(scope="module")
def graphs() -> ModuleType:
    return tool("frozen_graph")


@given(st.lists(st.integers(1, 4), max_size=4), st.booleans(), st.booleans(), st.integers(0, 99))
def test_what_was_written_is_read(
    shape: list[int], as_floats: bool, equal: bool, seed: int
) -> None:
    graphs = tool("frozen_graph")
    array = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    if equal:
        array[...] = 2.5
    nodes = [
        node("x", "Placeholder"),
        node("a/kernel", "Const", value=array, as_floats=as_floats),
        node("count", "Const", value=np.arange(3)),
        node("y", "Conv2D", "x", "a/kernel"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "graph.pb")
        path.write_bytes(b"".join(nodes) + part(4, b"versions"))
        found = graphs.read_frozen_graph(path)
    assert list(found) == ["x", "a/kernel", "count", "y"]
    assert np.array_equal(found["a/kernel"].value, array)
    assert found["a/kernel"].value.shape == array.shape
    assert found["count"].value is None
    assert found["y"] == graphs.GraphNode("y", "Conv2D", ("x", "a/kernel"))


@pytest.mark.parametrize("content", [b"", b"no graph", part(1, b""), part(3, b"x")])
def test_what_is_not_a_graph_is_told(content: bytes, graphs: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"graph\.pb (cannot be read|holds no node)"):
        graphs.read_frozen_graph(path)
    with pytest.raises(WeightsError, match="cannot be read as a frozen graph"):
        graphs.read_frozen_graph(tmp_path / "none.pb")


@pytest.mark.parametrize("cut", [1, 40, 90])
def test_a_graph_that_is_cut_off_is_told(cut: int, graphs: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(node("a", "Const", value=np.arange(20, dtype=np.float32))[:-cut])
    with pytest.raises(WeightsError, match="cannot be read as a frozen graph"):
        graphs.read_frozen_graph(path)


def small_network() -> Network[Outputs]:
    """The end and a convolution of the recipe, by its names."""
    build = Builder("small", (8, 8, 3))
    x = build.add("Mixed_6a_Branch_1_Conv2d_0a_1x1", Convolution(4, 1, bias=False), build.input)
    x = build.add("Mixed_6a_Branch_1_Conv2d_0a_1x1_BatchNorm", BatchNorm(1e-3, scale=False), x)
    x = build.add("relu", ReLU(), x)
    x = build.add("Block8_6_Conv2d_1x1", Convolution(4), x)
    x = build.add("AvgPool", GlobalAveragePool(), x)
    x = build.add("Bottleneck", Dense(5, bias=False), x)
    x = build.add("Bottleneck_BatchNorm", BatchNorm(1e-3, scale=False), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


def folded(parameters: NetworkParameters, module: ModuleType) -> dict[str, object]:
    """The nodes of a graph in which the first batch norm is folded."""
    layer = "Mixed_6a_Branch_1_Conv2d_0a_1x1"
    scale = 1 / np.sqrt(parameters[f"{layer}_BatchNorm", "moving_variance"] + np.float32(1e-3))
    values = {
        module.constant_name(layer, "kernel"): parameters[layer, "kernel"] * scale,
        module.constant_name(f"{layer}_BatchNorm", "beta"): parameters[f"{layer}_BatchNorm", "beta"]
        - parameters[f"{layer}_BatchNorm", "moving_mean"] * scale,
        "InceptionResnetV1/Bottleneck/BatchNorm/Const": np.ones(5, np.float32),
        "InceptionResnetV1/Block8/mul/x": np.float32(1).reshape(()),
    }
    for name, parameter in parameters:
        if name.startswith(("Bottleneck", "Block8_6")):
            values[module.constant_name(name, parameter)] = parameters[name, parameter]
    node_of = tool("frozen_graph").GraphNode
    return {name: node_of(name, "Const", (), np.float32(value)) for name, value in values.items()}


def random_parameters(network: Network[Outputs]) -> dict[tuple[str, str], Numbers]:
    rng = np.random.default_rng(3)
    specs = network.parameter_specs()
    return {
        name: rng.uniform(0.5, 1.5, spec.shape).astype(np.float32) for name, spec in specs.items()
    }


def test_a_folded_batch_norm_is_undone(rng: np.random.Generator) -> None:
    module, network = tool("second_teacher"), small_network()
    parameters = random_parameters(network)
    found = module.parameters_of(folded(parameters, module), network)
    pictures = rng.normal(size=(3, 8, 8, 3)).astype(np.float32)
    given, meant = (sole(network.forward(each, pictures)) for each in (found, parameters))
    np.testing.assert_allclose(given, meant, atol=1e-5)


def test_each_constant_has_its_parameter() -> None:
    module, network = tool("second_teacher"), small_network()
    graph = folded(random_parameters(network), module)
    extra = {**graph, "more": tool("frozen_graph").GraphNode("more", "Const", (), np.ones(2, "f4"))}
    with pytest.raises(WeightsError, match="no place for the constant more"):
        module.parameters_of(extra, network)
    name = module.constant_name("Bottleneck", "kernel")
    without = {key: value for key, value in graph.items() if key != name}
    with pytest.raises(WeightsError, match="has no constant for Bottleneck/kernel"):
        module.parameters_of(without, network)
    wrong = {
        **graph,
        name: tool("frozen_graph").GraphNode(name, "Const", (), np.ones((4, 6), "f4")),
    }
    with pytest.raises(WeightsError, match=r"has one of shape \(4, 6\) for Bottleneck/kernel"):
        module.parameters_of(wrong, network)


def test_the_file_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tool("second_teacher")
    fetched = []

    def fetch(weights: object, *, folder: Path, progress: object) -> Path:
        fetched.append(weights)
        folder.mkdir(parents=True)
        (folder / "graph_final.pb").write_bytes(b"graph")
        return folder / "graph_final.pb"

    whole_model = npfacenet.load()
    monkeypatch.setattr(module, "fetch_public", fetch)
    monkeypatch.setattr(module, "read_frozen_graph", lambda path: {})
    monkeypatch.setattr(module, "model_of", lambda graph: whole_model)
    path = module.second_teacher(tmp_path / "teachers")
    assert path == module.second_teacher(tmp_path / "teachers")
    assert fetched == [module.GRAPH]
    assert list(path.parent.iterdir()) == [path]
    assert npfacenet.load(path).card.outputs == 128


def test_names_of_the_graph() -> None:
    name = tool("second_teacher").constant_name
    scope = "InceptionResnetV1"
    assert name("Conv2d_1a_3x3", "kernel") == f"{scope}/Conv2d_1a_3x3/weights"
    assert name("Block35_2_Conv2d_1x1", "bias") == f"{scope}/Repeat/block35_2/Conv2d_1x1/biases"
    assert name("Block8_6_Branch_1_Conv2d_0b_1x3_BatchNorm", "beta") == (
        f"{scope}/Block8/Branch_1/Conv2d_0b_1x3/Conv2D_bn_offset"
    )
    assert name("Bottleneck_BatchNorm", "beta") == f"{scope}/Bottleneck/BatchNorm/beta"
