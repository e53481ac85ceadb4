"""From a weight file to a network with its parameters and its card."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from npfacenet.cards import Card
from npfacenet.checkpoints.containers import open_container
from npfacenet.checkpoints.layout import Layout
from npfacenet.checkpoints.layouts import recognised
from npfacenet.checkpoints.matching import Match, match
from npfacenet.checkpoints.self_description import (
    agreeing,
    card_of,
    require_own_card,
    require_own_graph,
)
from npfacenet.errors import WeightsError, listed
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName
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
    network: Network[Outputs] = field(repr=False)
    parameters: NetworkParameters = field(repr=False)
    card: Card
    own_card: bool
    checksums: Mapping[ParameterName, str] | None = field(repr=False)


@contextmanager
def open_weight_file(path: Path, layouts: Sequence[type[Layout]] | None = None) -> Iterator[Layout]:
    """Open a weight file or folder and recognise its layout; no tensor is read yet.

    Raises WeightsError for what is not a weight file, saying what it is instead where that is
    known.
    """
    with open_container(path) as container:
        yield recognised(container, layouts)


@without_forks()  # HDF5 and h5py have locks and open files that a child could not go on with
def read_checkpoint(
    path: Path,
    recipes: Sequence[Recipe] | None = None,
    *,
    described: bool | None = None,
    layouts: Sequence[type[Layout]] | None = None,
) -> Checkpoint:
    """Read a weight file, finding out from names and shapes which network it holds.

    Of `recipes` (None: the catalogue) the one that fits best is taken, the earlier of two that fit
    equally well. A file may also hold a network that it describes itself; `described` says whether
    that is wanted (None: if no recipes are given). `layouts` (None: all) are tried in their order.
    Raises WeightsError for a file that cannot be read; for one whose tensors are not those of the
    network, or not of a trained one (a kernel of zeros), with the first few deviations; and for one
    whose own card or network contradicts it.
    """
    with open_weight_file(path, layouts) as file:
        known = all_recipes() if recipes is None else recipes
        wanted = recipes is None if described is None else described
        candidates = agreeing(path, known, file, described=wanted)
        found = match(file, candidates)
        limits = f"; {file.limits}" if wanted and file.limits else ""
        if not found.fitting:
            names = dict.fromkeys(recipe.architecture for recipe in candidates)
            raise WeightsError(
                f"{path} holds no tensor of a known network ({', '.join(names)}), or in names "
                f"and shapes of its own; 'npfacenet weights info FILE' lists them{limits}"
            )
        reading = read_fitting(found)
        if reading.faults or not found.complete:
            raise WeightsError(_account(path, found, reading) + limits)
        require_own_card(path, file.card, found.recipe, found.network)
        require_own_graph(path, file, found.recipe)
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
