"""The laws of a metric and of a recipe, for those of one's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npfacenet.layers import Array, L2Normalize
from npfacenet.networks import Network


def assert_metric_laws(
    distance: Callable[[Array, Array], float], dimension: int = 8, seed: int = 0
) -> None:
    """Hold a distance of two vectors (D,) against the laws of a metric, on drawn unit vectors.

    Not negative, 0 from a vector to itself, symmetric, the triangle inequality, finite, and
    nothing written to. Raises AssertionError naming the law.

    >>> assert_metric_laws(lambda a, b: float(np.linalg.norm(a - b)))
    """
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((12, dimension))
    vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors[:1], vectors[:1] + np.float32(1e-4)])
    vectors.flags.writeable = False
    d = np.array([[distance(a, b) for b in vectors] for a in vectors], np.float64)
    for holds, law in (
        (np.isfinite(d).all(), "a distance is finite"),
        ((d >= 0).all(), "a distance is not negative"),
        ((np.diag(d) == 0).all(), "the distance of a vector to itself is 0"),
        (np.allclose(d, d.T, atol=1e-6), "a distance is symmetric"),
        ((d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-6).all(), "the triangle inequality"),
        ((d[~np.eye(len(d), dtype=bool)] > 0).all(), "other vectors are at a distance"),
    ):
        if not holds:
            raise AssertionError(f"broken law: {law}")


def assert_recipe_laws(build: Callable[[], Network], seed: int = 0) -> None:
    """Hold a recipe, a function without arguments that gives a Network, against its laws.

    It gives the same network each time; every node has its own name and finds its inputs
    before it; fresh parameters fit; forward gives the shape that is stated, trace gives what
    forward gives, no bit depends on the batch; and an embedding has unit length.
    """
    network = build()
    names = [node.name for node in network.nodes]
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((2, *network.input_shape)).astype(np.float32)
    parameters = network.initialise(seed)
    output = network.forward(parameters, images)
    traced = network.trace(parameters, images)
    alone = np.concatenate([network.forward(parameters, images[i : i + 1]) for i in range(2)])
    ends_in_unit_vectors = isinstance(network.nodes[-1].layer, L2Normalize)
    for holds, law in (
        (build() == network, "a recipe gives the same network each time"),
        (len(set(names)) == len(names), "every node has a name of its own"),
        (_in_order(network), "a node's inputs stand before it"),
        (output.shape == (2, *network.output_shape), "forward gives the stated shape"),
        (np.isfinite(output).all(), "fresh parameters give finite outputs"),
        (np.array_equal(traced[names[-1]], output), "trace gives what forward gives"),
        (np.allclose(alone, output, atol=1e-5), "a batch is its examples one by one"),
        (not ends_in_unit_vectors or _are_unit(output), "an embedding has unit length"),
    ):
        if not holds:
            raise AssertionError(f"broken law of {network.name}: {law}")


def _in_order(network: Network) -> bool:
    seen = {network.INPUT}
    for node in network.nodes:
        if not seen.issuperset(node.inputs):
            return False
        seen.add(node.name)
    return True


def _are_unit(vectors: Array) -> bool:
    return bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4))
