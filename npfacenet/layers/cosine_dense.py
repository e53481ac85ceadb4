"""Cosines to learnt directions."""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.arguments import is_whole
from npfacenet.errors import quoted
from npfacenet.layers.l2_normalize import L2Normalize
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    ParameterSpec,
    Saved,
    Shape,
)
from npfacenet.layers.registry import register


@register
@dataclass(frozen=True)
class CosineDense(Layer):
    """The cosine of the angle between the input and each column of the kernel, -1 to 1.

    The head of losses with an angular margin, one column for each identity (Deng et al.
    2019, "ArcFace", section 3.1: weights and features are normalised, there is no bias).

    >>> import numpy as np
    >>> CosineDense(1).forward({"kernel": np.array([[3.0], [4.0]])}, np.array([[2.0, 0.0]]))
    array([[0.6]])
    """

    units: int

    def __post_init__(self) -> None:
        self.require(
            is_whole(self.units, low=1),
            f"units must be a whole number of at least 1, not {quoted(self.units)}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (features,) to (units,)."""
        self.one_input(*inputs, rank=1)
        return (self.units,)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return `kernel` (features, units), whose columns may have any length but 0."""
        (features,) = self.one_input(*inputs, rank=1)
        return {"kernel": ParameterSpec((features, self.units), "he_normal", decays=True)}

    def multiply_adds(self, *inputs: Shape) -> int:
        """Count one for every number of the kernel."""
        return self.parameters(*inputs)["kernel"].size

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, features) to (N, units)."""
        (x,) = self.accept(parameters, *inputs)
        # One product per example, so that its bits do not depend on the rest of the batch.
        cosines: Array = (_unit(x)[:, None, :] @ _unit(parameters["kernel"].T).T)[:, 0, :]
        return cosines

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """As `Layer.backward`; through the product of unit vectors, then their normalisation."""
        upstream = self.accept_upstream(saved, upstream)
        x, columns = saved["0"], parameters["kernel"].T
        to_x = _through_unit(saved, x, upstream @ _unit(columns))
        to_columns = _through_unit(saved, columns, upstream.T @ _unit(x))
        return (to_x,), {"kernel": to_columns.T}


_NORMALIZE = L2Normalize()


def _unit(vectors: Array) -> Array:
    return _NORMALIZE.forward({}, vectors)


def _through_unit(saved: Saved, vectors: Array, upstream: Array) -> Array:
    kept = Saved(saved.training, (vectors.shape,), {"0": vectors})
    ((gradient,), _) = _NORMALIZE.backward({}, kept, upstream)
    return gradient
