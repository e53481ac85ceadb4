"""Loading a model by the name of its weights or from a weight file."""

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
from npfacenet.recipes import Recipe, recipes
from npfacenet.threads import without_forks
from npfacenet.zoo.lookup import find
from npfacenet.zoo.packaged import DEFAULT_MODEL
from npfacenet.zoo.provenance import with_known_origin

Reader: TypeAlias = Callable[[Path, Sequence[Recipe] | None], Checkpoint]
_log = logging.getLogger(__name__)


def load(
    name_or_path: str | os.PathLike[str] = DEFAULT_MODEL,
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
    `weights/`. The tensors of a file tell which network it holds; `architecture` insists on
    one. `variant`: for nn4.small2 "course" (the default) or "openface". `preprocessing` ("unit",
    "fixed", "prewhiten") replaces the card's. `untrusted` reads the file in a child process with
    limits on time and memory, because HDF5's C library has crashed on crafted files before, and
    looped for ever; that takes about 0.3 s longer.

    Networks that were registered (`npfacenet.recipes.register`) are recognised, too. One that is
    for another purpose than embeddings is loaded, and refused by `Model.embed`.

    Raises WeightsNotFoundError, saying where it looked and how to get the weights;
    WeightsError for a file that cannot be used; ArgumentError for an unknown choice, and for
    one that is not what the file holds.
    """
    narrowed = architecture is not None or variant is not None
    candidates = recipes(architecture, variant) if narrowed else None
    if name_or_path == DEFAULT_MODEL and candidates is not None:
        _require_packaged(candidates, architecture, variant)
    scaling = None if preprocessing is None else scaling_named(preprocessing).name
    path, read = find(name_or_path), _reader(untrusted=untrusted)
    _require_one_network(name_or_path, path)
    began = perf_counter()
    checkpoint = _read(read, path, candidates, architecture, variant)
    recipe, card = checkpoint.recipe, checkpoint.card
    _require_named(name_or_path, path, recipe)
    parameters = ReloadableParameters(checkpoint, partial(read, path.absolute(), (recipe,)))
    own = card
    card = card.adapted(recipe.variant, card.preprocessing if scaling is None else scaling)
    if not checkpoint.own_card or card is not own:
        card = with_known_origin(card, parameters.digest)
    model = Model(checkpoint.network, parameters, card)
    taken = 1e3 * (perf_counter() - began)
    _log.info(
        "loaded %s (%s) from %s in %.1f ms", card.architecture, checkpoint.layout, path, taken
    )
    return model


def _require_packaged(
    candidates: Sequence[Recipe], architecture: str | None, variant: str | None
) -> None:
    """Raise ArgumentError if the packaged weights are not of a network that was asked for."""
    if DEFAULT_MODEL not in {one.architecture for one in candidates}:
        asked = " and ".join(quoted(choice) for choice in (architecture, variant) if choice)
        raise ArgumentError(
            f"{DEFAULT_MODEL}, the default, is not {asked}: name the model that is meant, such as "
            f"{candidates[0].architecture}"
        )


def _require_one_network(name: str | os.PathLike[str], path: Path) -> None:
    """Raise WeightsError for the folder of a detector that consists of several networks."""
    if path.is_dir() and (files := sorted(path.glob("pnet.*"))):
        raise WeightsError(
            f"{path} holds the networks of a detector: npfacenet.faces.load({os.fsdecode(name)!r}) "
            f"loads it; here name one of them, such as {files[0]}"
        )


def _require_named(name: str | os.PathLike[str], path: Path, held: Recipe) -> None:
    """Raise WeightsError if the file found under the name of a network holds another one."""
    meant = [one for one in recipes() if one.architecture == name]  # the default choice first
    if meant and (held.architecture, held.outputs) != (name, meant[0].outputs):
        raise WeightsError(
            f"{path} was found under the name {name!r}, but holds {held}: rename or remove it, or "
            "load it by its path"
        )


def _read(
    read: Reader,
    path: Path,
    candidates: Sequence[Recipe] | None,
    architecture: str | None,
    variant: str | None,
) -> Checkpoint:
    """Read a file as one of the networks asked for.

    If it is a sound file of another network, the choice is at fault, and the error says so.
    """
    try:
        return read(path, candidates)
    except WeightsError as error:
        with without_forks():
            from npfacenet.checkpoints.isolation import ChildError

        if candidates is None or isinstance(error, ChildError):
            raise
        found = read(path, None).recipe  # raises what is wrong with the file, if anything is
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
