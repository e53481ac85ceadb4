"""Reading weight files: round trips, the account of every tensor, and refusals."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras2_files import write_keras2

from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.layers import Array
from npfacenet.networks import ParameterName
from npfacenet.recipes import nn4_small2, recipes
from npfacenet.testing.weight_files import TINY

Parameters = dict[ParameterName, Array]


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return nn4_small2().initialise(7)


@pytest.mark.parametrize("full_model", [False, True], ids=["weights", "model"])
@pytest.mark.parametrize("suffix", [":0", ""], ids=["keras 2 names", "keras 3 names"])
def test_what_was_written_is_read(
    tmp_path: Path, parameters: Parameters, full_model: bool, suffix: str
) -> None:
    path = write_keras2(tmp_path / "w.h5", parameters, full_model=full_model, suffix=suffix)
    checkpoint = read_checkpoint(path)
    assert checkpoint.recipe.architecture == "nn4.small2"
    assert checkpoint.recipe.variant == "course"
    assert checkpoint.parameters.keys() == parameters.keys()
    for name, tensor in parameters.items():
        assert checkpoint.parameters[name].dtype == np.float32
        np.testing.assert_array_equal(checkpoint.parameters[name], tensor)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "gzip", "shuffle": True},
        {"compression": "lzf"},
        {"chunks": True, "fletcher32": True},
        {"dtype": "f8"},
        {"dtype": ">f4"},
    ],
    ids=str,
)
def test_every_way_of_storing_numbers(
    tmp_path: Path, parameters: Parameters, options: dict[str, object]
) -> None:
    checkpoint = read_checkpoint(write_keras2(tmp_path / "w.h5", parameters, storage=options))
    for name, tensor in parameters.items():
        np.testing.assert_array_equal(checkpoint.parameters[name], tensor)


def test_half_floats_are_widened(tmp_path: Path, parameters: Parameters) -> None:
    half = {name: tensor.astype("f2") for name, tensor in parameters.items()}
    checkpoint = read_checkpoint(write_keras2(tmp_path / "w.h5", half))
    for name, tensor in half.items():
        np.testing.assert_array_equal(checkpoint.parameters[name], tensor.astype("f4"))


def test_dense_is_another_name_of_dense_layer(tmp_path: Path, parameters: Parameters) -> None:
    renamed = {
        (layer.replace("dense_layer", "dense"), name): tensor
        for (layer, name), tensor in parameters.items()
    }
    checkpoint = read_checkpoint(write_keras2(tmp_path / "w.h5", renamed))
    np.testing.assert_array_equal(
        checkpoint.parameters["dense_layer", "kernel"], parameters["dense_layer", "kernel"]
    )


def test_the_choice_can_be_narrowed(tmp_path: Path, parameters: Parameters) -> None:
    path = write_keras2(tmp_path / "w.h5", parameters)
    assert read_checkpoint(path, recipes(variant="openface")).recipe.variant == "openface"
    with pytest.raises(WeightsError, match=r"no tensor of a known network \(inception-resnet-v1\)"):
        read_checkpoint(path, recipes("inception-resnet-v1"))


def test_every_deviation_is_listed_in_one_error(tmp_path: Path, parameters: Parameters) -> None:
    wrong = dict(parameters)
    del wrong["bn1", "gamma"]
    wrong["conv1", "kernel"] = np.zeros((7, 7, 1, 64), "f4")
    wrong["conv9", "kernel"] = np.zeros((1, 1, 2, 3), "f4")
    wrong["bn3", "beta"] = np.full(192, np.nan, "f4")
    wrong["bn2", "beta"] = np.full(64, np.inf, "f4")
    path = write_keras2(tmp_path / "wrong.h5", wrong)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    for part in (
        "wrong.h5",
        "nn4.small2 (course, 128 numbers)",
        "1 missing: bn1/gamma (64,)",
        "1 unexpected: conv9/kernel (1, 1, 2, 3)",
        "1 mis-shaped: conv1/kernel is (7, 7, 1, 64), not (7, 7, 3, 64)",
        "2 not finite: bn2/beta, bn3/beta",
    ):
        assert part in str(caught.value)


def test_a_number_too_large_for_float32_is_not_finite(
    tmp_path: Path, parameters: Parameters
) -> None:
    wide = {name: tensor.astype("f8") for name, tensor in parameters.items()}
    wide["bn1", "beta"][0] = 1e300
    with pytest.raises(WeightsError, match="1 not finite: bn1/beta"):
        read_checkpoint(write_keras2(tmp_path / "w.h5", wide))


def test_the_public_file(nn4_file: Path) -> None:
    checkpoint = read_checkpoint(nn4_file)
    assert str(checkpoint.recipe) == "nn4.small2 (course, 128 numbers)"
    assert sum(t.size for t in checkpoint.parameters.values()) == 3_743_280


def test_the_full_model_of_the_later_edition(inception_resnet_file: Path) -> None:
    checkpoint = read_checkpoint(inception_resnet_file)
    assert str(checkpoint.recipe) == "inception-resnet-v1 (128 numbers)"
    assert sum(t.size for t in checkpoint.parameters.values()) == 22_808_144


# From here on: files that are refused.


def small(path: Path) -> h5py.File:
    """A file that counts as Keras 2 and holds conv1."""
    file = h5py.File(path, "w")
    file.attrs["layer_names"] = np.array(["conv1"], "S")
    file["conv1/conv1/kernel:0"] = np.zeros((7, 7, 3, 64), "f4")
    return file


def test_links_out_of_the_file_are_refused(tmp_path: Path) -> None:
    for name, link in {
        "external": h5py.ExternalLink("/etc/passwd", "/"),
        "soft": h5py.SoftLink("/conv1/conv1/kernel:0"),
        "dangling": h5py.SoftLink("/nowhere"),
    }.items():
        path = tmp_path / f"{name}.h5"
        with small(path) as file:
            file["conv2"] = link
        with pytest.raises(WeightsError, match=r"'conv2' is a soft or external link"):
            read_checkpoint(path)


def test_circles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "circle.h5"
    with small(path) as file:
        file["conv1/again"] = file["conv1"]
    with pytest.raises(WeightsError, match="second name of another object"):
        read_checkpoint(path)


def test_deep_groups_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.h5"
    with small(path) as file:
        file.create_group("/".join("g" * 200))
    with pytest.raises(WeightsError, match="nested deeper"):
        read_checkpoint(path)


def test_virtual_and_external_storage_is_refused(tmp_path: Path) -> None:
    with small(tmp_path / "external.h5") as file:
        file.create_dataset("conv2", (4,), "f4", external=[("/etc/passwd", 0, 16)])
    with small(tmp_path / "virtual.h5") as file:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", (4,))
        file.create_virtual_dataset("conv2", layout)
    for name in ("external.h5", "virtual.h5"):
        with pytest.raises(WeightsError, match="'conv2' keeps its numbers in other files"):
            read_checkpoint(tmp_path / name)


@pytest.mark.parametrize("dtype", ["i4", "S8", "c8", h5py.string_dtype(), h5py.ref_dtype, bool])
def test_what_is_no_floating_point_number_is_refused(tmp_path: Path, dtype: object) -> None:
    path = tmp_path / "dtype.h5"
    with small(path) as file:
        file.create_dataset("conv2/conv2/kernel:0", (4,), dtype)
    with pytest.raises(WeightsError, match="does not hold numbers of float16, float32 or float64"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "options",
    [
        {},  # contiguous, never allocated
        {"chunks": (1024, 1024)},
        {"chunks": (1024, 1024), "compression": "gzip"},
    ],
    ids=str,
)
def test_a_small_file_that_declares_64_gib_is_refused(
    tmp_path: Path, options: dict[str, object]
) -> None:
    path = tmp_path / "huge.h5"
    with small(path) as file:
        file.create_dataset("conv2/conv2/kernel:0", (131072, 131072), "f4", **options)
    assert path.stat().st_size < 100_000
    with pytest.raises(WeightsError, match=r"declares 68,719,476,736 bytes, more than the"):
        read_checkpoint(path)


def test_unknown_filters_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "filter.h5"
    with small(path) as file:
        file.create_dataset("conv2", (64,), "i4", scaleoffset=4, data=np.arange(64))
    with pytest.raises(WeightsError):
        read_checkpoint(path)


def test_what_is_no_hdf5_file_is_refused(tmp_path: Path) -> None:
    for content, said in {
        b"": "is empty, not a weight file; obtain it again",
        b"\x89HDF": "ends after 4 bytes",
        b"\n<!DOCTYPE html>": "is a web page, not the weights",
        b"version https://git-lfs.github.com/spec/v1": "is a Git LFS pointer.*git lfs pull",
        b"PK\x03\x04": "is a damaged zip archive",
        b"\x80\x04\x95": "is a Python pickle, which is never opened",
        b"\x1f\x8b\x08": "is gzip data; unpack it first",
        b"\x93NUMPY": "is a NumPy array",
        b"\x08\x07\x12\x07pytorch": "is an ONNX model",
        b"<!-- a comment --><html>": "is a web page",
        b'{"error": "not found"}': "is a text in JSON",
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9": "is a PyTorch file",
        b"\x1c\x00\x00\x00TFL3": "is a TensorFlow Lite model",
        b'\x40\x00\x00\x00\x00\x00\x00\x00{"x"': "is a safetensors file",
        b"\xfd7zXZ\x00": "is xz data",
        b"\x01" * 4096: "is not an HDF5 file: it begins with",
    }.items():
        path = tmp_path / "not.h5"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=rf"not\.h5'? {said}"):
            read_checkpoint(path)
    for member, said in {
        "model.weights.h5": r"a \.keras archive; unzip it",
        "archive/data.pkl": "a PyTorch file, which holds pickles and is never opened",
        "readme.txt": "a zip archive; unzip it",
    }.items():
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "content")
        with pytest.raises(WeightsError, match=said):
            read_checkpoint(path)
    with pytest.raises(WeightsError, match=r"missing\.h5' does not exist"):
        read_checkpoint(tmp_path / "missing.h5")


def test_an_hdf5_file_without_layers_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(WeightsError, match="in no layout of weights that is known"):
        read_checkpoint(tmp_path / "other.h5")


def test_a_truncated_file_is_refused_wherever_it_ends(
    tmp_path: Path, parameters: Parameters
) -> None:
    whole = write_keras2(tmp_path / "w.h5", parameters).read_bytes()
    cut = tmp_path / "cut.h5"
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(WeightsError, match=r"cut\.h5"):
            read_checkpoint(cut)


def test_flipped_bits_end_in_success_or_one_error(tmp_path: Path) -> None:
    path = tmp_path / "small.h5"
    small(path).close()
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        flipped = bytearray(whole)
        for position in rng.integers(8, 2048, 3):
            flipped[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(flipped))
        with pytest.raises(WeightsError):
            read_checkpoint(path, (TINY,))
