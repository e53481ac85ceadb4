"""The laws of a layer's backward pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npfacenet.layers import Array, Saved
from npfacenet.testing.gradient_checks import check_gradients
from npfacenet.testing.law_checking import require
from npfacenet.testing.sample import Sample, copied, draw_sample, require_close


def saving_gives_what_forward_gives(sample: Sample) -> None:
    """Without training, `forward_saving` returns what `forward` does, and keeps statistics."""
    output, saved, statistics = _forward(sample, training=False)
    require_close(output, sample.run(), "forward_saving gives what forward gives", sample)
    require(not saved.training, "saved says which pass it was", sample, "it says training")
    require(not statistics, "statistics move in training only", sample, f"{list(statistics)}")


def gradients_fit(sample: Sample) -> None:
    """A gradient for every input and trainable parameter, of its shape and dtype."""
    for dtype in ("float32", "float64"):
        drawn = draw_sample(sample.layer, sample.shapes, dtype=dtype)
        output, saved, statistics = _forward(drawn)
        to_inputs, to_parameters = drawn.layer.backward(
            drawn.parameters, saved, _upstream(output, 0)
        )
        specs = drawn.layer.parameters(*drawn.shapes)
        trainable = {name: drawn.parameters[name] for name, s in specs.items() if s.trainable}
        law, names = "a gradient for each trainable parameter", sorted(to_parameters)
        require(names == sorted(trainable), law, sample, f"{names}, not {sorted(trainable)}")
        law = "a gradient for each input"
        require(len(to_inputs) == len(drawn.inputs), law, sample, f"{len(to_inputs)} gradients")
        expected = [*drawn.inputs, *(trainable[name] for name in names)]
        found = [*to_inputs, *(to_parameters[name] for name in names)]
        for gradient, like in zip(found, expected, strict=True):
            detail = f"{gradient.shape} {gradient.dtype}, not {like.shape} {like.dtype}"
            same = gradient.shape == like.shape and gradient.dtype == like.dtype
            require(same, "a gradient has its input's shape and dtype", sample, detail)
        for name, value in statistics.items():
            same = name in specs and value.shape == specs[name].shape
            same = same and not specs[name].trainable and value.dtype == np.dtype(dtype)
            require(same, "statistics are new values of what is not trainable", sample, name)


def backward_is_linear(sample: Sample) -> None:
    """backward(a u + b v) = a backward(u) + b backward(v)."""
    wide = draw_sample(sample.layer, sample.shapes, dtype="float64")
    output, saved, _ = _forward(wide)
    u, v = _upstream(output, 1), _upstream(output, 2)
    of_u, of_v, of_both = (_flat(wide, saved, up) for up in (u, v, 2 * u - 3 * v))
    for name, gradient in of_both.items():
        expected = 2 * of_u[name] - 3 * of_v[name]
        require_close(gradient, expected, f"backward is linear ({name})", sample)


def backward_writes_to_nothing(sample: Sample) -> None:
    """Parameters, upstream and what was saved stay unchanged; read-only arrays work."""
    used = copied(sample)
    output, saved, _ = _forward(used)
    upstream = _upstream(output, 3)
    arrays = [*used.inputs, *used.parameters.values(), *saved.arrays.values(), upstream]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    first = _flat(used, saved, upstream)
    second = _flat(used, saved, upstream)
    same = all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))
    require(same, "backward writes to nothing", sample, "an array changed")
    same = all(np.array_equal(first[name], second[name]) for name in first)
    require(same, "backward is deterministic", sample, "two runs differ")


def little_is_saved(sample: Sample) -> None:
    """What is saved is no more than inputs, outputs and a few numbers for each channel."""
    batch = draw_sample(sample.layer, sample.shapes, batch=8)
    output, saved, _ = _forward(batch)
    held = sum(array.size for array in saved.arrays.values())
    allowed = sum(x.size for x in batch.inputs) + output.size
    allowed += 4 * sum(shape[-1] for shape in sample.shapes if shape)
    detail = f"{held} numbers for inputs and outputs of {allowed}"
    require(held <= allowed, "what is saved is inputs and outputs", sample, detail)


def gradients_are_difference_quotients(sample: Sample) -> None:
    """Gradients match difference quotients, with batch statistics and with moving ones."""
    wide = draw_sample(sample.layer, sample.shapes, dtype="float64")
    for training in (True, False):
        report = check_gradients(
            wide.layer, *wide.inputs, parameters=wide.parameters, training=training
        )
        detail = f"{'in' if training else 'out of'} training: {report}"
        require(report.ok, "gradients match difference quotients", sample, detail)


GRADIENT_LAWS: tuple[Callable[[Sample], None], ...] = (
    saving_gives_what_forward_gives,
    gradients_fit,
    backward_is_linear,
    backward_writes_to_nothing,
    little_is_saved,
    gradients_are_difference_quotients,
)


def _forward(sample: Sample, training: bool = True) -> tuple[Array, Saved, dict[str, Array]]:
    rng = np.random.default_rng(0)
    return sample.layer.forward_saving(
        sample.parameters, *sample.inputs, training=training, rng=rng
    )


def _upstream(output: Array, seed: int) -> Array:
    drawn: Array = np.random.default_rng([7, seed]).standard_normal(output.shape)
    return drawn.astype(output.dtype)


def _flat(sample: Sample, saved: Saved, upstream: Array) -> dict[str, Array]:
    to_inputs, to_parameters = sample.layer.backward(sample.parameters, saved, upstream)
    return {f"input {i}": gradient for i, gradient in enumerate(to_inputs)} | to_parameters
