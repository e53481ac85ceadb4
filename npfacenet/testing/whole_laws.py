"""The laws of metrics and recipes, for your own ones too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from npfacenet.layers import Array, L2Normalize, Shape
from npfacenet.networks import Network, Outputs
from npfacenet.networks.outputs import by_name

USUAL = ((64, 48), (97, 61))
"""Heights and widths that a network for any size is tried on."""


def assert_metric_laws(
    distance: Callable[[Array, Array], float], dimension: int = 8, seed: int = 0
) -> None:
    """Check that a distance of two vectors (D,) is a metric, on drawn unit vectors.

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


def assert_recipe_laws(
    build: Callable[[], Network[Outputs]], seed: int = 0, *, input_shapes: Sequence[Shape] = ()
) -> None:
    """Hold a recipe, a function without arguments that gives a Network, against its laws.

    It gives the same network each time; every node has its own name and finds its inputs
    before it; fresh parameters fit; forward gives the shapes that are stated, trace gives what
    forward gives, no bit depends on the batch; and an embedding has unit length. A network that
    takes pictures of any size is tried on `input_shapes`, or on two of about 64 pixels a side.
    Raises AssertionError naming the law.
    """
    network = build()
    names = [node.name for node in network.nodes]
    _require(network, build() == network, "a recipe gives the same network each time")
    _require(network, len(set(names)) == len(names), "every node has a name of its own")
    _require(network, _in_order(network), "a node's inputs stand before it")
    if None not in network.accepted_shape:
        _hold_forward(network, network.input_shape, seed)
        return
    for shape in input_shapes or [(*sides, network.accepted_shape[-1] or 1) for sides in USUAL]:
        _hold_forward(network, shape, seed)


def _hold_forward(network: Network[Outputs], input_shape: Shape, seed: int) -> None:
    """The laws of what a network gives for pictures of one size."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((2, *input_shape)).astype(np.float32)
    parameters, stated = network.initialise(seed), network.shapes(input_shape)
    outputs = by_name(network.forward(parameters, images), network.outputs)
    traced = network.trace(parameters, images)
    alone = [
        by_name(network.forward(parameters, images[i : i + 1]), network.outputs) for i in range(2)
    ]
    layers = {node.name: node.layer for node in network.nodes}
    for name, output in outputs.items():
        apart = np.concatenate([one[name] for one in alone])
        is_unit = not isinstance(layers[name], L2Normalize) or _are_unit(output)
        for holds, law in (
            (output.shape == (2, *stated[name]), "forward gives the stated shape"),
            (np.isfinite(output).all(), "fresh parameters give finite outputs"),
            (np.array_equal(traced[name], output), "trace gives what forward gives"),
            (np.allclose(apart, output, atol=1e-5), "a batch is its examples one by one"),
            (is_unit, "an embedding has unit length"),
        ):
            _require(network, bool(holds), law)


def _require(network: Network[Outputs], holds: bool, law: str) -> None:
    if not holds:
        raise AssertionError(f"broken law of {network.name}: {law}")


def _in_order(network: Network[Outputs]) -> bool:
    seen = {network.INPUT}
    for node in network.nodes:
        if not seen.issuperset(node.inputs):
            return False
        seen.add(node.name)
    return True


def _are_unit(vectors: Array) -> bool:
    return bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4))
