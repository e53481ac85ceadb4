"""The laws of a layer, for your own layers too.

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

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from npfacenet.layers import Array, Layer, Shape
from npfacenet.testing.gradient_laws import GRADIENT_LAWS
from npfacenet.testing.law_checking import hold, require
from npfacenet.testing.sample import (
    Sample,
    copied,
    draw_sample,
    require_close,
    usual_inputs,
)

LARGEST = 1e4


def assert_layer_laws(layer: Layer, *shapes: Shape, seed: int = 0) -> None:
    """Check that a layer keeps all laws of the contract (`npfacenet.layers.layer`).

    Those of `gradient_laws.py` are among them for a layer that has a backward pass.
    `shapes` are those of its inputs without the batch; without any, usual ones are tried.
    Inputs and parameters are drawn from `seed`. Raises AssertionError naming the law.
    """
    inputs = shapes or usual_inputs(layer)
    laws = (*LAYER_LAWS, *(GRADIENT_LAWS if has_backward(layer) else ()))
    hold(draw_sample(layer, inputs, seed=seed), laws, copied)


def has_backward(layer: Layer) -> bool:
    """Whether the layer states how it is differentiated."""
    return type(layer).backward is not Layer.backward


def shape_inference_tells_the_truth(sample: Sample) -> None:
    """`output_shape` states what `forward` gives, for batches of 0, 1 and more."""
    stated = sample.layer.output_shape(*sample.shapes)
    for batch in (0, 1, len(sample.inputs[0])):
        output = replace(sample, inputs=tuple(x[:batch] for x in sample.inputs)).run()
        require(isinstance(output, np.ndarray), "shape", sample, f"forward gives a {type(output)}")
        detail = f"{output.shape} for a batch of {batch}, not {(batch, *stated)}"
        require(output.shape == (batch, *stated), "shape inference", sample, detail)


def nothing_is_written_to(sample: Sample) -> None:
    """Inputs, parameters and the layer stay unchanged; inputs may be read-only, and stay so."""
    layer_before = repr(vars(sample.layer))
    for frozen in (False, True):
        used, before = copied(sample), copied(sample)
        arrays = (*used.inputs, *used.parameters.values())
        for array in arrays:
            array.flags.writeable = not frozen
        used.run()
        for array, copy in zip(arrays, (*before.inputs, *before.parameters.values()), strict=True):
            same = np.array_equal(array, copy) and array.flags.writeable is not frozen
            require(same, "no input is written to", sample, "one was")
    same = repr(vars(sample.layer)) == layer_before
    require(same, "a layer keeps nothing", sample, "its attributes changed")


def an_output_is_its_own(sample: Sample) -> None:
    """The result of a call is not changed by the next call."""
    first = sample.run()
    before = first.copy()
    replace(sample, inputs=tuple(1 - x for x in sample.inputs)).run()
    require(
        np.array_equal(first, before), "an output is its own", sample, "the next call changed it"
    )


def a_batch_is_its_examples(sample: Sample) -> None:
    """The output of an example does not depend on the others in its batch."""
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
    """float32 in, float32 out; float64 in, float64 out."""
    for dtype in ("float32", "float64"):
        for batch in (0, 1, 3):
            drawn = draw_sample(sample.layer, sample.shapes, batch=batch, dtype=dtype)
            found = drawn.run().dtype
            require(found == np.dtype(dtype), "dtype stays", sample, f"{found} out of {dtype}")


def float64_stays_exact(sample: Sample) -> None:
    """An output that depends on an input or a parameter depends on its float64 digits too."""
    wide = draw_sample(sample.layer, sample.shapes, dtype="float64")
    base = wide.run()
    rng = np.random.default_rng(0)
    variables = [*range(len(wide.inputs)), *wide.parameters]
    for variable in variables:
        nudged = _with(wide, variable, lambda x: x * (1 + 1e-3 * rng.random(x.shape))).run()
        rounded = _with(wide, variable, lambda x: x.astype("float32").astype("float64")).run()
        follows = np.abs(nudged - base) > 1e-6 * max(1.0, float(np.abs(base).max(initial=0)))
        lost = bool((follows & (rounded == base)).any())
        detail = f"{variable!r} is rounded to float32 inside"
        require(not lost, "float64 stays float64", sample, detail)


def _with(sample: Sample, variable: int | str, change: Callable[[Array], Array]) -> Sample:
    """The sample with one input (by number) or one parameter (by name) changed."""
    if isinstance(variable, int):
        inputs = tuple(change(x) if i == variable else x for i, x in enumerate(sample.inputs))
        return replace(sample, inputs=inputs)
    return replace(
        sample, parameters={**sample.parameters, variable: change(sample.parameters[variable])}
    )


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
    nothing_is_written_to,
    shape_inference_tells_the_truth,
    an_output_is_its_own,
    finite_in_finite_out,
    deterministic,
    a_batch_is_its_examples,
    dtype_stays,
    float64_stays_exact,
    memory_order_and_byte_order_do_not_matter,
)
