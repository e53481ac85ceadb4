"""Every layout: four writers' files, conversion between all, and what only some refuse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from old_files import without_graph

import npfacenet
from npfacenet.cards import (
    METRIC,
    Card,
    Measured,
    Preparation,
    Threshold,
    card_from_json,
    derived_card,
)
from npfacenet.checkpoints.conversion import SUFFIXES, WRITABLE, write_checkpoint
from npfacenet.checkpoints.isolation import ChildError, read_isolated
from npfacenet.checkpoints.layer_order import keras_order
from npfacenet.checkpoints.openface_csv import STRAYS, stored_shape
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import ArgumentError, WeightsError
from npfacenet.layers import Array, BatchNorm
from npfacenet.networks import Network, ParameterName
from npfacenet.recipes import nn4_small2, npfacenet_small, recipes
from npfacenet.testing.weight_files import LAYOUTS, TINY, tiny_network, whole_weight_file

CARD = Card(
    "tiny", None, 4, 6, "unit", Threshold(0.5, "drawn"), "drawn", "none", ("Ada", "Bob"),
    preparation=Preparation(crop=5),
    other_thresholds=(Measured(Preparation("yunet", "margin-0"), Threshold(0.4, "drawn, too")),),
)  # fmt: skip
FORMATS = ["keras3_model.h5", "keras3.weights.h5", "keras2_weights.h5", "keras2_model.h5"]
Parameters = dict[ParameterName, Array]


@pytest.fixture(scope="session")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from conftest import shared

    folder = tmp_path_factory.mktemp("formats")
    with zipfile.ZipFile(shared("weights/formats.zip")) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_files_that_keras_wrote_give_what_keras_gives(formats: Path, name: str) -> None:
    with np.load(formats / "expected.npz") as expected:
        model = npfacenet.load(formats / name)
        embeddings = model.embed(expected["input_uint8"])
        assert np.abs(embeddings.values - expected["embedding"]).max() <= 1e-5
    assert model.fingerprint == npfacenet.load(formats / FORMATS[0]).fingerprint


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_layouts_of_the_same_weights_hold_the_same(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.h5"
    path.write_bytes(whole_weight_file(layout))
    checkpoint = read_checkpoint(path, (TINY,))
    assert checkpoint.layout == layout
    for name, tensor in tiny_network().initialise(0).items():
        np.testing.assert_array_equal(checkpoint.parameters[name], tensor)


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.sampled_from(WRITABLE), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_any_chain_of_conversions_changes_nothing(layouts: list[str], seed: int) -> None:
    import tempfile

    network = tiny_network()
    parameters = first = network.initialise(seed)
    with tempfile.TemporaryDirectory() as folder:
        for layout in layouts:
            path = Path(folder) / f"weights{SUFFIXES[layout][0]}"
            write_checkpoint(path, network, parameters, CARD, layout=layout)
            checkpoint = read_checkpoint(path, (TINY,))
            parameters = dict(checkpoint.parameters)
            assert checkpoint.own_card == (layout == "npfacenet")
            assert checkpoint.card == (CARD if checkpoint.own_card else derived_card(TINY, 6, path))
        assert parameters.keys() == first.keys()
        for name, tensor in first.items():
            np.testing.assert_array_equal(parameters[name], tensor)
        del checkpoint, parameters


def test_real_networks_convert_and_keep_their_fingerprint(drawn_file: Path, tmp_path: Path) -> None:
    model = npfacenet.load(drawn_file, variant="openface", preprocessing="fixed")
    for layout in WRITABLE:
        path = tmp_path / f"{layout}{SUFFIXES[layout][0]}"
        write_checkpoint(path, model.network, model.parameters, model.card, layout=layout)
        again = npfacenet.load(path, variant="openface", preprocessing="fixed")
        assert again.fingerprint == model.fingerprint
    # Our own layout keeps the card, so nothing has to be said again.
    kept = npfacenet.load(tmp_path / "npfacenet.h5")
    assert kept.card == model.card
    assert kept.fingerprint == model.fingerprint


def test_a_threshold_holds_for_its_own_variant_and_preprocessing_only(drawn_file: Path) -> None:
    card = npfacenet.load(drawn_file).card
    assert card.threshold is not None
    assert card.adapted("course", "unit") is card
    assert card.adapted("course", "prewhiten").threshold is None
    openface = card.adapted("openface", "unit").threshold
    assert openface is not None
    assert openface.value != card.threshold.value
    assert card.adapted("openface", "unit").preparation.detector == "mtcnn"
    assert card.adapted("openface", "unit").adapted("course", "unit") == card


@pytest.mark.parametrize("network", [nn4_small2(), npfacenet_small()], ids=lambda n: n.name)
def test_half_precision_rounds_kernels_only(network, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a Network
    parameters = network.initialise(1)
    architecture, outputs = network.name, 128
    card = replace(
        CARD, architecture=architecture, outputs=outputs, input_size=network.input_shape[0]
    )
    whole, half = tmp_path / "whole.h5", tmp_path / "half.h5"
    write_checkpoint(whole, network, parameters, card)
    write_checkpoint(half, network, parameters, card, half=True)
    assert half.stat().st_size < 0.52 * whole.stat().st_size
    for name, tensor in read_checkpoint(half).parameters.items():
        if name[1] == "kernel":
            np.testing.assert_array_equal(tensor, parameters[name].astype("f2").astype("f4"))
        else:
            np.testing.assert_array_equal(tensor, parameters[name])


def test_kernels_beyond_half_precision_stay_whole(tmp_path: Path) -> None:
    parameters = tiny_network().initialise(0)
    parameters["conv1", "kernel"][0, 0, 0, 0] = 1e6
    write_checkpoint(tmp_path / "w.h5", tiny_network(), parameters, CARD, half=True)
    found = read_checkpoint(tmp_path / "w.h5", (TINY,)).parameters
    np.testing.assert_array_equal(found["conv1", "kernel"], parameters["conv1", "kernel"])


def test_only_known_layouts_are_written(tmp_path: Path) -> None:
    network, path = tiny_network(), tmp_path / "w.h5"
    parameters = network.initialise(0)
    with pytest.raises(ArgumentError, match="'onnx' is not written; there are npfacenet"):
        write_checkpoint(path, network, parameters, CARD, layout="onnx")
    with pytest.raises(ArgumentError, match="only npfacenet stores half precision"):
        write_checkpoint(path, network, parameters, CARD, layout="keras2-weights", half=True)
    assert list(tmp_path.iterdir()) == []


# The library's own layout.


def native(path: Path) -> Path:
    path.write_bytes(whole_weight_file("npfacenet"))
    return path


def test_every_flipped_bit_of_the_numbers_is_seen(tmp_path: Path) -> None:
    path = native(tmp_path / "w.h5")
    with h5py.File(path) as file:
        start, size = file["float32"].id.get_offset(), file["float32"].nbytes
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for position in rng.integers(start, start + size, 50):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << int(rng.integers(8))
        path.unlink()
        path.write_bytes(bytes(flipped))
        with pytest.raises(WeightsError, match="its checksum differs"):
            read_checkpoint(path, (TINY,))


@pytest.mark.parametrize(
    ("dataset", "content", "said"),
    [
        ("card", b"{", "'card' is not JSON"),
        ("card", b"[]", "the card is not a JSON object"),
        ("card", b"{}", "the card lacks, or should not have, 'architecture'"),
        ("index", b"3", "'index' is not a list"),
        ("index", b'[{"layer": "conv1"}]', "malformed entry"),
        (
            "index",
            b'[{"layer": "a", "parameter": "b", "shape": [9999], "dtype": "float32", "start": 0, '
            b'"sha256": ""}]',
            "lies outside of 'float32'",
        ),
        ("index", b"[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_card_or_index_is_refused(
    tmp_path: Path, dataset: str, content: bytes, said: str
) -> None:
    path = native(tmp_path / "w.h5")
    with h5py.File(path, "r+") as file:
        del file[dataset]
        file[dataset] = np.frombuffer(content, np.uint8)
    with pytest.raises(WeightsError, match=said):
        read_checkpoint(path, (TINY,))


def test_a_changed_card_is_refused_and_one_without_a_checksum_read(tmp_path: Path) -> None:
    path = native(tmp_path / "w.h5")
    with h5py.File(path, "r+") as file:
        text = file["card"][()].tobytes()
        at = text.index(b'"source": "') + len(b'"source": "')
        file["card"][at] = ord("?")
    with pytest.raises(WeightsError, match="'card' is not what was written"):
        read_checkpoint(path, (TINY,))
    with h5py.File(path, "r+") as file:
        del file["card_sha256"]
    card = read_checkpoint(path, (TINY,)).card
    assert card is not None
    assert card.source.startswith("?")


PLAIN = asdict(Preparation())
FAR = {"value": 1.5, "evidence": "e", "metric": "cosine"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outputs", "4"), ("outputs", True), ("input_size", -1), ("variant", 3), ("source", "a\nb"),
        ("purpose", "art"),
        ("threshold", {"value": -1, "evidence": "", "metric": ""}), ("threshold", 0.7),
        ("threshold", {"value": 2.5, "evidence": "", "metric": ""}), ("preprocessing", "none"),
        ("threshold", {"value": 10**400, "evidence": "", "metric": ""}),
        *(
            ("threshold", {"value": value, "evidence": "e", "metric": metric})
            for value in (-1, 10**400, float("nan"), float("inf"), True, "1")
            for metric in (METRIC, "cosine")
        ),
        ("threshold", {"value": 2.5, "evidence": "", "metric": METRIC}),
        ("trained_on", "Ada"), ("trained_on", [1]), ("architecture", None),
        ("preparation", None), ("preparation", {}), ("preparation", "central square"),
        ("preparation", PLAIN | {"crop": 0}), ("preparation", PLAIN | {"crop": "150"}),
        ("preparation", PLAIN | {"detector": "mtcnn"}), ("preparation", PLAIN | {"turn": 90}),
        ("preparation", {"detector": "mtcnn", "alignment": "by eye", "crop": None}),
        ("preparation", {"detector": "a\nb", "alignment": "margin-0", "crop": None}),
        ("preparation", {"detector": "mtcnn", "alignment": "margin-0", "crop": 9}),
        ("other_thresholds", None), ("other_thresholds", {}), ("other_thresholds", [{}]),
        ("other_thresholds", [{"preparation": PLAIN, "threshold": None}]),
        ("other_thresholds", [{"preparation": PLAIN, "threshold": FAR | {"value": -1}}]),
        ("other_thresholds", [{"preparation": None, "threshold": FAR}]),
        ("other_thresholds", [{"preparation": PLAIN, "threshold": FAR, "more": 1}]),
        ("other_thresholds", [{"preparation": PLAIN, "threshold": FAR}] * 101),
        ("other_thresholds", [{"preparation": PLAIN, "threshold": FAR}] * 2),
        ("other_thresholds", [{"preparation": PLAIN | {"crop": 5}, "threshold": FAR}]),  # its own
    ],
)  # fmt: skip
def test_a_card_of_wrong_values_is_refused(name: str, value: object) -> None:
    right = json.loads(json.dumps(asdict(CARD)))
    assert card_from_json(right, "w.h5") == CARD
    with pytest.raises(WeightsError, match=f"w.h5: the card's {name} cannot (be|state)"):
        card_from_json(right | {name: value}, "w.h5")


def test_a_card_of_a_network_that_there_is_not_is_refused(tmp_path: Path) -> None:
    path = native(tmp_path / "w.h5")
    with pytest.raises(WeightsError, match="its card states 'tiny' with 4 numbers"):
        read_checkpoint(path, recipes())
    with pytest.raises(WeightsError, match="its card states 'tiny' with 4 numbers"):
        read_checkpoint(without_graph(path))


@pytest.mark.parametrize(
    "options",
    [{"compression": "gzip"}, {"chunks": (64,)}, {"dtype": "f8"}, {"dtype": ">f4"}],
    ids=str,
)
def test_numbers_that_are_not_in_one_piece_are_refused(
    tmp_path: Path, options: dict[str, object]
) -> None:
    # A compressed row of zeros would take a thousand times the file's size in memory.
    path = native(tmp_path / "w.h5")
    with h5py.File(path, "r+") as file:
        numbers = file["float32"][()]
        del file["float32"]
        file.create_dataset("float32", data=numbers, **options)
    with pytest.raises(WeightsError, match="is not stored in one piece as float32"):
        read_checkpoint(path, (TINY,))


def test_numbers_that_the_index_does_not_know_are_refused(tmp_path: Path) -> None:
    path = native(tmp_path / "w.h5")
    with h5py.File(path, "r+") as file:
        numbers = file["float32"][()]
        del file["float32"]
        file["float32"] = np.concatenate([numbers, numbers])
    with pytest.raises(WeightsError, match="of which the index knows"):
        read_checkpoint(path, (TINY,))
    path = native(tmp_path / "twice.h5")
    with h5py.File(path, "r+") as file:
        index = bytes(file["index"][()])
        del file["index"]
        file["index"] = np.frombuffer(index[:-1] + b"," + index[1:], np.uint8)
    with pytest.raises(WeightsError, match="lists 'conv1/kernel' twice"):
        read_checkpoint(path, (TINY,))


@pytest.mark.parametrize("layout", ["keras2-weights", "keras3-weights"])
def test_bytes_are_no_weights(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file(layout))
    with h5py.File(path, "r+") as file:
        name = "conv1/conv1/kernel:0" if layout == "keras2-weights" else "layers/conv2d/vars/0"
        del file[name]
        file[name] = np.zeros((3, 3, 3, 5), np.uint8)
    with pytest.raises(WeightsError, match="holds bytes, not numbers"):
        read_checkpoint(path, (TINY,))


def test_names_in_messages_steer_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    with h5py.File(path, "r+") as file:
        file["evil\n\x1b[31m" + "x" * 500 + "/kernel:0"] = np.zeros(3, "f4")
    with pytest.raises(WeightsError, match=r"unexpected: evil\\n\\x1b\[31mx+ \(3,\)") as caught:
        read_checkpoint(path, (TINY,))
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


# Keras 3's running numbers.


def test_keras_order_is_that_of_a_file_keras_wrote(formats: Path) -> None:
    with h5py.File(formats / "keras3_model.h5") as model:
        layers = [str(name, "utf-8") if isinstance(name, bytes) else name
                  for name in model["model_weights"].attrs["layer_names"]]  # fmt: skip
    nodes = keras_order(nn4_small2())
    for part in ("conv", "bn"):
        with_weights = [n.name for n in nodes if n.parameters and part in n.name]
        assert with_weights == [name for name in layers if part in name and "zero" not in name]


def test_an_order_that_shapes_do_not_prove_is_refused(formats: Path, tmp_path: Path) -> None:
    path = tmp_path / "swapped.weights.h5"
    path.write_bytes((formats / "keras3.weights.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        layers = file["layers"]
        layers.move("conv2d_3", "x")
        layers.move("conv2d_4", "conv2d_3")
        layers.move("x", "conv2d_4")
    with pytest.raises(WeightsError, match="4 mis-shaped: inception_3a_3x3_conv1/kernel is"):
        npfacenet.load(path)


def test_seeds_and_optimizers_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    path.write_bytes(whole_weight_file("keras3-weights"))
    with h5py.File(path, "r+") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "u4")
        file["optimizer/vars/0"] = np.int64(3)
    assert read_checkpoint(path, (TINY,)).layout == "keras3-weights"


# The course's folder.


def write_csv(folder: Path, network: Network, seed: int) -> Path:
    folder.mkdir()
    parameters = network.initialise(seed)
    for node in network.nodes:
        letters = {"kernel": "w", "bias": "b"}
        if isinstance(node.layer, BatchNorm):
            letters = {"gamma": "w", "beta": "b", "moving_mean": "m", "moving_variance": "v"}
        for parameter in node.parameters:
            tensor = parameters[node.name, parameter]
            stored = tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T
            assert stored.shape == stored_shape(tensor.shape)
            name = f"{node.name.replace('dense_layer', 'dense')}_{letters[parameter]}.csv"
            text = "%.9g," * stored.size % tuple(stored.ravel().tolist())
            (folder / name).write_text(text[:-1] + "\n")
    for name in STRAYS:
        (folder / name).write_text("1,2,3\n")
    return folder


@pytest.fixture(scope="module")
def csv_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("csv") / "weights", nn4_small2(), 18)


def test_the_folder_of_csv_files(csv_folder: Path, drawn_file: Path) -> None:
    assert len(list(csv_folder.iterdir())) == 226
    model = npfacenet.load(csv_folder)
    assert model.fingerprint == npfacenet.load(drawn_file).fingerprint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<!DOCTYPE html><html>", "is a web page, not numbers"),
        ("1,2,three", "which is not a number"),
        ("1,2,3", "holds 3 numbers instead of 5"),
        ("", "is empty, not a weight file"),
        ("nan," * 4 + "nan", "1 not finite: bn1/beta"),
        ("1e5e5," * 5, "not a number"),
        ("0," * 100_000, "instead of 5"),
    ],
)
def test_csv_files_that_are_no_numbers_are_refused(tmp_path: Path, content: str, said: str) -> None:
    folder = write_csv(tmp_path / "weights", tiny_network(), 0)
    (folder / "bn1_b.csv").write_text(content)
    with pytest.raises(WeightsError, match=said):
        read_checkpoint(folder, (TINY,))


def test_litter_among_csv_files_is_passed_over(tmp_path: Path) -> None:
    """What macOS leaves beside files on a stick or in an archive."""
    folder = write_csv(tmp_path / "weights", tiny_network(), 0)
    (folder / "._conv1_w.csv").write_bytes(b"\0\5\x16\7")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._bn1_b.csv").write_bytes(b"\0\5\x16\7")
    found = read_checkpoint(folder, (TINY,)).parameters
    for name, tensor in tiny_network().initialise(0).items():
        np.testing.assert_array_equal(found[name], tensor)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_among_csv_files_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "conv1_w.csv")
    with pytest.raises(WeightsError, match=r"conv1_w\.csv is not a regular file"):
        npfacenet.load(tmp_path)


def test_missing_and_unexpected_csv_files_are_listed(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "weights", tiny_network(), 0)
    (folder / "bn1_b.csv").rename(folder / "bn9_b.csv")
    with pytest.raises(WeightsError, match=r"1 missing: bn1/beta \(5,\); 1 unexpected: bn9_b\.csv"):
        read_checkpoint(folder, (TINY,))
    with pytest.raises(WeightsError, match=r"without CSV files; its folder weights holds \*\.csv"):
        npfacenet.load(tmp_path)


# In a child process.


def test_a_child_process_reads_the_same(drawn_file: Path) -> None:
    inside, outside = npfacenet.load(drawn_file), npfacenet.load(drawn_file, untrusted=True)
    assert inside.fingerprint == outside.fingerprint
    assert inside.card == outside.card


def test_a_child_without_a_place_for_its_numbers_is_told_of(
    drawn_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(WeightsError, match=r"no temporary folder .*drawn\.h5"):
        npfacenet.load(drawn_file, untrusted=True)


@pytest.mark.parametrize("method", ["is_dir", "is_file"])
def test_what_may_not_be_looked_at_is_named(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that lost its rights, a network disk that is gone."""
    (tmp_path / "conv1_w.csv").write_text("1")

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(WeightsError, match="cannot be read: Permission denied"):
        read_checkpoint(tmp_path)


