"""Weight files of a tiny network in every HDF5 layout, whole and broken in all ways.

`broken_weight_files()` is for testing whatever opens weight files, ours or others': each
example is the bytes of a file, with the list of what was done to it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from hypothesis import strategies as st

from npfacenet.cards import Card
from npfacenet.checkpoints.conversion import SUFFIXES, WRITABLE, write_checkpoint
from npfacenet.checkpoints.signature import SIGNATURE
from npfacenet.layers import BatchNorm, Convolution, Dense, GlobalAveragePool, L2Normalize
from npfacenet.networks import Builder, Network
from npfacenet.recipes import Recipe

LAYOUTS = (*WRITABLE, "keras-model")
MOST_NUMBERS = 10_000  # of a dataset whose numbers a mutation reads


def tiny_network() -> Network:
    """A network with one layer of each kind that has parameters: (6, 6, 3) to 4 numbers."""
    build = Builder("tiny", input_shape=(6, 6, 3))
    x = build.add("conv1", Convolution(5, 3), build.input)
    x = build.add("bn1", BatchNorm(), x)
    x = build.add("average", GlobalAveragePool(), x)
    x = build.add("dense_layer", Dense(4), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


TINY = Recipe("tiny", None, 4, tiny_network, {"dense_layer": "dense"})


@cache
def whole_weight_file(layout: str) -> bytes:
    """The bytes of an unbroken file of the tiny network in one of `LAYOUTS`."""
    network = tiny_network()
    card = Card("tiny", None, 4, 6, "unit", None, "drawn", "none")
    written = "keras2-weights" if layout == "keras-model" else layout
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"tiny{SUFFIXES[written][0]}"
        write_checkpoint(path, network, network.initialise(0), card, layout=written)
        content = path.read_bytes()
    return _as_model(content) if layout == "keras-model" else content


def _as_model(weights: bytes) -> bytes:
    """Put a weights file where a full model keeps it, beside what a model has more."""
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as source, h5py.File(buffer, "w") as file:
        source.copy("/", file, "model_weights")
        file.attrs["model_config"] = '{"class_name": "Functional"}'
        file["optimizer_weights/iterations"] = np.int64(7)
    return buffer.getvalue()


@dataclass(frozen=True)
class BrokenFile:
    """A file's bytes, the layout it had, and what was done to it."""

    layout: str
    mutations: tuple[str, ...]
    content: bytes

    def __repr__(self) -> str:
        return f"<{self.layout}, {', '.join(self.mutations) or 'whole'}, {len(self.content)} bytes>"


