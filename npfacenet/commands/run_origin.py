"""What a training run begins with, stored in its folder so that it can be resumed from there."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from npfacenet.commands.own_networks import is_own, own_recipe
from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.models import Model, load
from npfacenet.models.fresh import fresh_model
from npfacenet.recipes import recipes
from npfacenet.training import Configuration, IdentityFolder, configuration_from_json
from npfacenet.training.run_folder import RunFolder
from npfacenet.zoo.packaged import DEFAULT_MODEL, packaged

FLAGS = {"untrusted", "skip_errors"}
BEGUN = {"people", "fresh", "model", "variant", "preprocessing", "teacher", *FLAGS}


def begun_with(arguments: argparse.Namespace) -> dict[str, object]:
    """Return what is stored so that the run can be resumed from its folder alone.

    Raises ArgumentError for options that exclude each other, and for empty names.
    """
    for name in ("folder", "people", "fresh", "model", "teacher"):
        if getattr(arguments, name) == "":
            raise ArgumentError(f"{name} is the name of a file, a folder or a model, not ''")
    people = None if arguments.people is None else os.path.abspath(arguments.people)
    if arguments.fresh is not None and arguments.model is not None:
        raise ArgumentError("--fresh begins with drawn weights, --model with those of a file")
    own = arguments.fresh is not None and is_own(arguments.fresh)
    if own and arguments.variant is not None:
        raise ArgumentError("--variant is of a network in the catalogue, not of MODULE:FUNCTION")
    origin = {
        "folder": os.path.abspath(arguments.folder),
        "people": people,
        "fresh": arguments.fresh,
        "model": resolved(DEFAULT_MODEL if arguments.model is None else arguments.model),
        "variant": arguments.variant,
        "preprocessing": arguments.preprocessing,
        "teacher": None if arguments.teacher is None else resolved(arguments.teacher),
        "untrusted": arguments.untrusted,
        "skip_errors": arguments.skip_errors,
    }
    return origin | {"fresh_from": os.getcwd()} if own else origin


def resumed_choices(
    folder: RunFolder, arguments: argparse.Namespace, choices: Sequence[str]
) -> tuple[Configuration, dict[str, object]]:
    """Return the configuration of a run and what it began with.

    Raises ArgumentError if options were given that contradict resuming, TrainingError for the
    folder of another run.
    """
    given = {name: getattr(arguments, name) for name in (*choices, *sorted(BEGUN))}
    # Not by ==: the 0 of `--seed 0` is a choice.
    if stated := [
        name for name, value in given.items() if value is not None and value is not False
    ]:
        raise ArgumentError(
            "--resume goes on with what the run began with; leave "
            f"--{stated[0].replace('_', '-')} away"
        )
    record = folder.record()
    configuration, about = record.get("configuration"), record.get("about")
    if not isinstance(configuration, dict) or not _is_of_this_command(about):
        raise TrainingError(f"{folder.configuration} is not of a run that `npfacenet train` began")
    if "detect" not in configuration:  # older versions had no detector
        configuration = {**configuration, "detect": False}
    try:
        return configuration_from_json(configuration), about
    except ArgumentError as error:
        raise TrainingError(f"{folder.configuration} is damaged: {error}") from error


def _is_of_this_command(about: object) -> TypeGuard[dict[str, object]]:
    """Whether this is what `begun_with` returned."""
    if not isinstance(about, dict) or {"folder", *BEGUN} - about.keys():
        return False
    flags = all(type(about[name]) is bool for name in FLAGS)
    texts = [about[name] for name in {"folder", *BEGUN} - FLAGS]
    named = isinstance(about["folder"], str) and isinstance(about["model"], str)
    return flags and named and all(text is None or isinstance(text, str) for text in texts)


def identity_folder(about: Mapping[str, object]) -> IdentityFolder:
    """Return the pictures to learn from: of all people in the folder, or of those on a list."""
    people = about["people"]
    only = None if people is None else Path(str(people))
    return IdentityFolder.of(str(about["folder"]), only)


def starting_model(about: Mapping[str, object], seed: int) -> Model:
    """Return the model to begin with: loaded, or with random weights.

    Raises ArgumentError for a network that does not exist or cannot be trained, WeightsError for a
    file that cannot be used.
    """
    names = ("fresh", "model", "variant", "preprocessing")
    fresh, name, variant, scaling = (_text(about[key]) for key in names)
    if fresh is None:
        untrusted = bool(about["untrusted"])
        return load(str(name), variant=variant, preprocessing=scaling, untrusted=untrusted)
    if is_own(fresh):
        recipe = own_recipe(fresh, _text(about.get("fresh_from")) or os.getcwd())
    else:
        recipe = recipes(fresh, variant)[0]
    return fresh_model(recipe, seed=seed, preprocessing=scaling)


def teaching_model(about: Mapping[str, object]) -> Model | None:
    """Return the model whose embeddings are to be matched, or None if there is none."""
    name = _text(about["teacher"])
    return None if name is None else load(name, untrusted=bool(about["untrusted"]))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def resolved(name: str) -> str:
    """Return a file's full path, so that a run can be resumed from anywhere; a name unchanged."""
    is_path = os.path.exists(name) and packaged(name) is None  # as `zoo.lookup.find` sees it
    return os.path.abspath(name) if is_path else name
