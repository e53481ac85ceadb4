"""The searches of `bench.py search`, each in a process and an environment of its own.

An engine takes embeddings float32 (N, 128) and the number of threads, and returns a function that
finds the rows of the five nearest to each probe. Nothing but the standard library and NumPy is
imported by all of them.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
from collections.abc import Callable, Mapping
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from engines import LONG, TURN, seconds
from people_search import NEAREST, NUMBERS, OURS, PROBES, PRODUCT_ORDER, READING
from turns import PRODUCT

Vectors: TypeAlias = npt.NDArray[np.float32]
Find: TypeAlias = Callable[[Vectors], Any]
VECTORS, QUESTIONS, ANSWERS = "vectors.npy", "probes.npy", "nearest.npy"
BLOCK = 4096  # embeddings, as in a gallery's file
NOISE = 0.5  # length of what is added to an embedding for a probe that is near to it


def npfacenet(vectors: Vectors, threads: int) -> Find:
    """Search blocks as large as a gallery's."""
    from npfacenet.gallery.blocks import Block
    from npfacenet.gallery.search import search

    people = np.arange(1, len(vectors) + 1)
    parts = [slice(start, start + BLOCK) for start in range(0, len(vectors), BLOCK)]
    blocks = [Block(vectors[part], people[part]) for part in parts]
    return lambda probes: [one.people - 1 for one in search(probes, blocks, NEAREST, threads)]


def faiss(vectors: Vectors, threads: int) -> Find:
    """Search faiss's flat index, which holds a copy of the embeddings."""
    library = import_module("faiss")  # none of these is in the project's environment
    library.omp_set_num_threads(threads)
    index = library.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    return lambda probes: index.search(probes, NEAREST)[1]


def usearch(vectors: Vectors, threads: int) -> Find:
    """Run usearch's exact search."""
    library = import_module("usearch.index")

    def find(probes: Vectors) -> Any:
        found = library.search(
            vectors, probes, NEAREST, library.MetricKind.L2sq, exact=True, threads=threads
        )
        return found.keys

    return find


def scikit_learn(vectors: Vectors, _: int) -> Find:
    """Run scikit-learn's brute force; its threads are those of OpenMP and BLAS."""
    library = import_module("sklearn.neighbors")
    index = library.NearestNeighbors(n_neighbors=NEAREST, algorithm="brute").fit(vectors)
    return lambda probes: index.kneighbors(probes, return_distance=False)


def reading(vectors: Vectors, threads: int) -> Find:
    """Find the greatest number, each thread that of its part."""
    from npfacenet.threads.sharing import share_out

    parts = np.array_split(vectors.ravel(), threads)
    return lambda _: share_out(parts, np.max, threads=threads)


def matrix_product(_: Vectors, __: int) -> Find:
    """Multiply two large matrices by NumPy."""
    shape = (2, PRODUCT_ORDER, PRODUCT_ORDER)
    left, right = np.random.default_rng(0).random(shape, dtype=np.float32)
    output = np.empty_like(left)
    return lambda _: np.matmul(left, right, out=output)


SEARCHES: Mapping[str, tuple[str, Callable[[Vectors, int], Find]]] = {
    OURS: ("npfacenet", npfacenet),
    "faiss": ("faiss-cpu", faiss),
    "usearch": ("usearch", usearch),
    "scikit-learn": ("scikit-learn", scikit_learn),
    READING: ("numpy", reading),
    PRODUCT: ("numpy", matrix_product),
}
"""The distribution of each engine, and what makes it."""


def serve(engine: str, folder: str, threads: str) -> None:
    """Take a turn for every line of standard input, which says how many probes there are.

    First it prints its version, and for how many probes of each number it found other people than
    the file of answers holds. A turn prints the seconds of a search and the peak memory. As in
    `engines.py` they are a median, and a call before them is not counted.
    """
    distribution, make = SEARCHES[engine]
    vectors = np.load(Path(folder, VECTORS))
    probes = np.load(Path(folder, QUESTIONS))
    find = make(vectors, int(threads))
    if engine in (PRODUCT, "faiss"):
        del vectors  # faiss has a copy
    different = {}
    if engine not in (READING, PRODUCT):
        expected = np.load(Path(folder, ANSWERS))
        for count in PROBES:
            found = np.array(find(probes[:count])).reshape(count, -1)
            different[count] = int((found != expected[:count]).any(axis=1).sum())
    print(json.dumps([metadata.version(distribution), different]), flush=True)
    shortest: dict[int, float] = {}
    for request in sys.stdin:
        some = probes[: int(request)]
        if len(some) not in shortest:
            shortest[len(some)] = min(seconds(find, some) for _ in range(3))
        elif shortest[len(some)] < LONG:
            find(some)
        counted = [seconds(find, some) for _ in range(1 + int(TURN / shortest[len(some)]))]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([statistics.median(counted), peak]), flush=True)


def make_files(folder: str, count: str) -> None:
    """Write embeddings, probes, and who is nearest to each; print what `machine` is told."""
    from npfacenet.threads.blas import kernels
    from npfacenet.threads.cores import cores

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((int(count), NUMBERS), dtype=np.float32)
    for start in range(0, len(vectors), BLOCK):
        vectors[start : start + BLOCK] = unit(vectors[start : start + BLOCK])
    near = vectors[rng.integers(0, len(vectors), max(PROBES))]
    noise = unit(rng.standard_normal(near.shape, dtype=np.float32))
    far = np.arange(len(near)) % 2 == 1
    probes = unit(np.where(far[:, None], noise, near + np.float32(NOISE) * noise))
    np.save(Path(folder, VECTORS), vectors)
    np.save(Path(folder, QUESTIONS), probes)
    np.save(Path(folder, ANSWERS), nearest_by_float64(vectors, probes))
    print(json.dumps([cores(), f"OpenBLAS {kernels()}"]))


def unit(vectors: Vectors) -> Vectors:
    """Scale vectors to unit length."""
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def nearest_by_float64(vectors: Vectors, probes: Vectors) -> npt.NDArray[np.int64]:
    """Return the rows of the nearest to each probe (P, 5), nearest first."""
    rows: npt.NDArray[np.int64] = np.empty((len(probes), 0), np.int64)
    distances: npt.NDArray[np.float64] = np.empty((len(probes), 0))
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float64)
        apart = np.square(block).sum(axis=1) - 2 * probes.astype(np.float64) @ block.T
        here = np.broadcast_to(start + np.arange(len(block)), apart.shape)
        rows, distances = np.hstack([rows, here]), np.hstack([distances, apart])
        order = np.argsort(distances, axis=1, kind="stable")[:, :NEAREST]
        rows = np.take_along_axis(rows, order, 1)
        distances = np.take_along_axis(distances, order, 1)
    return rows