@st.composite
def broken_weight_files(draw: st.DrawFn) -> BrokenFile:
    """Weight files to which up to three things were done; some of them are still whole."""
    layout = draw(st.sampled_from(LAYOUTS))
    content = whole_weight_file(layout)
    inside = draw(st.lists(st.sampled_from(sorted(INSIDE)), max_size=2))
    outside = draw(st.lists(st.sampled_from(sorted(OUTSIDE)), max_size=2 if not inside else 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    for name in inside:
        content = _inside(content, INSIDE[name], rng)
    for name in outside:
        content = OUTSIDE[name](content, rng)
    return BrokenFile(layout, (*inside, *outside), content)


def _inside(
    content: bytes,
    mutate: Callable[[h5py.File, str, np.random.Generator], None],
    rng: np.random.Generator,
) -> bytes:
    if not content.startswith(SIGNATURE):  # a layout that is not kept in HDF5
        return content
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        paths: list[str] = []
        file.visititems(lambda path, o: paths.append(path) if isinstance(o, h5py.Dataset) else None)
        if paths:
            # What an earlier mutation broke cannot always be mutated again.
            with suppress(KeyError, ValueError, TypeError, RuntimeError, OSError):
                mutate(file, paths[int(rng.integers(len(paths)))], rng)
    return buffer.getvalue()


def _replaced(file: h5py.File, path: str, **options: object) -> None:
    del file[path]
    file.create_dataset(path, **options)


def _other_shape(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    shapes = [(), (0,), (1,), (7,), (3, 3, 3, 5), (2, 0, 3), (1,) * 12, (1000,)]
    shape = shapes[int(rng.integers(len(shapes)))]
    _replaced(file, path, shape=shape, dtype="f4", data=np.zeros(shape, "f4"))


def _other_dtype(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    shape = file[path].shape
    compound = np.dtype([("a", "f4"), ("b", "i2")])
    dtypes = [
        "f2", "f8", ">f4", "i4", "u1", "S5", "c8", bool, compound, h5py.string_dtype(),
        h5py.ref_dtype, h5py.vlen_dtype(np.dtype("f4")), np.dtype(("f4", (2,))),
        h5py.enum_dtype({"a": 1}),
    ]  # fmt: skip
    _replaced(file, path, shape=shape, dtype=dtypes[int(rng.integers(len(dtypes)))])


def _other_numbers(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    if file[path].dtype.kind == "f" and 0 < file[path].size < MOST_NUMBERS:
        values = file[path][()]
        strange = [np.nan, np.inf, -np.inf, 1e38, -0.0]
        values.flat[int(rng.integers(values.size))] = strange[int(rng.integers(len(strange)))]
        file[path][()] = values


def _other_storage(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    if not 0 < file[path].size < MOST_NUMBERS or not file[path].shape:
        return
    data = file[path][()]
    chunks = tuple(max(1, int(rng.integers(1, 2 * n + 1)) % (n + 1)) for n in data.shape)
    options: list[dict[str, object]] = [
        {"compression": "gzip"}, {"compression": "lzf"}, {"fletcher32": True},
        {"shuffle": True, "compression": "gzip"}, {"scaleoffset": 3}, {"chunks": chunks},
        {"maxshape": (None,) * data.ndim, "chunks": (4096,) * data.ndim} if data.ndim < 3 else {},
    ]  # fmt: skip
    _replaced(file, path, data=data, **options[int(rng.integers(len(options)))])


def _declared(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    options: list[dict[str, object]] = [
        {}, {"chunks": (1024, 1024)}, {"chunks": (1024, 1024), "compression": "gzip"},
        {"chunks": (16384, 32768)}, {"fillvalue": 1.0},
    ]  # fmt: skip
    _replaced(file, path, shape=(131072, 131072), dtype="f4",
              **options[int(rng.integers(len(options)))])  # fmt: skip


def _elsewhere(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    if rng.integers(2):
        _replaced(file, path, shape=(4,), dtype="f4", external=[("/etc/hostname", 0, 16)])
    else:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
        del file[path]
        file.create_virtual_dataset(path, layout)


def _link(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    kind = int(rng.integers(5))
    parent = path.rpartition("/")[0]
    if kind < 3:
        del file[path]
        soft = h5py.SoftLink("/" if kind else "/nowhere")
        file[path] = soft if kind < 2 else h5py.ExternalLink("/etc/hostname", "/x")
    elif kind == 3:
        file[f"{parent}/again"] = file[parent or "/"]
    else:
        file["second_name"] = file[path]


def _attribute(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    groups = ["/", path.split("/")[0]]
    group = file[groups[int(rng.integers(2))]]
    values: list[object] = [
        np.zeros(3000), "x" * 5000, np.bytes_(b"\xff\xfe"), np.array(["a", "b"], "S"), 3, np.nan,
        h5py.Empty("f4"), np.array([b"conv1"] * 500),
    ]  # fmt: skip
    names = ["layer_names", "weight_names", "name", "model_config", "card"]
    name = names[int(rng.integers(len(names)))]
    if rng.integers(3) == 0 and name in group.attrs:
        del group.attrs[name]
    else:
        group.attrs[name] = values[int(rng.integers(len(values)))]


def _structure(file: h5py.File, path: str, rng: np.random.Generator) -> None:
    kind = int(rng.integers(6))
    if kind == 0:
        del file[path]
    elif kind == 1:
        del file[path.split("/")[0]]
    elif kind == 2:
        file.move(path, f"{path}_renamed")
    elif kind == 3:
        file.create_group("/".join("g" * 40))
    elif kind == 4:
        file[f"{path}_more"] = np.zeros(3, "f4")
    else:
        file["committed_type"] = np.dtype("f4")


def _truncated(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _flipped(content: bytes, rng: np.random.Generator) -> bytes:
    flipped = bytearray(content)
    for position in rng.integers(0, max(len(content), 1), int(rng.integers(1, 9))):
        if content:
            flipped[position] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _flipped_in_the_head(content: bytes, rng: np.random.Generator) -> bytes:
    head = _flipped(content[:2048], rng)
    return head + content[2048:]


def _overwritten(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(content) + 1))
    noise = bytes(int(rng.integers(1, 64))) if rng.integers(2) else rng.bytes(32)
    return content[:start] + noise + content[start + len(noise) :]


def _embedded(content: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(1, 600))) + content


def _followed(content: bytes, rng: np.random.Generator) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 600)))


INSIDE: Mapping[str, Callable[[h5py.File, str, np.random.Generator], None]] = {
    "another shape": _other_shape,
    "another dtype": _other_dtype,
    "strange numbers": _other_numbers,
    "another storage": _other_storage,
    "declares 64 GiB": _declared,
    "numbers elsewhere": _elsewhere,
    "a link": _link,
    "an attribute": _attribute,
    "another structure": _structure,
}
OUTSIDE: Mapping[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "cut": _truncated,
    "bits flipped": _flipped,
    "bits flipped in the head": _flipped_in_the_head,
    "overwritten": _overwritten,
    "behind noise": _embedded,
    "before noise": _followed,
}
