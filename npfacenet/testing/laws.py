"""The laws of a layer, of a metric and of a recipe, for parts of one's own.

Five lines test a layer:

>>> from npfacenet.layers import ReLU
>>> from npfacenet.testing import assert_layer_laws
>>> def test_my_layer():
...     assert_layer_laws(ReLU())
...     assert_layer_laws(ReLU(), (5, 6, 3))  # on inputs of this shape, the batch left out
>>> test_my_layer()

Each law is a function of its own; an AssertionError says which was broken, and by what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from npfacenet.errors import ShapeError
from npfacenet.layers import Array, L2Normalize, Layer, Parameters, Shape
from npfacenet.networks import Network

# What a layer is tried on when nobody says which inputs it takes.
USUAL_INPUTS: tuple[tuple[Shape, ...], ...] = (
    ((5, 6, 3),),
    ((7,),),
    ((4, 5, 3), (4, 5, 3)),
    ((6,), (6,)),
    ((9, 9, 2),),
)
LARGEST = 1e4


@dataclass(frozen=True)
class Sample:
    """A layer with inputs (N, *shape) that fit it, and parameters."""

    layer: Layer
    inputs: tuple[Array, ...]
    parameters: Parameters

    def run(self) -> Array:
        """The layer's output."""
        return self.layer.forward(self.parameters, *self.inputs)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs, without the batch."""
        return tuple(x.shape[1:] for x in self.inputs)


def assert_layer_laws(layer: Layer, *shapes: Shape, seed: int = 0) -> None:
    """Hold a layer against all laws of the contract (`npfacenet.layers.layer`).

    `shapes` are those of its inputs without the batch; without any, usual ones are tried.
    Inputs and parameters are drawn from `seed`. Raises AssertionError naming the law.
    """
    inputs = shapes or usual_inputs(layer)
    sample = draw_sample(layer, inputs, seed=seed)
    with np.errstate(all="ignore"):  # a law says more than a warning
        for law in LAYER_LAWS:
            law(sample)


def usual_inputs(layer: Layer) -> tuple[Shape, ...]:
    """The first of the usual shapes that the layer takes; AssertionError if it takes none."""
    for shapes in USUAL_INPUTS:
        try:
            layer.output_shape(*shapes)
        except ShapeError:
            continue
        return shapes
    raise AssertionError(f"{layer} takes none of the usual inputs {USUAL_INPUTS}: state its shapes")


def draw_sample(
    layer: Layer,
    shapes: tuple[Shape, ...],
    *,
    batch: int = 3,
    seed: int = 0,
    dtype: str = "float32",
) -> Sample:
    """Inputs and parameters for which no law is trivial: every sign of gamma, variances above 0."""
    rng = np.random.default_rng(seed)
    inputs = tuple(rng.standard_normal((batch, *shape)).astype(dtype) for shape in shapes)
    parameters: dict[str, Array] = {}
    for name, spec in layer.parameters(*shapes).items():
        values = rng.standard_normal(spec.shape)
        parameters[name] = (np.abs(values) + 0.1 if "variance" in name else values).astype(dtype)
    return Sample(layer, inputs, parameters)


def shape_inference_tells_the_truth(sample: Sample) -> None:
    """`output_shape` states what `forward` gives, for batches of 0, 1 and more."""
    stated = sample.layer.output_shape(*sample.shapes)
    for batch in (0, 1, len(sample.inputs[0])):
        output = replace(sample, inputs=tuple(x[:batch] for x in sample.inputs)).run()
        require(isinstance(output, np.ndarray), "shape", sample, f"forward gives a {type(output)}")
        detail = f"{output.shape} for a batch of {batch}, not {(batch, *stated)}"
        require(output.shape == (batch, *stated), "shape inference", sample, detail)


def nothing_is_written_to(sample: Sample) -> None:
    """Inputs and parameters are as before, and may be read-only."""
    arrays = (*sample.inputs, *sample.parameters.values())
    before = [array.copy() for array in arrays]
    writable = copied(sample)
    writable.run()
    changed = (*writable.inputs, *writable.parameters.values())
    for array, copy in zip(changed, before, strict=True):
        require(np.array_equal(array, copy), "no input is written to", sample, "one was")
    frozen = copied(sample)
    for array in (*frozen.inputs, *frozen.parameters.values()):
        array.flags.writeable = False
    try:
        frozen.run()
    except ValueError as error:
        require(False, "read-only inputs", sample, str(error))


def a_batch_is_its_examples(sample: Sample) -> None:
    """What an example gives does not depend on the others in its batch."""
    together = sample.run()
    for i in range(len(together)):
        alone = replace(sample, inputs=tuple(x[i : i + 1] for x in sample.inputs)).run()
        require_close(alone[0], together[i], "a batch is its examples one by one", sample)


def finite_in_finite_out(sample: Sample) -> None:
    """For numbers up to 1e4, and for zeros."""
    for scale in (LARGEST, 1.0, 0.0):
        inputs = tuple(np.clip(x * scale, -LARGEST, LARGEST) for x in sample.inputs)
        output = replace(sample, inputs=inputs).run()
        detail = f"not for inputs of up to {scale:g}"
        require(bool(np.isfinite(output).all()), "finite in, finite out", sample, detail)


def deterministic(sample: Sample) -> None:
    """The same inputs give the same bits, again and again."""
    first, second, third = sample.run().copy(), sample.run(), copied(sample).run()
    same = np.array_equal(first, second) and np.array_equal(first, third)
    require(same, "deterministic", sample, "two runs differ")


def dtype_stays(sample: Sample) -> None:
    """float32 in, float32 out; float64 in, float64 out, and as exact as that."""
    shapes = sample.shapes
    for dtype in ("float32", "float64"):
        output = draw_sample(sample.layer, shapes, dtype=dtype).run()
        found = output.dtype.newbyteorder("=")
        require(found == np.dtype(dtype), "dtype stays", sample, f"{found} out of {dtype}")
    wide = draw_sample(sample.layer, shapes, dtype="float64")
    narrow = Sample(
        sample.layer,
        tuple(x.astype("float32").astype("float64") for x in wide.inputs),
        {name: p.astype("float32").astype("float64") for name, p in wide.parameters.items()},
    )
    if all(x.size for x in wide.inputs):
        moved = not np.array_equal(wide.run(), narrow.run())
        detail = "float64 is rounded to float32 inside"
        require(moved or not _looks_at_its_inputs(wide), "float64 stays float64", sample, detail)


def memory_order_and_byte_order_do_not_matter(sample: Sample) -> None:
    """Strided, Fortran-ordered and big-endian inputs give what contiguous native ones give."""
    expected = sample.run()
    unusual = {
        "strided": [np.repeat(x, 2, axis=-1)[..., ::2] for x in sample.inputs],
        "Fortran-ordered": [np.asfortranarray(x) for x in sample.inputs],
        "of the other byte order": [x.astype(x.dtype.newbyteorder("S")) for x in sample.inputs],
        "reversed in memory": [np.ascontiguousarray(x[::-1])[::-1] for x in sample.inputs],
    }
    for kind, inputs in unusual.items():
        output = replace(sample, inputs=tuple(inputs)).run()
        require_close(output, expected, f"inputs {kind}", sample)


LAYER_LAWS: tuple[Callable[[Sample], None], ...] = (
    shape_inference_tells_the_truth,
    nothing_is_written_to,
    a_batch_is_its_examples,
    finite_in_finite_out,
    deterministic,
    dtype_stays,
    memory_order_and_byte_order_do_not_matter,
)


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


def require(holds: bool, law: str, sample: Sample, detail: str) -> None:
    """Raise AssertionError naming law, layer and inputs unless it holds."""
    if not holds:
        raise AssertionError(
            f"broken law: {law}. {sample.layer} on inputs {list(sample.shapes)}: {detail}"
        )


def require_close(found: Array, expected: Array, law: str, sample: Sample) -> None:
    """Raise AssertionError unless two outputs agree within 1e-5 of the largest number."""
    same_shape = np.shape(found) == np.shape(expected)
    require(same_shape, law, sample, f"shape {np.shape(found)}, not {np.shape(expected)}")
    tolerance = 1e-5 * max(1.0, float(np.abs(expected).max(initial=0)))
    difference = float(np.abs(found - expected).max(initial=0))
    require(difference <= tolerance, law, sample, f"they differ by {difference:g}")


def copied(sample: Sample) -> Sample:
    """The same numbers in arrays of their own."""
    parameters: Mapping[str, Array] = {name: p.copy() for name, p in sample.parameters.items()}
    return Sample(sample.layer, tuple(x.copy() for x in sample.inputs), parameters)


def _looks_at_its_inputs(sample: Sample) -> bool:
    """Whether the output follows small changes of the inputs at all."""
    nudged = replace(sample, inputs=tuple(x * (1 + 1e-3) for x in sample.inputs))
    return not np.array_equal(nudged.run(), sample.run())


def _in_order(network: Network) -> bool:
    seen = {network.INPUT}
    for node in network.nodes:
        if not seen.issuperset(node.inputs):
            return False
        seen.add(node.name)
    return True


def _are_unit(vectors: Array) -> bool:
    return bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4))
