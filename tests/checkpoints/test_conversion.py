"""What each layout is called, what it has room for, and in which order Keras reads it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from npfacenet.cards import derived_card
from npfacenet.checkpoints.conversion import (
    SUFFIXES,
    WRITABLE,
    require_layout,
    require_target,
    unstored_choices,
    write_checkpoint,
)
from npfacenet.commands.main import main
from npfacenet.errors import ArgumentError, OutputError
from npfacenet.networks import Network
from npfacenet.recipes import RECIPES, inception_resnet_v1, nn4_small2, npfacenet_small
from npfacenet.testing.weight_files import tiny_network

NETWORKS = {
    "nn4.small2": nn4_small2(),
    "inception-resnet-v1": inception_resnet_v1(),
    "npfacenet-small": npfacenet_small(),
}


@pytest.mark.parametrize(
    ("layout", "good", "bad"),
    [
        ("npfacenet", "a.h5 a.hdf5 A.H5 a.weights.h5", "a.onnx a a.h5.bak a.pb .h5 h5 a.keras"),
        ("keras2-weights", "a.h5 a.hdf5 a.b.h5", "a.onnx a a.keras a.weights.h5 a.H5 .hdf5"),
        ("keras3-weights", "a.weights.h5 a.b.weights.h5", "a.h5 a.onnx a.WEIGHTS.h5 .weights.h5"),
    ],
)
def test_a_file_is_called_as_its_layout_is(
    layout: str, good: str, bad: str, tmp_path: Path
) -> None:
    network = tiny_network()
    card = derived_card(RECIPES[0], 6, Path("drawn"))
    for name in good.split():
        require_layout(Path(name), layout)
    for name in bad.split():
        with pytest.raises(ArgumentError, match=r"NAME\.") as told:
            require_target(tmp_path / name, layout)
        assert repr(str(tmp_path / name)) in str(told.value)
        with pytest.raises(ArgumentError, match=r"NAME\."):
            write_checkpoint(tmp_path / name, network, {}, card, layout=layout)
    assert list(tmp_path.iterdir()) == []


def test_a_target_can_be_written_to(tmp_path: Path) -> None:
    require_target(tmp_path / "a.h5")
    with pytest.raises(OutputError, match="nowhere"):
        require_target(tmp_path / "nowhere" / "a.h5")


def test_evaluate_refuses_the_suffix_before_it_reads_anything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["evaluate", "lfw", "--images", "nowhere", "--pairs", "nowhere", "--calibrate", "0.1"]
    assert main([*command, "--save", "mine.onnx"]) == 2
    assert "'mine.onnx' cannot be a file of the layout npfacenet" in capsys.readouterr().err


def test_choices_without_room_are_told() -> None:
    for recipe in RECIPES:
        card = derived_card(recipe, 96, Path("drawn"))
        for layout in WRITABLE:
            stored = layout == "npfacenet"
            expected = {"variant": "openface"} if recipe.variant == "openface" else {}
            assert unstored_choices(card, layout) == ({} if stored else expected)
            scaling = "unit" if recipe.preprocessing == "fixed" else "fixed"
            other = replace(card, preprocessing=scaling)
            expected = {**expected, "preprocessing": scaling}
            assert unstored_choices(other, layout) == ({} if stored else expected)


def written(network: Network, layout: str, folder: Path) -> Path:
    path = folder / f"w{SUFFIXES[layout][0]}"
    # Given in an order of no meaning, as a dict that somebody changed is.
    specs = sorted(network.parameter_specs().items(), reverse=True)
    parameters = {name: np.broadcast_to(np.float32(1), spec.shape) for name, spec in specs}
    write_checkpoint(path, network, parameters, derived_card(RECIPES[0], 6, path), layout=layout)
    return path


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_layers_stand_in_the_order_of_keras_model(network: Network, tmp_path: Path) -> None:
    """For real in tests/with_keras; here by what the order must obey."""
    distance: dict[str, int] = {network.nodes[-1].name: 0}
    for node in reversed(network.nodes):
        for name in node.inputs:
            distance[name] = max(distance.get(name, 0), distance[node.name] + 1)
    with h5py.File(written(network, "keras2-weights", tmp_path)) as file:
        layers = [name.decode() for name in file.attrs["layer_names"]]
        assert file.attrs["keras_version"].startswith("2.")
        assert file.attrs["backend"] == "tensorflow"
        for layer in layers:
            names = [name.decode() for name in file[layer].attrs["weight_names"]]
            expected = [
                name for name in ("kernel", "bias", "gamma", "beta", "moving_mean",
                                  "moving_variance")
                if (layer, name) in network.parameter_specs()
            ]  # fmt: skip
            assert names == [f"{layer}/{name}:0" for name in expected]
            assert all(name in file[layer] for name in names)
    far_first = [distance[layer] for layer in layers]
    assert far_first == sorted(far_first, reverse=True)
    created = [node.name for node in network.nodes]
    for one, two in pairwise(layers):
        if distance[one] == distance[two]:
            assert created.index(one) < created.index(two)
    assert set(layers) == {layer for layer, _ in network.parameter_specs()}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_file_for_keras_3_has_all_groups_that_its_first_versions_ask_for(
    network: Network, tmp_path: Path
) -> None:
    with h5py.File(written(network, "keras3-weights", tmp_path)) as file:
        assert isinstance(file["vars"], h5py.Group)
        assert len(file["vars"]) == 0
        numbers = {name: len(group["vars"]) for name, group in file["layers"].items()}
    kinds = [name.rstrip("0123456789_") for name in numbers]
    layers = [node for node in network.nodes if node.parameters]
    assert len(numbers) == len(layers)
    assert sum(numbers.values()) == len(network.parameter_specs())
    for kind in set(kinds):
        expected = [kind, *(f"{kind}_{i}" for i in range(1, kinds.count(kind)))]
        assert {name for name in numbers if name.rstrip("0123456789_") == kind} == set(expected)


def test_numbers_are_stored_as_they_are(tmp_path: Path) -> None:
    network = tiny_network()
    card, path = derived_card(RECIPES[0], 6, tmp_path), tmp_path / "w.h5"
    write_checkpoint(path, network, network.initialise(0), card, layout="keras2-weights")
    with h5py.File(path) as file:
        for (layer, name), tensor in network.initialise(0).items():
            np.testing.assert_array_equal(file[f"{layer}/{layer}/{name}:0"], tensor)
