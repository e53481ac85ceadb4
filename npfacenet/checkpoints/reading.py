"""From a weight file to a network with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from npfacenet.checkpoints import keras2
from npfacenet.checkpoints.hdf5 import Dataset, TensorFile, open_tensor_file
from npfacenet.checkpoints.matching import Match, match
from npfacenet.errors import WeightsError
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, ParameterName
from npfacenet.recipes import Recipe, recipes

MOST_NAMED = 40  # deviations of one kind that an error message spells out


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file held: every parameter of one network, float32."""

    path: Path
    layout: str
    recipe: Recipe
    network: Network = field(repr=False)
    parameters: NetworkParameters = field(repr=False)


def read_checkpoint(
    path: Path,
    *,
    architecture: str | None = None,
    variant: str | None = None,
    outputs: int | None = None,
) -> Checkpoint:
    """Read a weight file, finding out from names and shapes which network it holds.

    `architecture`, `variant` and `outputs` narrow the choice; without a variant the first
    that fits is taken. Raises WeightsError for a file that cannot be read and, listing
    every deviation, for one whose tensors are not those of the network; ArgumentError for
    a choice that there is not.
    """
    candidates = recipes(architecture, variant, outputs)
    with open_tensor_file(path) as file:
        if not keras2.is_keras2(file):
            raise WeightsError(
                f"{path} is an HDF5 file, but no weights or model file of Keras 2: it lists no "
                "layer names; save the model with model.save_weights('NAME.h5')"
            )
        datasets = keras2.tensors(file)
        found = match({name: dataset.shape for name, dataset in datasets.items()}, candidates)
        if not found.pairs:
            raise WeightsError(
                f"{path} holds {len(datasets)} tensors, none of them of a known network "
                f"({', '.join(dict.fromkeys(r.architecture for r in candidates))})"
            )
        parameters = _read(file, datasets, found)
    return Checkpoint(path, "keras2", found.recipe, found.network, parameters)


def _read(
    file: TensorFile, datasets: Mapping[ParameterName, Dataset], found: Match
) -> dict[ParameterName, Array]:
    """Read what fits into one piece of memory; raise WeightsError if anything deviates."""
    specs = found.network.parameter_specs()
    numbers = np.empty(sum(specs[name].size for name in found.pairs), np.float32)
    parameters: dict[ParameterName, Array] = {}
    start = 0
    for name, name_in_file in found.pairs.items():
        size, shape = specs[name].size, specs[name].shape
        parameters[name] = numbers[start : start + size].reshape(shape)
        start += size
        file.read(datasets[name_in_file], parameters[name])
    not_finite = [
        "/".join(name) for name, tensor in parameters.items() if not np.isfinite(tensor).all()
    ]
    if not_finite or not found.complete:
        raise WeightsError(_account(file.path, found, not_finite))
    return parameters


def _account(path: Path, found: Match, not_finite: list[str]) -> str:
    kinds = {
        "missing": found.missing,
        "unexpected": found.unexpected,
        "mis-shaped": found.mis_shaped,
        "not finite": not_finite,
    }
    listed = []
    for kind, names in kinds.items():
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            listed.append(f"{len(names)} {kind}: {', '.join(names[:MOST_NAMED])}{more}")
    return (
        f"{path} does not hold the tensors of {found.recipe}, the network it resembles most: "
        f"{'; '.join(listed)}"
    )
