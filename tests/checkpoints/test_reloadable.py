"""Parameters that are released, and read again from their file when they are accessed."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npfacenet
from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import Checkpoint, read_checkpoint
from npfacenet.checkpoints.reloadable import ReloadableParameters
from npfacenet.errors import WeightsError
from npfacenet.layers import Array
from npfacenet.models import Model
from npfacenet.testing.weight_files import LAYOUTS, TINY, whole_weight_file

PICTURE = np.random.default_rng(9).integers(0, 256, (9, 9, 3), np.uint8)


class Reader:
    """Reads a file and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path, self.times = path, 0

    def __call__(self) -> Checkpoint:
        self.times += 1
        return read_checkpoint(self.path, (TINY,))


@pytest.fixture(params=LAYOUTS)
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    path = tmp_path / "tiny.h5"
    path.write_bytes(whole_weight_file(request.param))
    return Reader(path)


def stored(reader: Reader) -> ReloadableParameters:
    return ReloadableParameters(reader(), reader)


@contextmanager
def freed(array: Array) -> Iterator[None]:
    """The memory that an array lies in is free at the end, without the collector of cycles."""
    whole: object = array
    while isinstance(whole, np.ndarray) and whole.base is not None:
        whole = whole.base
    gone = weakref.ref(whole)
    del array, whole
    gc.disable()
    try:
        yield
        assert gone() is None
    finally:
        gc.enable()


def test_released_arrays_are_freed_and_reread_on_access(reader: Reader) -> None:
    parameters = stored(reader)
    before = {name: tensor.copy() for name, tensor in parameters.items()}
    holder = [parameters["dense_layer", "bias"]]
    with freed(holder[0]):
        holder.clear()
        parameters.release()
    assert list(parameters) == list(before)
    assert len(parameters) == len(before)
    assert ("dense_layer", "bias") in parameters
    assert ("dense_layer", "gamma") not in parameters
    with pytest.raises(KeyError):
        parameters["dense_layer", "gamma"]
    assert reader.times == 1  # none of these needs a number
    for name, tensor in parameters.items():
        np.testing.assert_array_equal(tensor, before[name])
        assert not tensor.flags.writeable
    assert reader.times == 2
    parameters.release()
    assert reader.times == 2
    again = pickle.loads(pickle.dumps(parameters))  # noqa: S301  (our own)
    assert again.keys() == before.keys()
    assert all(np.array_equal(again[name], before[name]) for name in before)
    assert reader.times == 3
    assert parameters._held is None  # a pickle is for others
    assert repr(parameters) == f"<{len(before)} parameters of {reader.path}>"


def test_no_file_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortening a mapped file ends the process that reads it."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was mapped")

    (tmp_path / "tiny.h5").write_bytes(whole_weight_file("npfacenet"))
    monkeypatch.setattr("mmap.mmap", refuse)
    monkeypatch.setattr(np, "memmap", refuse)
    parameters = stored(Reader(tmp_path / "tiny.h5"))
    assert parameters["dense_layer", "bias"].shape == (4,)


def test_what_was_handed_out_stays(reader: Reader) -> None:
    parameters = stored(reader)
    bias = parameters["dense_layer", "bias"]
    before = bias.copy()
    parameters.release()
    parameters["dense_layer", "kernel"]
    reader.path.unlink()
    np.testing.assert_array_equal(bias, before)


def test_threads_that_ask_together_get_the_same(reader: Reader) -> None:
    parameters = stored(reader)
    bias = parameters["dense_layer", "bias"].copy()

    def ask(turn: int) -> Array:
        if turn % 3 == 0:
            parameters.release()
        return parameters["dense_layer", "bias"]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(ask, range(64)):
            np.testing.assert_array_equal(found, bias)


