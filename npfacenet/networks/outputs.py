"""The outputs of a network: one array, or several by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from npfacenet.arguments import is_masked, is_one_of
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers import Array, Layer, Shape
from npfacenet.layers.layer import is_floating, kind_of
from npfacenet.networks.open_shape import OpenShape, fits

Outputs: TypeAlias = Array | dict[str, Array]
"""The array of a network with one output; a dict of arrays by output name otherwise."""

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Out = TypeVar("Out", bound=Outputs, default=Array, covariant=True)
else:
    from typing import TypeVar

    Out = TypeVar("Out", covariant=True)


def sole(outputs: Outputs) -> Array:
    """Return the array of a network with one output; raise ShapeError for a dict of several."""
    if isinstance(outputs, dict):
        raise ShapeError(f"one output is expected here, and the network has {list(outputs)}")
    return outputs


def by_name(outputs: Outputs, names: Sequence[str]) -> dict[str, Array]:
    """Return the arrays by output name; a single array gets the only name in `names`."""
    return outputs if isinstance(outputs, dict) else dict.fromkeys(names, outputs)


def as_outputs(named: dict[str, Array]) -> Outputs:
    """Return what callers receive: the array if there is one output, else the dict by name."""
    return next(iter(named.values())) if len(named) == 1 else named


def upstream_by_name(
    network: str, upstream: Array | Mapping[str, Array], shapes: Mapping[str, Shape]
) -> dict[str, Array]:
    """Check upstream gradients and return them by output name.

    `shapes` (N, ...) are those of the outputs. A network with one output takes a bare array.
    Outputs that are left out count as zero. Raises
    ArgumentError for an unknown output or none, and ShapeError for another shape.
    """
    if not isinstance(upstream, Mapping):
        if len(shapes) > 1:
            raise ArgumentError(
                f"{network} has the outputs {list(shapes)}: pass upstream gradients by name, such "
                f"as {{{next(iter(shapes))!r}: ...}}"
            )
        upstream = {next(iter(shapes)): upstream}
    if not upstream or (unknown := [name for name in upstream if name not in shapes]):
        what = f"{quoted(unknown[0])} is not an output" if upstream else "no upstream is given"
        raise ArgumentError(f"{network}: {what}; there are {list(shapes)}")
    for name, gradient in upstream.items():
        if not is_floating(gradient) or gradient.shape != shapes[name]:
            of = "" if len(shapes) == 1 else f" of {name!r}"
            raise ShapeError(
                f"{network}: upstream{of} must be floating numbers of shape {shapes[name]}, not "
                f"{shape_and_dtype(gradient)}"
            )
    return dict(upstream)


def accepted_outputs(network: str, outputs: object, nodes: Collection[str]) -> tuple[str, ...]:
    """Check the names of a network's outputs and return them.

    Raises ArgumentError for none, for an unknown node, and for one that is named twice.
    """
    names = list(outputs) if isinstance(outputs, Sequence) else []
    if isinstance(outputs, str) or not names:
        raise ArgumentError(
            f"{network}: outputs are a list of node names, at least one, not {quoted(outputs)}"
        )
    for name in names:
        if not is_one_of(name, *nodes):
            raise ArgumentError(f"{network}: the output {quoted(name)} is not a node")
    if len(set(names)) < len(names):
        raise ArgumentError(f"{network}: an output is named twice: {quoted(names)}")
    return tuple(names)


def unneeded(inputs: Mapping[str, Sequence[str]], outputs: Sequence[str]) -> list[str]:
    """Return the nodes that no output needs; `inputs` are those of every node, in order.

    >>> unneeded({"a": ["image"], "b": ["a"], "c": ["a"]}, ["b"])
    ['c']
    """
    needed = set(outputs)
    for name in reversed(list(inputs)):
        if name in needed:
            needed.update(inputs[name])
    return [name for name in inputs if name not in needed]


def gives(output: object, batch: int, shape: OpenShape) -> bool:
    """Whether what a layer's forward returned is an array of that many pictures and that shape."""
    return is_floating(output) and len(output) == batch and fits(output.shape[1:], shape)


def unlike(layer: Layer, output: object) -> str:
    """What is wrong with a layer whose `forward` did not give what its `output_shape` says."""
    return (
        f"forward of {layer} returned {shape_and_dtype(output)}, which is not floating numbers of "
        "the shape that its output_shape states"
    )


def shape_and_dtype(value: object) -> str:
    """Return the shape and dtype of an array, or the type of anything else, for a message."""
    if is_masked(value):
        return kind_of(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.shape} of {value.dtype}"
    return f"a {type(value).__name__}"
