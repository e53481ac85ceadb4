"""Networks of one's own, from writing them down to loading them in a process that knows nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest
from old_files import without_graph

import npfacenet
from npfacenet.checkpoints.native import NETWORK, write_native
from npfacenet.errors import ArgumentError, EmbeddingError, ShapeError, WeightsError
from npfacenet.inference import Plan
from npfacenet.layers import (
    Array,
    Convolution,
    Dense,
    GlobalAveragePool,
    L2Normalize,
    Layer,
    Parameters,
    PReLU,
    Shape,
)
from npfacenet.models import Model
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.recipes import npfacenet_small
from npfacenet.recipes.preparation import CENTRAL_SQUARE

FINGERPRINT = "b0c34dc2744931ec"
"""The first digits of the fingerprint of npfacenet-small with the parameters of `counted`."""


def test_three_outputs_at_200x120_pixels_in_ten_lines(tmp_path: Path) -> None:
    build = Builder("three", input_shape=(None, None, 3))
    x = build.add("conv", Convolution(8, 3, stride=2, padding="same"), build.input)
    heads = [build.add(f"head{n}", Convolution(n, 1), x) for n in (1, 4, 10)]
    network = build.network(outputs=heads)
    parameters, images = network.initialise(seed=0), np.ones((2, 200, 120, 3), np.float32)
    trace = network.trace(parameters, images)
    _, tape = network.forward_saving(parameters, images)
    _, gradients = network.backward(parameters, tape, {h: trace[h] - 1 for h in heads[:2]})
    Model.of(network, parameters).save(tmp_path / "three.h5")
    planned = npfacenet.load(tmp_path / "three.h5").plan.run(images)

    assert isinstance(planned, dict)
    assert list(planned) == heads
    for name in heads:
        assert planned[name].shape == (2, 100, 60, int(name[4:]))
        np.testing.assert_allclose(planned[name], trace[name], atol=1e-5)
        assert bool(gradients[name, "kernel"].any()) == (name in heads[:2])
    assert gradients["conv", "kernel"].any()


def own_network(name: str = "own", *, layer: Layer | None = None, stride: int = 2) -> Network:
    build = Builder(name, input_shape=(24, 24, 3))
    x = build.add("conv", Convolution(8, 3, stride), build.input)
    x = build.add("slope", PReLU() if layer is None else layer, x)
    x = build.add("mean", GlobalAveragePool(), x)
    x = build.add("dense", Dense(16), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


def saved(folder: Path, network: Network[Outputs], seed: int = 0) -> Path:
    path = folder / f"{network.name}.h5"
    Model.of(network, network.initialise(seed), source="drawn").save(path)
    return path


PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
CODE = """
import sys, json, npfacenet, numpy as np
model = npfacenet.load(sys.argv[1], untrusted=sys.argv[2] == "untrusted")
picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
print(json.dumps([model.fingerprint, model.embed(picture).values.tolist()]))
"""


@pytest.mark.parametrize("how", ["trusted", "untrusted"])
def test_a_process_that_knows_nothing_of_the_network_loads_it(how: str, tmp_path: Path) -> None:
    network = own_network()
    path = saved(tmp_path, network)
    here = npfacenet.load(path, untrusted=how == "untrusted")
    assert here.network == network
    assert (here.card.architecture, here.card.outputs, here.card.input_size) == ("own", 16, 24)
    answer = subprocess.run(
        [sys.executable, "-c", CODE, str(path), how], capture_output=True, check=True
    )
    fingerprint, values = json.loads(answer.stdout)
    assert fingerprint == here.fingerprint
    np.testing.assert_array_equal(np.float32(values), here.embed(PICTURE).values)


def test_parameters_that_were_released_are_read_again(tmp_path: Path) -> None:
    model = npfacenet.load(saved(tmp_path, own_network()))
    model.embed(PICTURE)
    assert model.parameters["dense", "kernel"].shape == (8, 16)


def test_networks_that_differ_in_a_hyperparameter_have_other_fingerprints() -> None:
    """Same name, same parameters, another stride: other embeddings."""
    one, other = own_network(stride=2), own_network(stride=3)
    parameters = one.initialise(0)
    models = [Model.of(network, parameters) for network in (one, other)]
    assert models[0].fingerprint != models[1].fingerprint
    assert Model.of(own_network(), parameters).fingerprint == models[0].fingerprint


@pytest.mark.parametrize("described", [True, False], ids=["described", "not described"])
def test_the_packaged_network_keeps_its_fingerprint(described: bool, tmp_path: Path) -> None:
    """Whether or not the file describes the network, and if saved again, it is the same model."""
    model = npfacenet.load()
    model.save(tmp_path / "again.h5", half=True)
    if not described:
        without_graph(tmp_path / "again.h5")
    again = npfacenet.load(tmp_path / "again.h5")
    assert again.card == model.card
    for preparation in (model.card.preparation, CENTRAL_SQUARE):
        assert again.fingerprint_of(preparation) == model.fingerprint_of(preparation)
    crops = replace(model, card=model.card.with_preparation(CENTRAL_SQUARE))
    assert crops.fingerprint == model.fingerprint_of(CENTRAL_SQUARE)


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    """What was enrolled with an earlier version is still compared."""
    network = npfacenet_small()
    model = Model.of(network, counted(network), preprocessing="prewhiten")
    assert model.fingerprint.startswith(FINGERPRINT)


def counted(network: Network[Outputs]) -> dict[tuple[str, str], Array]:
    """Parameters that no generator draws and no training changes: 0, 1/256, ..., 255/256, 0, ..."""
    return {
        name: (np.arange(one.size, dtype=np.float32) % 256 / 256).reshape(one.shape)
        for name, one in network.initialise(0).items()
    }


def with_graph(path: Path, change: str, to: str) -> Path:
    """The file with other words in its graph, and with the checksum of those."""
    with h5py.File(path, "r+") as file:
        before = bytes(file[NETWORK][()])
        text = before.replace(change.encode(), to.encode())
        assert text != before
        for name in (NETWORK, f"{NETWORK}_sha256"):
            del file[name]
        file[NETWORK] = np.frombuffer(text, np.uint8)
        file[f"{NETWORK}_sha256"] = np.frombuffer(sha256(text).hexdigest().encode(), np.uint8)
    return path


@pytest.mark.parametrize("untrusted", [False, True])
@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ('"PReLU"', '"Swish"', r"own\.h5: .*'slope': no layer is called 'Swish'.*register_layer"),
        ('"filters": 8', '"filters": 0', r"'conv': .*filters"),
        ('"filters": 8', '"filters": 9', "mis-shaped"),
        ('"inputs": ["conv"]', '"inputs": ["later"]', "unknown inputs"),
        ('"outputs": ["embedding"]', '"outputs": ["dense"]', "no output needs embedding"),
        ('"input_shape": [24, 24', '"input_shape": [25, 25', "card states pictures of 24"),
        ('{"name": "own"', '["name": "own"', "'network' is not JSON"),
    ],
    ids=["unknown layer", "no filters", "other filters", "order", "unneeded", "size", "syntax"],
)
def test_a_graph_that_is_not_a_network_is_refused(
    untrusted: bool, change: str, to: str, said: str, tmp_path: Path
) -> None:
    path = with_graph(saved(tmp_path, own_network()), change, to)
    with pytest.raises(WeightsError, match=said):
        npfacenet.load(path, untrusted=untrusted)


def with_card(path: Path, **values: object) -> Path:
    """The file with other values in its card, and with the checksum of that."""
    with h5py.File(path, "r+") as file:
        text = json.dumps({**json.loads(bytes(file["card"][()])), **values}).encode()
        for name in ("card", "card_sha256"):
            del file[name]
        file["card"] = np.frombuffer(text, np.uint8)
        file["card_sha256"] = np.frombuffer(sha256(text).hexdigest().encode(), np.uint8)
    return path


@pytest.mark.parametrize("untrusted", [False, True])
@pytest.mark.parametrize(
    ("network", "values", "said"),
    [
        ("embedding", {"outputs": 9}, "9 outputs, where own has 16"),
        ("map", {"purpose": "embedding"}, r"vectors of 4 numbers .* gives \(2[24], 2[24], 4\)"),
        ("heads", {"purpose": "embedding"}, r"vectors of 2 .*, \(2[24], 2[24], 1\)"),
        ("heads", {"outputs": 7}, "7 outputs, where map has 2"),
        ("embedding", {"architecture": ""}, "architecture cannot be ''"),
    ],
)
def test_a_card_that_the_network_gives_the_lie_is_refused(
    network: str, values: dict[str, object], said: str, untrusted: bool, tmp_path: Path
) -> None:
    build = Builder("map", (24, 24, 3))
    conv = build.add("conv", Convolution(4, 3), build.input)
    score = build.add("score", Convolution(1), conv)
    heads = build.network(outputs=[conv, score])
    chosen = {"embedding": own_network(), "map": heads.with_outputs(conv), "heads": heads}[network]
    path = with_card(saved(tmp_path, chosen), **values)
    with pytest.raises(WeightsError, match=said):
        npfacenet.load(path, untrusted=untrusted)


@pytest.mark.parametrize("path", [None, 5, b"own.h5"])
def test_a_model_is_saved_to_a_path(path: object) -> None:
    model = Model.of(own_network(), own_network().initialise(0))
    with pytest.raises(ArgumentError, match="a model is saved to the path of a file, not to "):
        model.save(path)  # type: ignore[arg-type]  # that is what is tested


def test_a_graph_that_was_changed_is_not_what_was_written(tmp_path: Path) -> None:
    path = saved(tmp_path, own_network())
    with h5py.File(path, "r+") as file:
        file[NETWORK][5] = ord("x")
    with pytest.raises(WeightsError, match="'network' is not what was written"):
        npfacenet.load(path)


def test_a_file_under_the_name_of_our_network_that_holds_another_is_refused(tmp_path: Path) -> None:
    network = npfacenet_small()
    model = Model.of(network, network.initialise(0), preprocessing="prewhiten")
    model.save(tmp_path / "w.h5")
    path = with_graph(tmp_path / "w.h5", '"epsilon": 0.001', '"epsilon": 0.5')
    with pytest.raises(WeightsError, match=r"is not npfacenet-small .* as it is here"):
        npfacenet.load(path)


@pytest.mark.parametrize("untrusted", [False, True])
@pytest.mark.parametrize("network", [npfacenet_small(), own_network()], ids=["ours", "own"])
def test_a_hyperparameter_with_a_default_may_be_missing_in_a_file(
    network: Network[Outputs], untrusted: bool, tmp_path: Path
) -> None:
    """As in files that were written before the layer had it."""
    path = with_graph(saved(tmp_path, network), '"epsilon": 1e-12', "")
    assert npfacenet.load(path, untrusted=untrusted).network == network


def test_a_layer_of_one_s_own_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Unregistered(Layer):
        def output_shape(self, *inputs: Shape) -> Shape:
            return self.one_input(*inputs)

        def forward(self, parameters: Parameters, *inputs: Array) -> Array:
            return inputs[0]

    with pytest.raises(ArgumentError, match=r"Unregistered is not registered.*register_layer"):
        saved(tmp_path, own_network(layer=Unregistered()))
    assert list(tmp_path.iterdir()) == []


def test_a_network_for_detection_is_loaded_and_does_not_embed(tmp_path: Path) -> None:
    build = Builder("finder", input_shape=(None, None, 3))
    x = build.add("conv", Convolution(4, 3), build.input)
    network = build.network(outputs=[x, build.add("score", Convolution(1), x)])
    model = npfacenet.load(saved(tmp_path, network))
    assert (model.card.purpose, model.card.outputs, model.card.input_size) == ("detection", 2, 0)
    assert "any size to 2 outputs" in repr(model)
    with pytest.raises(EmbeddingError, match="finder is a network for detection, not for embed"):
        model.embed(PICTURE)


def test_an_embedding_of_pictures_of_any_size_says_that_it_needs_one(tmp_path: Path) -> None:
    network = own_network().with_input_shape((None, None, 3))
    model = npfacenet.load(saved(tmp_path, network))
    with pytest.raises(EmbeddingError, match="takes pictures of any size, and its card"):
        model.embed(PICTURE)
    fixed = Model.of(network.with_input_shape((24, 24, 3)), model.parameters)
    assert fixed.embed(PICTURE).values.shape == (1, 16)
    assert Plan(network, model.parameters).run(np.ones((1, 40, 30, 3), "f4")).shape == (1, 16)


def test_what_is_not_a_network_or_not_its_parameters_is_refused() -> None:
    with pytest.raises(ArgumentError, match="made of a Network"):
        Model.of(None, {})  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(ShapeError, match="own lacks"):
        Model.of(own_network(), {})
    with pytest.raises(ArgumentError, match="prewhiten"):
        Model.of(own_network(), own_network().initialise(0), preprocessing="other")


def test_an_old_file_of_a_network_in_no_catalogue_is_refused(tmp_path: Path) -> None:
    network = own_network()
    card = replace(npfacenet.load().card, architecture="own", outputs=16, input_size=24)
    write_native(tmp_path / "w.h5", network, network.initialise(0), card)
    without_graph(tmp_path / "w.h5")
    with pytest.raises(WeightsError, match="its card states 'own' with 16 numbers"):
        npfacenet.load(tmp_path / "w.h5")
