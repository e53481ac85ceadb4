"""From a weight file to a network with its parameters and its card."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from npfacenet.cards import Card, derived_card
from npfacenet.checkpoints.containers import open_container
from npfacenet.checkpoints.layout import Layout
from npfacenet.checkpoints.layouts import recognised
from npfacenet.checkpoints.matching import Match, match
from npfacenet.errors import WeightsError, listed, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, ParameterName
from npfacenet.networks.flat_parameters import split
from npfacenet.recipes import Recipe
from npfacenet.recipes.catalogue import all_recipes
from npfacenet.threads import without_forks

NEVER_ZERO = ("kernel", "gamma", "moving_variance")
SAME = 1e-6  # of the largest number: how far the numbers of one kernel lie apart at least
SMALLEST_KERNEL = 1e-12  # a batch norm adds 1e-5 to variances and hides smaller ones altogether


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file held: a network, every parameter of it (float32), and a card.

    `card` is the file's own if `own_card`, else what is known of the network in general.
    `checksums` are those that the file states and that were verified (`fingerprint.py`), None
    where it states none.
    """

    path: Path
    layout: str
    recipe: Recipe
    network: Network = field(repr=False)
    parameters: NetworkParameters = field(repr=False)
    card: Card
    own_card: bool
    checksums: Mapping[ParameterName, str] | None = field(repr=False)


@contextmanager
def open_weight_file(path: Path) -> Iterator[Layout]:
    """Open a weight file or folder and recognise its layout; no tensor is read yet.

    Raises WeightsError for what is not a weight file, saying what it is instead where that is
    known.
    """
    with open_container(path) as container:
        yield recognised(container)


@without_forks()  # HDF5 and h5py have locks and open files that a child could not go on with
def read_checkpoint(path: Path, recipes: Sequence[Recipe] | None = None) -> Checkpoint:
    """Read a weight file, finding out from names and shapes which network it holds.

    Of `recipes` (None: the catalogue) the one that fits best is taken, the earlier of two that fit
    equally well. Raises WeightsError for a file that cannot be read; for one whose tensors are not
    those of the network, or not of a trained one (a kernel of zeros), with the first few
    deviations; and for one whose own card contradicts it.
    """
    with open_weight_file(path) as file:
        candidates = agreeing(path, recipes, file)
        found = match(file, candidates)
        if not found.fitting:
            names = dict.fromkeys(recipe.architecture for recipe in candidates)
            raise WeightsError(
                f"{path} holds no tensor of a known network ({', '.join(names)}), or in names "
                "and shapes of its own; 'npfacenet weights info FILE' lists them"
            )
        reading = read_fitting(found)
        if reading.faults or not found.complete:
            raise WeightsError(_account(path, found, reading))
        require_own_card(path, file.card, found.recipe, found.network)
        stated = {name: t.checksum for name, t in found.fitting.items() if t.checksum is not None}
        return Checkpoint(
            path=path,
            layout=file.name,
            recipe=found.recipe,
            network=found.network,
            parameters=reading.parameters,
            card=card_of(path, file.card, found.recipe, found.network),
            own_card=file.card is not None,
            checksums=stated if len(stated) == len(found.fitting) else None,
        )


def agreeing(path: Path, recipes: Sequence[Recipe] | None, file: Layout) -> Sequence[Recipe]:
    """Return the recipes that a file's own card names, the card's variant first; all without one.

    Without `recipes`, the catalogue is meant; and a file whose card names a network that is not in
    it may describe that network itself (`Layout.network`). Raises WeightsError for a card of a
    network that is not among them.
    """
    known, card = all_recipes() if recipes is None else recipes, file.card
    if card is None:
        return known
    stated = (card.architecture, card.outputs)
    of_the_card = [one for one in known if (one.architecture, one.outputs) == stated]
    if of_the_card:
        return sorted(of_the_card, key=lambda recipe: recipe.variant != card.variant)
    if recipes is None and (network := file.network) is not None:
        return (card.recipe_of(network),)
    raise WeightsError(
        f"{path}: its card speaks of {quoted(card.architecture)} with {card.outputs} numbers, "
        f"which is none of {listed(list(map(str, known)))}"
    )


def card_of(path: Path, own: Card | None, recipe: Recipe, network: Network) -> Card:
    """Return a file's own card, or the one that its network gives."""
    return derived_card(recipe, network.input_shape[0], path) if own is None else own


def require_own_card(path: Path, card: Card | None, recipe: Recipe, network: Network) -> None:
    """Raise WeightsError if a file's own card contradicts the network that the file holds."""
    if card is None:
        return
    side, variants = network.input_shape[0], {None, recipe.variant}
    variants |= {one.variant for one in all_recipes() if one.architecture == recipe.architecture}
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

    `untrained` lists those that no training leaves behind, such as a kernel of zeros.
    """

    parameters: Mapping[ParameterName, Array]
    not_finite: tuple[str, ...]
    untrained: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def faults(self) -> dict[str, tuple[str, ...]]:
        """The three lists by what a message calls them, empty ones left out."""
        kinds = {
            "not finite": self.not_finite,
            "untrained": self.untrained,
            "unreadable": self.unreadable,
        }
        return {kind: names for kind, names in kinds.items() if names}


def faults_of(
    parameters: Mapping[ParameterName, Array],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """List the tensors that are not finite, and those that no training leaves behind.

    A kernel, gamma or moving variance of zeros makes everybody the same person, and so does a
    kernel that repeats one number. A tensor that was allocated and never written, or written in
    part, holds such numbers.
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
    """Say what shows that a kernel was never trained, or written in part only; None if nothing.

    The zeros of a trained kernel, of dead filters or of numbers too small for half precision, are
    scattered or in columns: no unbroken run of them is longer than a hundred-thousandth of any
    kernel of the public weights.
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
    """Read every tensor that fits, into one array for all, so that all memory is freed at once.

    Raises WeightsError if there is not enough memory.
    """
    shapes = {name: tensor.shape for name, tensor in found.fitting.items()}
    count = sum(map(math.prod, shapes.values()))
    try:
        block = np.empty(count, np.float32)
    except MemoryError as error:
        raise WeightsError(
            f"there is not enough memory for the {count:,} numbers of the file"
        ) from error
    parameters: dict[ParameterName, Array] = {}
    unreadable = []
    for name, numbers in split(block, shapes).items():
        try:
            # Numbers too large for float32 become infinite, and are reported as such below.
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
    """Say in a sentence what keeps a file from being the network that it resembles most."""
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
