"""How an HDF5 dataset stores its numbers: what is refused, and reading filtered chunks."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.chunk_filters import COMPRESSORS, NAMES, Filter, decoded

if TYPE_CHECKING:
    import h5py

# A deflate stream expands 1032 times at most (zlib's technical notes), an lzf stream 88 times.
LARGEST_EXPANSION = 1032
LARGEST_CHUNK = 1 << 28
ROUNDED_UP = 1 << 20  # bytes by which a chunk may be larger than its whole dataset


def fault(tensor: h5py.h5d.DatasetID, file_size: int) -> str | None:
    """Say why a dataset is refused before anything of it is read; None if it is not."""
    import h5py

    if not _holds_numbers(tensor):
        return "does not hold numbers of float16, float32 or float64"
    if tensor.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        return "is empty"
    properties = tensor.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL or properties.get_external_count():
        return "keeps its numbers in other files, which are not opened"
    numbers = [number for number, _ in filters_of(tensor)]
    if unknown := [number for number in numbers if number not in NAMES]:
        return f"is stored with filter {unknown[0]}, not one of {', '.join(NAMES.values())}"
    if len(set(numbers)) < len(numbers) or all(number in numbers for number in COMPRESSORS):
        return "is stored with a filter twice, or compressed twice"
    declared = math.prod(tensor.shape) * tensor.dtype.itemsize
    stored = tensor.get_storage_size()
    if stored > file_size or declared > stored * (LARGEST_EXPANSION if numbers else 1):
        return f"declares {declared:,} bytes, more than the {stored:,} that the file holds for it"
    if properties.get_layout() == h5py.h5d.CHUNKED:
        return _fault_of_chunks(tensor, properties.get_chunk(), declared)
    return None


def _holds_numbers(tensor: h5py.h5d.DatasetID) -> bool:
    """Whether it holds IEEE floats of two, four or eight bytes, or single bytes."""
    import h5py

    stored = tensor.get_type()
    kind = stored.get_class()
    if kind == h5py.h5t.INTEGER:
        return bool(tensor.dtype == np.uint8)
    # NumPy's dtype of another format (bfloat16, say) would be the next larger one.
    return bool(
        kind == h5py.h5t.FLOAT
        and tensor.dtype.itemsize in (2, 4, 8)
        and stored.equal(h5py.h5t.py_create(tensor.dtype))
    )


def _fault_of_chunks(
    tensor: h5py.h5d.DatasetID, chunk: tuple[int, ...], declared: int
) -> str | None:
    size = math.prod(chunk) * tensor.dtype.itemsize
    most = min(LARGEST_CHUNK, declared + ROUNDED_UP)
    if size > most:
        return f"is stored in chunks of {size:,} bytes, more than {most:,}"
    grid = zip(tensor.shape, chunk, strict=True)
    if missing := math.prod(-(-n // c) for n, c in grid) - tensor.get_num_chunks():
        return f"was written in part only: {missing:,} of its chunks are missing"
    return None


def filters_of(tensor: h5py.h5d.DatasetID) -> list[Filter]:
    """Return the filters of a dataset in the order of their application; empty unless chunked."""
    properties = tensor.get_create_plist()
    every = (properties.get_filter(i) for i in range(properties.get_nfilters()))
    return [(number, tuple(values)) for number, _, values, _ in every]


def read_filtered(tensor: h5py.h5d.DatasetID, output: npt.NDArray[np.generic]) -> None:
    """Fill an array of its shape with the numbers of a chunked dataset, converted to its dtype.

    Chunks are decoded here, one at a time and within the size that they declare. Raises
    ValueError or OSError for damaged ones.
    """
    filters, chunk = filters_of(tensor), tensor.get_create_plist().get_chunk()
    size = math.prod(chunk) * tensor.dtype.itemsize
    edges = [range(0, n, c) for n, c in zip(tensor.shape, chunk, strict=True)]
    for corner in product(*edges):
        skipped, stored = tensor.read_direct_chunk(corner)
        content = decoded(stored, filters, skipped, size)
        numbers = np.frombuffer(content, tensor.dtype).reshape(chunk)
        place = tuple(slice(start, start + c) for start, c in zip(corner, chunk, strict=True))
        within = tuple(slice(0, n) for n in output[place].shape)
        with np.errstate(over="ignore"):  # callers that want finite numbers check
            output[place] = numbers[within]
