"""Whether parameters are those of a network."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from npfacenet.arguments import is_masked
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers import ParameterSpec
from npfacenet.networks.node import NetworkParameters, ParameterName
from npfacenet.networks.outputs import shape_and_dtype


def require_parameters(
    network: str, specs: Mapping[ParameterName, ParameterSpec], parameters: NetworkParameters
) -> None:
    """Raise ShapeError, naming it, for a parameter that is missing or does not fit its spec."""
    require_mapping(network, parameters)
    for (node, name), spec in specs.items():
        if (node, name) not in parameters:
            raise ShapeError(f"{network} lacks {node}/{name} of shape {spec.shape}")
        parameter = parameters[node, name]
        if is_masked(parameter) or not _is_numbers(parameter):
            raise ShapeError(
                f"{node}/{name} must be real numbers, not {shape_and_dtype(parameter)}"
            )
        if (shape := np.shape(parameter)) != spec.shape:
            raise ShapeError(f"{node}/{name} must have shape {spec.shape}, not {shape}")


def require_mapping(network: str, parameters: object) -> None:
    """Raise ShapeError unless the parameters are a mapping."""
    if not isinstance(parameters, Mapping):
        raise ShapeError(
            f"{network} takes parameters by (node, name), not {shape_and_dtype(parameters)}"
        )


def require_learning(network: str, specs: Collection[ParameterName], learning: object) -> None:
    """Raise ArgumentError unless `learning` is None or a collection of the parameters' names."""
    if learning is None:
        return
    if not isinstance(learning, Collection) or isinstance(learning, str):
        raise ArgumentError(
            f"{network}: learning holds (node, name) of parameters, unlike {quoted(learning)}"
        )
    known: list[object] = [*specs]  # == takes names that cannot be hashed
    for name in learning:
        if name not in known:
            raise ArgumentError(f"{network} has no parameter {quoted(name)}")


def _is_numbers(value: object) -> bool:
    """Whether it is an array of real numbers, or a list of such."""
    try:
        return np.asarray(value).dtype.kind in "fiu"
    except (TypeError, ValueError):
        return False