def test_of_threads_that_ask_together_one_reads(reader: Reader) -> None:
    parameters, meeting, reads = stored(reader), threading.Barrier(4, timeout=60), list[int]()

    def slowly() -> Checkpoint:
        reads.append(1)
        time.sleep(0.05)
        return reader()

    def ask(_: int) -> Array:
        meeting.wait()
        return parameters["dense_layer", "bias"]

    parameters._read = slowly
    parameters.release()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert len(reads) == 1
    assert all(bias is found[0] for bias in found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_forked_while_a_thread_reads_may_ask_too(reader: Reader) -> None:
    parameters = stored(reader)
    reading, go_on = threading.Event(), threading.Event()

    def slowly() -> Checkpoint:
        reading.set()
        go_on.wait(60)
        return reader()

    parameters._read = slowly
    parameters.release()
    thread = threading.Thread(target=parameters.__getitem__, args=[("dense_layer", "bias")])
    thread.start()
    reading.wait(60)
    child = os.fork()
    if child == 0:
        parameters._read = reader
        os._exit(0 if parameters["dense_layer", "bias"].shape == (4,) else 1)
    go_on.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_some_may_be_replaced_as_in_a_dict(reader: Reader) -> None:
    parameters, other = stored(reader), {("dense_layer", "bias"): np.zeros(4, np.float32)}
    assert (parameters | other)["dense_layer", "bias"] is other["dense_layer", "bias"]
    assert (other | parameters)["dense_layer", "bias"] is parameters["dense_layer", "bias"]
    assert (parameters | other).keys() == parameters.keys()


def test_a_file_that_is_gone_is_an_error(reader: Reader) -> None:
    parameters = stored(reader)
    parameters.release()
    kept = reader.path.rename(reader.path.with_name("kept.h5"))
    with pytest.raises(WeightsError, match=r"tiny\.h5"):
        parameters["dense_layer", "bias"]
    kept.rename(reader.path)
    assert parameters["dense_layer", "bias"].shape == (4,)


# Of a model.


@pytest.fixture
def own_file(drawn_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(drawn_file, tmp_path / "w.h5"))


@pytest.mark.parametrize("untrusted", [False, True])
def test_a_compiled_model_holds_no_parameters(own_file: Path, untrusted: bool) -> None:
    model = npfacenet.load(own_file, untrusted=untrusted)
    uncompiled = Model(model.network, dict(model.parameters), model.card)
    expected = uncompiled.embed(PICTURE)
    del uncompiled
    with freed(model.parameters["bn1", "beta"]):
        embedded = model.embed(PICTURE)
    np.testing.assert_array_equal(embedded.values, expected.values)
    assert embedded.fingerprint == expected.fingerprint == model.fingerprint


def test_an_untrusted_file_is_read_again_in_a_child_process(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []

    def read(path: Path, *choices: Any) -> Checkpoint:
        reads.append(path)
        return read_isolated(path, *choices)

    monkeypatch.setattr("npfacenet.checkpoints.isolation.read_isolated", read)
    model = npfacenet.load(own_file, untrusted=True)
    assert not model.parameters["bn1", "beta"].flags.writeable
    assert model.plan.workspace_bytes == 0
    assert len(reads) == 1
    assert not model.parameters["bn1", "beta"].flags.writeable
    assert len(reads) == 2


def test_another_model_with_the_parameters_of_a_compiled_one_reads_nothing(own_file: Path) -> None:
    model = npfacenet.load(own_file)
    before = model.embed(PICTURE)
    own_file.unlink()
    others = (
        replace(model, card=replace(model.card, source="another")),
        Model(model.network, model.parameters, model.card),
    )
    for other in others:
        assert other.fingerprint == before.fingerprint
        with pytest.raises(WeightsError, match=r"w\.h5"):
            other.embed(PICTURE)  # it has no plan yet


def test_models_that_share_parameters_let_them_go_alone(own_file: Path) -> None:
    model = npfacenet.load(own_file)
    other = replace(model, card=replace(model.card, source="another"))
    before = model.embed(PICTURE)
    own_file.unlink()
    np.testing.assert_array_equal(other.embed(PICTURE).values, before.values)


class SlowToLetIn:
    """A lock after which another thread is always faster."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self.lock:
            yield
        time.sleep(0.01)


def test_threads_that_compile_together_read_once(own_file: Path) -> None:
    model = npfacenet.load(own_file)
    model._kept.compiling = SlowToLetIn()  # type: ignore[assignment]  # all that is asked of it
    own_file.unlink()
    with ThreadPoolExecutor(4) as pool:
        plans = list(pool.map(lambda _: model.plan, range(4)))
    assert all(plan is plans[0] for plan in plans)


def test_a_compiled_model_gives_its_parameters_from_anywhere(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_file.parent)
    model = npfacenet.load(own_file.name)
    before = {name: tensor.copy() for name, tensor in model.parameters.items()}
    assert model.plan is model.plan
    monkeypatch.chdir("/")
    assert all(np.array_equal(model.parameters[name], before[name]) for name in before)
    copy = pickle.loads(pickle.dumps(model))  # noqa: S301  (our own)
    assert copy.fingerprint == model.fingerprint


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"no weights")])
def test_a_compiled_model_goes_on_without_its_file(
    own_file: Path, change: Callable[[Path], object]
) -> None:
    model = npfacenet.load(own_file)
    before = model.embed(PICTURE)
    change(own_file)
    np.testing.assert_array_equal(model.embed(PICTURE).values, before.values)
    for ask in (lambda: model.parameters["bn1", "beta"], lambda: pickle.dumps(model)):
        with pytest.raises(WeightsError, match=r"w\.h5"):
            ask()


@pytest.mark.parametrize("half", [False, True])
def test_a_file_that_is_overwritten_in_place_changes_no_model(
    half: bool, own_file: Path, tmp_path: Path
) -> None:
    loaded, path = npfacenet.load(own_file), tmp_path / "native.h5"
    write_native(path, loaded.network, loaded.parameters, loaded.card, half=half)
    model = npfacenet.load(path)
    before = {name: tensor.copy() for name, tensor in model.parameters.items()}
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size // 2))
        file.truncate()
    assert all(np.array_equal(model.parameters[name], before[name]) for name in before)
    expected = Model(model.network, before, model.card).embed(PICTURE)
    np.testing.assert_array_equal(model.embed(PICTURE).values, expected.values)


def test_other_weights_in_the_file_are_not_taken_for_the_models(own_file: Path) -> None:
    model = npfacenet.load(own_file)
    changed = dict(model.parameters)
    changed["bn1", "beta"] = changed["bn1", "beta"] + np.float32(1e-7)
    assert model.plan.workspace_bytes == 0
    write_native(own_file, model.network, changed, model.card)
    with pytest.raises(WeightsError, match=r"w\.h5 holds other weights .* load it again"):
        model.parameters["bn1", "beta"]
