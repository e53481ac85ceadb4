"""From a weight file to a network with its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from npfacenet.cards import Card
from npfacenet.checkpoints.hdf5 import open_tensor_file
from npfacenet.checkpoints.keras2 import KerasModel, KerasWeights
from npfacenet.checkpoints.keras3 import Keras3Weights
from npfacenet.checkpoints.layout import Layout
from npfacenet.checkpoints.matching import Match, match
from npfacenet.checkpoints.native import Native
from npfacenet.checkpoints.openface_csv import OpenfaceCsv
from npfacenet.errors import WeightsError, listed, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, ParameterName
from npfacenet.networks.flat_parameters import split
from npfacenet.recipes import RECIPES, Recipe
from npfacenet.threads import without_forks

NEVER_ZERO = ("kernel", "gamma", "moving_variance")
SAME = 1e-6  # of the largest number: how far the numbers of one kernel lie apart at least
SMALLEST_KERNEL = 1e-12  # a batch norm adds 1e-5 to variances and hides smaller ones altogether
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
def open_weight_file(path: Path) -> Iterator[Layout]:
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
    WeightsError for a file that cannot be read; for one whose tensors are not those of the
    network, or are not of a trained one (a kernel of zeros), with the first few deviations; and
    for one whose own card contradicts it.
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
        if reading.faults or not found.complete:
            raise WeightsError(_account(path, found, reading))
        require_own_card(path, file.card, found.recipe, found.network)
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
    """The recipes that a file's own card speaks of, the card's variant first; all without one.

    Raises WeightsError for a card of a network that is not among `recipes`.
    """
    if card is None:
        return recipes
    stated = (card.architecture, card.outputs)
    of_the_card = [one for one in recipes if (one.architecture, one.outputs) == stated]
    if not of_the_card:
        raise WeightsError(
            f"{path}: its card speaks of {quoted(card.architecture)} with {card.outputs} numbers, "
            f"which is none of {listed(list(map(str, recipes)))}"
        )
    return sorted(of_the_card, key=lambda recipe: recipe.variant != card.variant)


def require_own_card(path: Path, card: Card | None, recipe: Recipe, network: Network) -> None:
    """Raise WeightsError if a file's own card contradicts the network that the file holds."""
    if card is None:
        return
    side, variants = network.input_shape[0], {None, recipe.variant}
    variants |= {other.variant for other in RECIPES if other.architecture == recipe.architecture}
    fault = None
    if card.input_size != side:
        fault = f"pictures of {card.input_size:,} pixels, where {recipe} takes {side}"
    elif card.outputs != recipe.outputs:
        fault = f"{card.outputs} numbers, where {recipe} gives {recipe.outputs}"
    elif card.variant not in variants:
        fault = f"the variant {quoted(card.variant)}, which {recipe.architecture} does not have"
    if fault:
        raise WeightsError(f"{path}: its card speaks of {fault}; obtain the file again")


@dataclass(frozen=True)
class Reading:
    """The tensors that were read, and the names of those that cannot be used.

    `untrained` are those that no training leaves behind, such as a kernel of zeros.
    """

    parameters: Mapping[ParameterName, Array]
    not_finite: tuple[str, ...]
    untrained: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def faults(self) -> dict[str, tuple[str, ...]]:
        """The three lists by what a message calls them, without those that are empty."""
        kinds = {
            "not finite": self.not_finite,
            "untrained": self.untrained,
            "unreadable": self.unreadable,
        }
        return {kind: names for kind, names in kinds.items() if names}


def faults_of(
    parameters: Mapping[ParameterName, Array],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tensors that are not finite, and those that no training leaves behind.

    A kernel, gamma or moving variance of zeros makes everybody the same person, as does a kernel
    that repeats one number. That is what a tensor holds that was allocated and never written, or
    written in part.
    """
    not_finite, untrained = [], []
    for name, numbers in parameters.items():
        shown = "/".join(name)
        low, high = float(numbers.min()), float(numbers.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            not_finite.append(shown)
        elif name[1] == "moving_variance" and low < 0:
            not_finite.append(f"{shown} (a variance below 0)")
        elif name[1] in NEVER_ZERO and low == high == 0:
            untrained.append(f"{shown} (all zeros)")
        elif name[1] == "kernel" and (fault := _unlike_a_trained_one(numbers, low, high)):
            untrained.append(f"{shown} ({fault})")
    return tuple(not_finite), tuple(untrained)


def _unlike_a_trained_one(kernel: Array, low: float, high: float) -> str | None:
    """What shows that a kernel of several numbers was never trained, or written in part only.

    Zeros of their own accord, of filters that died or numbers too small for half precision, are
    scattered or in columns: in one piece they are no more than a hundred-thousandth of any kernel
    of the public weights.
    """
    largest, some = max(-low, high), kernel.size // 8
    if kernel.size > 1 and high - low <= SAME * largest:
        return "the same number everywhere"
    if largest < SMALLEST_KERNEL:
        return f"no number in it is larger than {largest:.1g}"
    flat = kernel.reshape(-1)
    for where, part in (("first", flat[:some]), ("last", flat[kernel.size - some :])):
        if some and not part[0] and not part[-1] and not part.any():  # the first two are quick
            return f"the {where} eighth of it is zeros"
    return None


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
    unreadable = []
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
    block.flags.writeable = False
    return Reading(parameters, *faults_of(parameters), tuple(unreadable))


def _account(path: Path, found: Match, reading: Reading) -> str:
    """What keeps a file from being the network that it resembles most, in a sentence."""
    kinds = {
        "missing": found.missing,
        "unexpected": found.unexpected,
        "mis-shaped": found.mis_shaped,
        **reading.faults,
    }
    told = [f"{len(names)} {kind}: {listed(names)}" for kind, names in kinds.items() if names]
    return (
        f"{path} does not hold the tensors of {found.recipe}, the network it resembles most: "
        f"{'; '.join(told)}; 'npfacenet weights info FILE' lists all"
    )
