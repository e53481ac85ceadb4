"""One parameter, one tensor: other people's names are read, and second ones refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras2_files import write_keras2

from npfacenet.checkpoints.container import Container
from npfacenet.checkpoints.csv_folder import CsvFolder
from npfacenet.checkpoints.keras3 import write_keras3_weights
from npfacenet.checkpoints.layout import Layout, Tensor
from npfacenet.checkpoints.matching import match
from npfacenet.checkpoints.openface_csv import BATCH_NORM, OTHERS, OpenfaceCsv
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.layers import Shape
from npfacenet.networks import Network, Outputs, ParameterName
from npfacenet.recipes import inception_resnet_v1, nn4_small2, npfacenet_small, recipes
from npfacenet.testing.weight_files import TINY, tiny_network, whole_weight_file


def tiny_file(folder: Path, layout: str) -> Path:
    path = folder / "tiny.h5"
    path.write_bytes(whole_weight_file(layout))
    return path


def deepface_name(layer: str) -> str:
    """As its code has it: Block17_1 to 10 and Block8_1 to 5, not Block8_6."""
    found = re.match(r"(Block17|Block8)_(\d+)_Branch_1_", layer)
    if found is None or found[0] == "Block8_6_Branch_1_":
        return layer
    return layer.replace("_Branch_1_", f"_Branch_{found[2]}_")


class Listed(Layout):
    """A file of which only names and shapes are looked at."""

    name: ClassVar[str] = "listed"

    def __init__(self, shapes: Mapping[ParameterName, Shape]) -> None:
        self.path = Path("listed.h5")
        self._shapes = shapes

    @classmethod
    def recognises(cls, container: Container) -> bool:
        return False

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        return {name: Tensor(shape, lambda output: None) for name, shape in self._shapes.items()}


def shapes_of(network: Network[Outputs]) -> dict[ParameterName, Shape]:
    return {name: spec.shape for name, spec in network.parameter_specs().items()}


@pytest.mark.parametrize("outputs", [128, 512])
def test_names_of_deepface_are_known(outputs: int) -> None:
    shapes = shapes_of(inception_resnet_v1(outputs))
    theirs = {(deepface_name(layer), name): shapes[layer, name] for layer, name in shapes}
    assert ("Block17_3_Branch_3_Conv2d_0a_1x1", "kernel") in theirs
    assert ("Block17_10_Branch_10_Conv2d_0b_1x7_BatchNorm", "beta") in theirs
    assert ("Block8_6_Branch_1_Conv2d_0a_1x1", "kernel") in theirs
    assert len(theirs.keys() - shapes.keys()) == (9 + 4) * 3 * 4  # numbered layers' tensors
    found = match(Listed(theirs), recipes())
    assert found.complete
    assert found.recipe.outputs == outputs


def test_a_file_of_deepface_is_read(tmp_path: Path) -> None:
    ours = inception_resnet_v1().initialise(0)
    marked = ("Block17_10_Branch_1_Conv2d_0c_7x1", "kernel")
    ours[marked][0, 0, 0, 0] = 7
    theirs = {(deepface_name(layer), name): ours[layer, name] for layer, name in ours}
    read = read_checkpoint(write_keras2(tmp_path / "facenet_weights.h5", theirs))
    assert read.parameters.keys() == ours.keys()
    assert read.parameters[marked][0, 0, 0, 0] == 7


def test_a_tensor_under_both_names_is_refused() -> None:
    shapes = shapes_of(inception_resnet_v1())
    second = ("Block8_2_Branch_2_Conv2d_0a_1x1", "kernel")
    shapes[second] = shapes["Block8_2_Branch_1_Conv2d_0a_1x1", "kernel"]
    found = match(Listed(shapes), recipes())
    assert found.unexpected == (f"{'/'.join(second)} (1, 1, 1792, 192)",)
    assert not found.complete


def test_other_names_are_one_to_one_and_not_of_the_network() -> None:
    for recipe in recipes():
        layers = {layer for layer, _ in recipe.build().parameter_specs()}
        others = recipe.other_names
        assert others.keys() <= layers
        assert not layers & set(others.values())
        assert len(set(others.values())) == len(others)


def test_long_lists_are_cut_in_errors_and_whole_in_info(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from npfacenet.commands.main import main

    specs = inception_resnet_v1().parameter_specs().items()
    parameters = {(f"x{layer}", name): np.full(s.shape, 0.1, "f4") for (layer, name), s in specs
                  if layer.startswith("Mixed") and name != "kernel"}  # fmt: skip
    parameters["Conv2d_1a_3x3", "kernel"] = np.full((3, 3, 3, 32), 0.1, "f4")
    path = write_keras2(tmp_path / "w.h5", parameters)
    with pytest.raises(WeightsError, match=r"489 missing: .* and 484 more; 33 unexpected") as told:
        read_checkpoint(path)
    assert len(str(told.value)) < 1000
    assert "'npfacenet weights info FILE' lists all" in str(told.value)
    assert main(["weights", "info", str(path)]) == 1
    assert capsys.readouterr().out.count("missing        ") == 489


# Keras 3: `conv2d` is the only name of layer 0, and `vars/0` of its first variable.


@pytest.mark.parametrize(
    "second",
    [
        "layers/conv2d_0/vars/0", "layers/conv2d_00/vars/0", "layers/conv2d_01/vars/0",
        "layers/conv2d/vars/00", "layers/conv2d/vars/01", "layers/conv2d/vars/\u0660",
        "layers/conv2d_\u0661/vars/0", "layers/conv2d_-0/vars/0", "layers/conv2d_ 0/vars/0",
        "layers/Conv2d/vars/0", "layers/conv2d /vars/0", "layers/conv2d/Vars/0",
        "layers/conv2d/vars/0 ", "layers/conv2d/vars/+0", "layers/conv2d_/vars/0",
        "layers/conv2d\n/vars/0", "layers/conv2d_\u00b2/vars/0", "layers/x/conv2d/vars/0",
        "vars/0", "layers/conv2d_1/vars/0", "layers/conv2d_7/vars/0", "layers/conv2d/vars/2",
        f"layers/conv2d_{'9' * 5000}/vars/0", f"layers/conv2d/vars/{'9' * 5000}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("instead", [False, True], ids=["beside", "instead"])
def test_only_keras_own_spelling_of_a_number_counts(
    tmp_path: Path, second: str, instead: bool
) -> None:
    path = tiny_file(tmp_path, "keras3-weights")
    with h5py.File(path, "r+") as file:
        evil = np.full_like(file["layers/conv2d/vars/0"][()], 7)
        if instead:
            del file["layers/conv2d/vars/0"]
        file[second] = evil
    missing = "1 missing: conv1/kernel .*" if instead else ""
    with pytest.raises(WeightsError, match=f"{missing}1 unexpected: "):
        read_checkpoint(path, (TINY,))


@given(st.text(min_size=1, max_size=12).filter(lambda text: "/" not in text and "\0" not in text))
def test_no_other_group_takes_the_place_of_a_layer(name: str) -> None:
    import tempfile

    if name in ("conv2d", ".", "..") or not name.isascii():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = tiny_file(Path(folder), "keras3-weights")
        with h5py.File(path, "r+") as file:
            if name in file["layers"]:
                return
            file.move("layers/conv2d", f"layers/{name}")
        with pytest.raises(WeightsError):
            read_checkpoint(path, (TINY,))


# Keras 2: the last part of a name counts, with or without `:0`.


@pytest.mark.parametrize(
    "second",
    ["conv1/conv1/kernel", "conv1/kernel:0", "conv1/conv1_1/kernel:0", "conv1/x/y/kernel"],
)
@pytest.mark.parametrize("layout", ["keras2-weights", "keras-model"])
def test_a_second_tensor_of_one_name_is_refused(tmp_path: Path, second: str, layout: str) -> None:
    path = tiny_file(tmp_path, layout)
    prefix = "model_weights/" if layout == "keras-model" else ""
    with h5py.File(path, "r+") as file:
        file[prefix + second] = np.full((3, 3, 3, 5), 7, "f4")
    with pytest.raises(WeightsError, match="holds conv1/kernel twice"):
        read_checkpoint(path, (TINY,))


@pytest.mark.parametrize("second", ["Conv1/Conv1/kernel:0", "conv1/conv1/kernel:1", "dense/kernel"])
def test_a_name_of_no_parameter_is_unexpected(tmp_path: Path, second: str) -> None:
    path = tiny_file(tmp_path, "keras2-weights")
    with h5py.File(path, "r+") as file:
        file[second] = np.full((3, 3, 3, 5), 7, "f4")
    with pytest.raises(WeightsError, match="1 unexpected: "):
        read_checkpoint(path, (TINY,))


@pytest.mark.parametrize("second", ["conv1/conv1/kernel:0", "kernel", "model_weights2/conv1/x"])
def test_tensors_beside_a_full_model_are_unexpected(tmp_path: Path, second: str) -> None:
    path = tiny_file(tmp_path, "keras-model")
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = np.array(["conv1"], "S")
        file[second] = np.full((3, 3, 3, 5), 7, "f4")
    with pytest.raises(WeightsError, match=f"1 unexpected: {second}"):
        read_checkpoint(path, (TINY,))


@pytest.mark.parametrize("step", [1, 2])
def test_the_group_and_the_numbers_of_the_first_keras_with_this_layout(
    tmp_path: Path, step: int
) -> None:
    """Keras 2.13 counts each layer with weights twice; Keras itself checks this elsewhere."""
    path = tmp_path / "small.weights.h5"
    network = npfacenet_small()
    parameters = network.initialise(3)
    write_keras3_weights(path, parameters, network)
    with h5py.File(path, "r+") as file:
        for name, group in list(file["layers"].items()):
            renamed = re.sub(r"\d+$", lambda number: str(step * int(number[0])), name)
            kept = name if name == "conv2d" else renamed
            file.copy(group, f"_layer_checkpoint_dependencies/{kept}")
    with pytest.raises(WeightsError, match="60 unexpected: _layer_checkpoint_dependencies"):
        read_checkpoint(path)
    with h5py.File(path, "r+") as file:
        del file["layers"]
    read = read_checkpoint(path).parameters
    for name, tensor in parameters.items():
        np.testing.assert_array_equal(read[name], tensor)


def test_an_empty_group_of_the_first_keras_hides_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "small.weights.h5"
    network = npfacenet_small()
    write_keras3_weights(path, network.initialise(3), network)
    with h5py.File(path, "r+") as file:
        file.create_group("_layer_checkpoint_dependencies")
    assert read_checkpoint(path).recipe.architecture == "npfacenet-small"
    with h5py.File(path, "r+") as file:
        file.move("layers/conv2d_11", "layers/conv2d_12")
    with pytest.raises(WeightsError, match="1 missing: whole_face/kernel"):
        read_checkpoint(path)


# CSV: two names of one file.


def test_a_csv_file_under_both_names_is_unexpected(tmp_path: Path) -> None:
    for layer, parameter in nn4_small2().parameter_specs():
        letters = BATCH_NORM if "bn" in layer else OTHERS
        (tmp_path / f"{layer}_{letters[parameter]}.csv").write_text("0.1")
    course = recipes("nn4.small2")[:1]
    assert match(OpenfaceCsv(CsvFolder(tmp_path)), course).complete
    (tmp_path / "dense_b.csv").write_text("7")
    assert match(OpenfaceCsv(CsvFolder(tmp_path)), course).unexpected == ("dense_b.csv ()",)
    (tmp_path / "dense_layer_b.csv").unlink()
    assert match(OpenfaceCsv(CsvFolder(tmp_path)), course).complete


def test_a_tiny_file_is_whole_without_any_of_this(tmp_path: Path) -> None:
    for layout in ("keras3-weights", "keras2-weights", "keras-model"):
        found = read_checkpoint(tiny_file(tmp_path, layout), (TINY,)).parameters
        assert found.keys() == tiny_network().parameter_specs().keys()
