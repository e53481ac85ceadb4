"""Chunks: every way of storing them reads as HDF5 reads it, and none takes more than declared."""

from __future__ import annotations

import tempfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.checkpoints import chunk_filters
from npfacenet.checkpoints.chunk_filters import DEFLATE, FLETCHER32, LZF, decoded
from npfacenet.checkpoints.hdf5 import Hdf5File
from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.recipes import nn4_small2
from npfacenet.testing.weight_files import TINY, whole_weight_file

MEGABYTE = 1 << 20
KERNELS = {
    "keras2-weights": "dense_layer/dense_layer/kernel:0",
    "keras-model": "model_weights/dense_layer/dense_layer/kernel:0",
    "keras3-weights": "layers/dense/vars/0",
}


@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    dtype=st.sampled_from(["<f2", "<f4", ">f4", "<f8", ">f8"]),
    compression=st.sampled_from([None, "gzip", "lzf"]),
    shuffle=st.booleans(),
    fletcher32=st.booleans(),
    repeats=st.booleans(),
    data=st.data(),
)
def test_chunks_read_as_hdf5_reads_them(
    shape: tuple[int, ...],
    dtype: str,
    compression: str | None,
    shuffle: bool,
    fletcher32: bool,
    repeats: bool,
    data: st.DataObject,
) -> None:
    chunks = tuple(data.draw(st.integers(1, n)) for n in shape)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    numbers = np.full(shape, 1.5) if repeats else rng.standard_normal(shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset(
                *("x", shape, dtype, numbers.astype(dtype)),
                chunks=chunks,
                compression=compression,
                shuffle=shuffle,
                fletcher32=fletcher32,
            )
        with h5py.File(path) as file:
            expected = file["x"].astype("f4")[()]
        with Hdf5File.open(path) as tensors:
            np.testing.assert_array_equal(
                tensors.entries()[0].read_as(np.dtype(np.float32)), expected
            )


@given(st.binary(max_size=300), st.integers(0, 1))
def test_a_changed_chunk_is_seen_by_its_sum(content: bytes, odd: int) -> None:
    content += b"\x01" * odd
    stored = content + chunk_filters.fletcher32(content).to_bytes(4, "little")
    assert decoded(stored, [(FLETCHER32, ())], 0, len(content)) == content
    for i in range(0, len(content), 7):
        changed = bytearray(stored)
        changed[i] ^= 4
        with pytest.raises(ValueError, match="checksum differs"):
            decoded(bytes(changed), [(FLETCHER32, ())], 0, len(content))


def test_a_filter_that_a_chunk_was_not_given_is_not_undone() -> None:
    assert decoded(b"four", [(DEFLATE, ())], 0b1, 4) == b"four"
    summed = b"four" + chunk_filters.fletcher32(b"four").to_bytes(4, "little")
    both = [(FLETCHER32, ()), (DEFLATE, ())]
    assert decoded(zlib.compress(summed), both, 0, 4) == b"four"
    assert decoded(zlib.compress(b"four"), both, 0b01, 4) == b"four"
    assert decoded(summed, both, 0b10, 4) == b"four"


LZF_BOMB = b"\x00\x00" + b"\xe0\xff\x00" * 40_000  # one byte, copied 264 times, and again
BOMBS: dict[str, Callable[[], bytes]] = {
    "deflate": lambda: zlib.compress(bytes(64 * MEGABYTE), 9),
    "lzf": lambda: LZF_BOMB,
    "short": lambda: zlib.compress(b"short"),
    "cut": lambda: zlib.compress(bytes(80))[:-3],
    "cut lzf": lambda: b"\x1f\x00",
    "no lzf": lambda: b"\xff\xff\xff",
    "noise": lambda: b"\xff" * 40,
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("layout", KERNELS)
def test_a_stream_of_another_length_is_refused_in_the_memory_declared(
    tmp_path: Path, layout: str, bomb: str
) -> None:
    path = tmp_path / "bomb.h5"
    path.write_bytes(whole_weight_file(layout))
    with h5py.File(path, "r+") as file:
        name = KERNELS[layout]
        shape = file[name].shape
        del file[name]
        packing = "lzf" if "lzf" in bomb else "gzip"
        made = file.create_dataset(name, shape, "f4", chunks=shape, compression=packing)
        try:
            made.id.write_direct_chunk((0, 0), BOMBS[bomb]())
        except OSError as error:
            pytest.skip(f"this HDF5 does not write such a chunk: {error}")
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match=r"dense_layer/kernel|'layers/dense|kernel:0"):
            read_checkpoint(path, (TINY,))
        assert tracemalloc.get_traced_memory()[1] < 4 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bomb", [zlib.compress(bytes(8 * MEGABYTE), 9), b"x"])
def test_the_child_process_refuses_them_too(tmp_path: Path, bomb: bytes) -> None:
    from keras2_files import write_keras2

    path = write_keras2(tmp_path / "w.h5", nn4_small2().initialise(0))
    with h5py.File(path, "r+") as file:
        name = "bn1/bn1/beta:0"
        del file[name]
        made = file.create_dataset(name, (64,), "f4", chunks=(64,), compression="gzip")
        made.id.write_direct_chunk((0,), bomb)
    with pytest.raises(WeightsError, match=r"1 unreadable: .*bn1/beta:0.*deflate stream (is|ends)"):
        read_isolated(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chunks": (4096, 512), "compression": "gzip"}, "chunks of 8,388,608 bytes, more than"),
        ({"chunks": (4096, 512)}, "chunks of 8,388,608 bytes, more than"),
    ],
)
def test_chunks_much_larger_than_their_tensor_are_refused(
    tmp_path: Path, options: dict[str, object], said: str
) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    with h5py.File(path, "r+") as file:
        name = KERNELS["keras2-weights"]
        numbers = file[name][()]
        del file[name]
        file.create_dataset(name, data=numbers, maxshape=(None, None), **options)
    with pytest.raises(WeightsError, match=said):
        read_checkpoint(path, (TINY,))


def test_compressing_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    with h5py.File(path, "r+") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_deflate(9)
        plan.set_filter(LZF)
        space = h5py.h5s.create_simple((4,))
        group = file["dense_layer/dense_layer"].id
        tensor = h5py.h5d.create(group, b"more", h5py.h5t.IEEE_F32LE, space, plan)
        tensor.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros(4, "f4"))
    with pytest.raises(WeightsError, match="compressed twice"):
        read_checkpoint(path, (TINY,))


def test_floats_that_numpy_does_not_have_are_refused(tmp_path: Path) -> None:
    """NumPy's dtype of a bfloat16 tensor is float32: its bytes would be read as other numbers."""
    path = tmp_path / "brain.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    with h5py.File(path, "r+") as file:
        kind = h5py.h5t.IEEE_F32LE.copy()
        kind.set_fields(15, 7, 8, 0, 7)
        kind.set_size(2)
        kind.set_ebias(127)
        group = file["dense_layer/dense_layer"].id
        h5py.h5d.create(group, b"brain", kind, h5py.h5s.create_simple((4,)))
    with pytest.raises(WeightsError, match="does not hold numbers of float16, float32 or float64"):
        read_checkpoint(path, (TINY,))