def test_errors_of_the_child_are_told(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"w\.h5 is not an HDF5 file"):
        npfacenet.load(path, untrusted=True)


def test_a_child_that_takes_too_long_or_too_much_is_ended(drawn_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"took longer than 0\.05 s"):
        read_isolated(drawn_file, seconds=0.05)
    with pytest.raises(
        WeightsError, match=r"not enough memory|bytes of memory|says nothing of the file"
    ):
        read_isolated(drawn_file, memory=1 << 20)


def test_a_crash_of_the_child_is_an_error(
    drawn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run

    def crashing(command: list[str], **options: object) -> object:
        code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
        return real([sys.executable, "-c", code], **options)  # type: ignore[call-overload]  # passed on

    monkeypatch.setattr(subprocess, "run", crashing)
    with pytest.raises(WeightsError, match=r"broke the process .*exit code -11"):
        read_isolated(drawn_file)


# Broken files, by the thousand, in a process of their own.


def fuzz(examples: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("fuzz_weight_files.py")
    command = [sys.executable, str(script), str(examples), str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True)


def test_two_thousand_broken_files_are_read_or_refused(tmp_path: Path) -> None:
    done = fuzz(2000, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'refused'" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(10))
def test_many_more_broken_files_are_read_or_refused(turn: int, tmp_path: Path) -> None:
    """10 times 4,000 files, others each time; about 6 minutes.

    About one file in 100,000 makes HDF5's own code loop for ever (an object header that leads
    back to itself, in H5Oopen). Only a child process can be ended then, and it is.
    """
    done = fuzz(4000, tmp_path, "--random")
    if done.returncode == -signal.SIGALRM:
        with pytest.raises(ChildError, match="took longer than 2 s"):
            read_isolated(tmp_path / "weights.h5", seconds=2)
    else:
        assert done.returncode == 0, done.stdout + done.stderr
