"""From a weight file to a network with its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from npfacenet.checkpoints.card import Card
from npfacenet.checkpoints.hdf5 import open_tensor_file
from npfacenet.checkpoints.keras2 import KerasModel, KerasWeights
from npfacenet.checkpoints.keras3 import Keras3Weights
from npfacenet.checkpoints.layout import WeightFile
from npfacenet.checkpoints.matching import Match, match
from npfacenet.checkpoints.native import Native
from npfacenet.checkpoints.openface_csv import OpenfaceCsv
from npfacenet.errors import WeightsError
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, ParameterName
from npfacenet.networks.row import split
from npfacenet.recipes import RECIPES, Recipe
from npfacenet.threads import without_forks

MOST_NAMED = 40  # deviations of one kind that an error message spells out
LAYOUTS = (Native, KerasModel, KerasWeights, Keras3Weights)


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file held: every parameter of one network, float32.

    `card` is the file's own, None for files of others; `checksums` are those that the file
    states and that were verified (`fingerprint.py`), None likewise.
    """

    path: Path
    layout: str
    recipe: Recipe
    network: Network = field(repr=False)
    parameters: NetworkParameters = field(repr=False)
    card: Card | None
    checksums: Mapping[ParameterName, str] | None = field(repr=False)


@contextmanager
def open_weight_file(path: Path) -> Iterator[WeightFile]:
    """Open a weight file or folder, finding out which layout it has; nothing is read yet.

    Raises WeightsError for what is no weight file, saying what it is instead where that is
    known.
    """
    try:
        folder = path.is_dir()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if folder:
        yield OpenfaceCsv(path)
        return
    with open_tensor_file(path) as file:
        for layout in LAYOUTS:
            if layout.recognises(file):
                yield layout(file)
                return
        raise WeightsError(
            f"{path} is an HDF5 file, but in no layout of weights that is known (Keras 2 and 3 "
            "weights and models, npfacenet): save it with model.save_weights('NAME.weights.h5')"
        )


@without_forks()  # HDF5 and h5py have locks and open files that a child could not go on with
def read_checkpoint(path: Path, recipes: Sequence[Recipe] = RECIPES) -> Checkpoint:
    """Read a weight file, finding out from names and shapes which network it holds.

    Of `recipes` the one that fits best is taken, the earlier of two that fit as well. Raises
    WeightsError for a file that cannot be read and, listing every deviation, for one whose
    tensors are not those of the network.
    """
    with open_weight_file(path) as file:
        found = match(file, agreeing(path, recipes, file.card))
        if not found.fitting:
            names = dict.fromkeys(recipe.architecture for recipe in recipes)
            raise WeightsError(
                f"{path} holds no tensor of a known network ({', '.join(names)}), or in names "
                "and shapes of its own; 'npfacenet weights info FILE' lists them"
            )
        reading = read_fitting(found)
        if reading.not_finite or reading.unreadable or not found.complete:
            raise WeightsError(_account(path, found, reading))
        stated = {name: t.checksum for name, t in found.fitting.items() if t.checksum is not None}
        checksums = stated if len(stated) == len(found.fitting) else None
        return Checkpoint(
            path=path,
            layout=file.layout,
            recipe=found.recipe,
            network=found.network,
            parameters=reading.parameters,
            card=file.card,
            checksums=checksums,
        )


def agreeing(path: Path, recipes: Sequence[Recipe], card: Card | None) -> Sequence[Recipe]:
    """The recipes that a file's own card speaks of, the card's variant first; all without one."""
    if card is None:
        return recipes
    of_the_card = [
        recipe
        for recipe in recipes
        if (recipe.architecture, recipe.outputs) == (card.architecture, card.outputs)
    ]
    if not of_the_card:
        raise WeightsError(
            f"{path}: its card speaks of {card.architecture} with {card.outputs} numbers, which is "
            f"none of {', '.join(map(str, recipes))}"
        )
    return sorted(of_the_card, key=lambda recipe: recipe.variant != card.variant)


@dataclass(frozen=True)
class Reading:
    """The tensors that were read, and the names of those that are no numbers to use."""

    parameters: Mapping[ParameterName, Array]
    not_finite: tuple[str, ...]
    unreadable: tuple[str, ...]


def read_fitting(found: Match) -> Reading:
    """Read every tensor that fits, into one array for all, so that all memory is free at once.

    Raises WeightsError where there is not enough memory.
    """
    shapes = {name: tensor.shape for name, tensor in found.fitting.items()}
    count = sum(map(math.prod, shapes.values()))
    try:
        block = np.empty(count, np.float32)
    except MemoryError as error:
        raise WeightsError(f"there is no memory for the {count:,} numbers of the file") from error
    parameters: dict[ParameterName, Array] = {}
    not_finite, unreadable = [], []
    for name, numbers in split(block, shapes).items():
        try:
            # Numbers too large for float32 become infinite, and are told as such below.
            with np.errstate(over="ignore"):
                found.fitting[name].read(numbers)
        except WeightsError as error:
            unreadable.append(str(error))
        else:
            parameters[name] = numbers
            numbers.flags.writeable = False
            if not np.isfinite(numbers).all():
                not_finite.append("/".join(name))
            elif name[1] == "moving_variance" and (numbers < 0).any():
                not_finite.append(f"{'/'.join(name)} (a variance below 0)")
    block.flags.writeable = False
    return Reading(parameters, tuple(not_finite), tuple(unreadable))


def _account(path: Path, found: Match, reading: Reading) -> str:
    """All that keeps a file from being the network that it resembles most, in a sentence."""
    kinds = {
        "missing": found.missing,
        "unexpected": found.unexpected,
        "mis-shaped": found.mis_shaped,
        "not finite": reading.not_finite,
        "unreadable": reading.unreadable,
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
