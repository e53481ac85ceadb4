"""ONNX files: their tensors, whose they are in a network, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from onnx_files import exported, model, operation, part, read_onnx, small_network, tensor, whole

from npfacenet.checkpoints.onnx import MOST_FIELDS, OnnxFile
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.layers import Convolution, Dense
from npfacenet.networks import Builder


def written(folder: Path, *graph: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model(*graph))
    return path


def refused(folder: Path, *graph: bytes) -> str:
    path = written(folder, *graph)
    with pytest.raises(WeightsError) as caught:
        read_onnx(path, small_network())
    return str(caught.value)


@pytest.mark.parametrize("typed", [False, True])
def test_every_weight_finds_its_layer(typed: bool, tmp_path: Path) -> None:
    parameters = small_network().initialise(3)
    parameters["slope", "alpha"] = np.arange(4, dtype=np.float32)
    found = read_onnx(written(tmp_path, *exported(parameters, typed=typed)), small_network())
    assert found.keys() == parameters.keys()
    for name, expected in parameters.items():
        np.testing.assert_array_equal(found[name], expected)


def test_kernels_on_their_side_change_height_and_width(tmp_path: Path) -> None:
    """The network reads a transposed picture upright."""
    build = Builder("upright", (5, 4, 2))
    x = build.add("conv", Convolution(3, (3, 2), bias=False), build.input)
    build.add("whole_map", Convolution(4, (3, 3), bias=False), x)
    upright = build.network()
    build = Builder("lying", (4, 5, 2))
    x = build.add("conv", Convolution(3, (2, 3), bias=False), build.input)
    build.add("whole_map", Convolution(4, (3, 3), bias=False), x)
    lying = build.network()
    parameters = lying.initialise(1)
    kernel = parameters["conv", "kernel"].transpose(3, 2, 0, 1)
    path = written(
        tmp_path,
        tensor("k", np.ascontiguousarray(kernel)),
        tensor("d", parameters["whole_map", "kernel"].reshape(27, 4)),
        operation("Conv", ["image", "k"], "a"),
        operation("Flatten", ["a"], "b"),
        operation("MatMul", ["b", "d"], "c"),
    )
    turned = read_onnx(path, upright, on_its_side=True)
    images = np.random.default_rng(0).standard_normal((2, 5, 4, 2)).astype(np.float32)
    expected = lying.forward(parameters, images.transpose(0, 2, 1, 3))
    np.testing.assert_allclose(upright.forward(turned, images), expected, rtol=1e-5, atol=1e-6)


def test_a_dense_layer_takes_a_product_of_matrices(tmp_path: Path) -> None:
    build = Builder("dense", (3,))
    build.add("dense", Dense(2, bias=False), build.input)
    kernel = np.arange(6, dtype=np.float32).reshape(3, 2)
    path = written(tmp_path, tensor("k", kernel), operation("MatMul", ["x", "k"], "y"))
    np.testing.assert_array_equal(read_onnx(path, build.network())["dense", "kernel"], kernel)


def test_the_inventory_says_what_there_is(tmp_path: Path) -> None:
    half = np.array([[0.5, 2.0]], np.float16)
    path = written(tmp_path, tensor("a", half), tensor("b", np.array([3, 4])))
    with OnnxFile.open(path) as file:
        entries = file.entries()
        assert [(e.name, e.shape, e.dtype.name) for e in entries] == [
            ("a", (1, 2), "float16"),
            ("b", (2,), "int64"),
        ]
        assert entries[0].read_as(np.dtype(np.float32)).tolist() == [[0.5, 2.0]]
        assert entries[1].read_as(np.dtype(np.int64)).tolist() == [3, 4]
        assert file.has_entry("a")
        assert not file.has_entry("c")
        assert file.entries(within="a") == []
        assert [e.name for e in file.entries(skip=lambda name: name == "a")] == ["b"]
    assert OnnxFile.recognises(path)
    assert not OnnxFile.recognises(tmp_path)
    (tmp_path / "text").write_text("no model")
    assert not OnnxFile.recognises(tmp_path / "text")


def test_a_tensor_that_is_missing_left_over_or_of_another_shape_is_named(tmp_path: Path) -> None:
    graph = exported(small_network().initialise(0))
    assert "2 missing: conv/kernel (3, 3, 3, 4), conv/bias (4,)" in refused(
        tmp_path, graph[0], *graph[2:]
    )
    said = refused(tmp_path, *graph, tensor("more", np.zeros((2, 3), np.float32)))
    assert "does not hold the tensors of small (2 outputs)" in said
    assert "1 unexpected: more (2, 3); 'npfacenet" in said
    other = tensor("1", np.zeros((4, 3, 5, 5), np.float32))
    said = refused(tmp_path, other, *graph[1:])
    assert "missing: conv/kernel (3, 3, 3, 4)" in said
    assert "unexpected: 1 (4, 3, 5, 5)" in said


def test_what_is_not_finite_is_refused(tmp_path: Path) -> None:
    parameters = small_network().initialise(0)
    parameters["conv", "bias"] = np.array([0, 0, np.nan, 0], np.float32)
    assert "1 not finite: conv/bias" in refused(tmp_path, *exported(parameters))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (tensor("1", np.zeros(4, np.float32), axes=(5,)), "16 bytes instead of 20"),
        (tensor("1", np.zeros(4, np.float32), axes=(1 << 39, 1 << 39)), "16 bytes instead of"),
        (tensor("1", np.zeros(4, np.float32), axes=(1 << 63,)), "impossible shape"),
        (tensor("1", np.zeros(1, np.float32), axes=(1,) * 9), "impossible shape"),
        (tensor("n" * 2000, np.zeros(1, np.float32)), "more than 1,000 bytes"),
        (tensor("2", np.zeros(1, np.float32)) * 2, "two tensors are called '2'"),
        (operation("Add", ["x"] * 1001, "y"), "more than 1,000 inputs"),
        (part(5, whole(1, 1) * (MOST_FIELDS + 1)), "more than 50,000 fields"),
        (part(5, part(1, b"\x01" * 200)), "a list of numbers is too long"),
        (part(5, part(9, b"1234") * 2), "the numbers of a tensor are scattered"),
        (part(1, part(4, b"\xff\xfe")), "utf-8"),
        (b"\x2a\xff\xff\xff\xff\x0f1234", "ends too early"),
    ],
)
def test_what_no_model_has_is_refused_in_a_sentence(
    message: bytes, said: str, tmp_path: Path
) -> None:
    told = refused(tmp_path, message)
    assert "is an ONNX model that is damaged" in told
    assert said in told


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (whole(2, 1) + whole(14, 1), "lies in another file; save the model as one file"),
        (whole(2, 16), "numbers of ONNX's type 16"),
        (whole(2, 1), "no numbers that can be read"),
    ],
)
def test_numbers_that_are_not_in_the_file_are_told_of(
    fields: bytes, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, part(5, whole(1, 3) + fields + part(8, "far")))
    with OnnxFile.open(path) as file:
        (entry,) = file.entries()
        with pytest.raises(WeightsError, match=said):
            entry.read(np.empty(3, np.float32))


def test_other_files_are_not_taken_for_onnx(tmp_path: Path) -> None:
    for content in (b"x", b"\x89HDF\r\n\x1a\n" + bytes(600), b"{}", bytes(100)):
        path = tmp_path / "other"
        path.write_bytes(content)
        with pytest.raises(WeightsError):
            read_onnx(path, small_network())


def test_a_model_of_no_known_network_is_told_what_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, *exported(small_network().initialise(0)))
    with pytest.raises(WeightsError, match=r"is an ONNX model, which is read for detectors only"):
        read_checkpoint(path)


def test_kernels_of_zeros_are_told(tmp_path: Path) -> None:
    parameters = small_network().initialise(0)
    parameters["first", "kernel"] *= 0
    assert "1 untrained: first/kernel (all zeros)" in refused(tmp_path, *exported(parameters))


def test_a_stated_size_takes_no_memory(tmp_path: Path) -> None:
    path = written(tmp_path, tensor("1", np.zeros(4, np.float32), axes=(1 << 38,)))
    tracemalloc.start()
    with pytest.raises(WeightsError, match="instead of 1,099,511,627,776"):
        read_onnx(path, small_network())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


# Broken files, by the thousand, in a process of their own.


def fuzz(examples: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("fuzz_onnx_files.py")
    command = [sys.executable, str(script), str(examples), str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_thousand_broken_files_are_read_or_refused(tmp_path: Path) -> None:
    done = fuzz(1000, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'refused'" in done.stdout


@pytest.mark.slow
def test_many_more_broken_files_are_read_or_refused(tmp_path: Path) -> None:
    """20,000 files, others each time; about 2 minutes."""
    done = fuzz(20_000, tmp_path, "--random")
    assert done.returncode == 0, done.stdout + done.stderr
