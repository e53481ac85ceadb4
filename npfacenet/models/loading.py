"""From a name or a weight file to a model."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from npfacenet.checkpoints.reading import Checkpoint, read_checkpoint
from npfacenet.checkpoints.reloadable import ReloadableParameters
from npfacenet.errors import ArgumentError, WeightsError, quoted
from npfacenet.images import preprocessing as scaling_named
from npfacenet.models.model import Model
from npfacenet.recipes import RECIPES, Recipe, recipes
from npfacenet.threads import without_forks
from npfacenet.zoo.lookup import find
from npfacenet.zoo.manifest import PACKAGED
from npfacenet.zoo.provenance import derived_card

Reader: TypeAlias = Callable[[Path, Sequence[Recipe]], Checkpoint]
_log = logging.getLogger(__name__)


def load(
    name_or_path: str | os.PathLike[str] = PACKAGED,
    *,
    architecture: str | None = None,
    variant: str | None = None,
    preprocessing: str | None = None,
    untrusted: bool = False,
) -> Model:
    """Load a face recognition model.

    `name_or_path`: a weight file or folder in any known layout, or a name ("npfacenet-small", the
    default, which comes with the package; "nn4.small2", "inception-resnet-v1") that is looked for
    in `$NPFACENET_WEIGHTS`, the user's cache, the package's own data and the checkout's
    `weights/`. Which network a file holds is found out from its tensors; `architecture` insists on
    one. `variant`: for nn4.small2 "course" (the default) or "openface". `preprocessing` ("unit",
    "fixed", "prewhiten") replaces the card's. `untrusted` reads the file in a child process with
    limits on time and memory, because HDF5's C library has crashed on crafted files before, and
    looped for ever; that takes about 0.3 s longer.

    Raises WeightsNotFoundError, saying where it was looked for and how to get it;
    WeightsError for a file that cannot be used; ArgumentError for an unknown choice, or
    that is not what the file holds.
    """
    candidates = recipes(architecture, variant)
    if name_or_path == PACKAGED and PACKAGED not in {one.architecture for one in candidates}:
        asked = " and ".join(quoted(choice) for choice in (architecture, variant) if choice)
        raise ArgumentError(
            f"{PACKAGED}, the default, is not {asked}: name the model that is meant, such as "
            f"{candidates[0].architecture}"
        )
    scaling = None if preprocessing is None else scaling_named(preprocessing).name
    path, read = find(name_or_path), _reader(untrusted=untrusted)
    began = perf_counter()
    checkpoint = _read(read, path, candidates, architecture, variant)
    _require_named(name_or_path, path, checkpoint.recipe)
    parameters = ReloadableParameters(checkpoint, partial(read, path.absolute(), candidates))
    card = checkpoint.card or derived_card(
        checkpoint.recipe, checkpoint.network.input_shape[0], path, parameters.digest
    )
    card = card.adapted(checkpoint.recipe.variant, scaling or card.preprocessing)
    model = Model(checkpoint.network, parameters, card)
    taken = 1e3 * (perf_counter() - began)
    _log.info(
        "loaded %s (%s) from %s in %.1f ms", card.architecture, checkpoint.layout, path, taken
    )
    return model


def _require_named(name: str | os.PathLike[str], path: Path, held: Recipe) -> None:
    """Raise WeightsError if the file found under the name of a network holds another one."""
    meant = [one for one in RECIPES if one.architecture == name]  # the default choice first
    if meant and (held.architecture, held.outputs) != (name, meant[0].outputs):
        raise WeightsError(
            f"{path} was found under the name {name!r}, but holds {held}: rename or remove it, or "
            "load it by its path"
        )


def _read(
    read: Reader,
    path: Path,
    candidates: Sequence[Recipe],
    architecture: str | None,
    variant: str | None,
) -> Checkpoint:
    """Read a file as one of the networks asked for.

    Where it is a sound file of another network, the choice is at fault, and the error says so.
    """
    try:
        return read(path, candidates)
    except WeightsError as error:
        with without_forks():
            from npfacenet.checkpoints.isolation import ChildError

        if len(candidates) == len(RECIPES) or isinstance(error, ChildError):
            raise
        found = read(path, RECIPES).recipe  # raises what is wrong with the file, if that is all
        asked = {"architecture": architecture, "variant": variant}
        options = " and ".join(f"{k} {quoted(v)}" for k, v in asked.items() if v is not None)
        raise ArgumentError(
            f"{path} holds {found}, which is not {options}: leave that out, or name another file"
        ) from None


def _reader(*, untrusted: bool) -> Reader:
    if not untrusted:
        return read_checkpoint
    with without_forks():
        from npfacenet.checkpoints.isolation import read_isolated

    return read_isolated
