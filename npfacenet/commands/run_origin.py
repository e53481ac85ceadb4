"""What a training run is begun with, as its folder keeps it, so that it goes on from there."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.training import Configuration, IdentityFolder, configuration_from_json
from npfacenet.training.run_folder import RunFolder
from npfacenet.zoo.manifest import PACKAGED

FLAGS = {"untrusted", "skip_errors"}
BEGUN = {"people", "fresh", "model", "variant", "preprocessing", "teacher", *FLAGS}


def begun_with(arguments: argparse.Namespace) -> dict[str, object]:
    """What is written down so that the run can be resumed from its folder alone."""
    for name in ("folder", "people", "fresh", "model", "teacher"):
        if getattr(arguments, name) == "":
            raise ArgumentError(f"{name} is the name of a file, a folder or a model, not ''")
    people = None if arguments.people is None else os.path.abspath(arguments.people)
    if arguments.fresh is not None and arguments.model is not None:
        raise ArgumentError("--fresh begins with drawn weights, --model with those of a file")
    return {
        "folder": os.path.abspath(arguments.folder),
        "people": people,
        "fresh": arguments.fresh,
        "model": _resolved(PACKAGED if arguments.model is None else arguments.model),
        "variant": arguments.variant,
        "preprocessing": arguments.preprocessing,
        "teacher": None if arguments.teacher is None else _resolved(arguments.teacher),
        "untrusted": arguments.untrusted,
        "skip_errors": arguments.skip_errors,
    }


def resumed_choices(
    folder: RunFolder, arguments: argparse.Namespace, choices: Sequence[str]
) -> tuple[Configuration, dict[str, object]]:
    """The configuration of a run, and what it began with; other choices are refused."""
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
    try:
        return configuration_from_json(configuration), about
    except ArgumentError as error:
        raise TrainingError(f"{folder.configuration} is damaged: {error}") from error


def _is_of_this_command(about: object) -> TypeGuard[dict[str, object]]:
    """Whether this is what `begun_with` gave."""
    if not isinstance(about, dict) or {"folder", *BEGUN} - about.keys():
        return False
    flags = all(type(about[name]) is bool for name in FLAGS)
    texts = [about[name] for name in {"folder", *BEGUN} - FLAGS]
    named = isinstance(about["folder"], str) and isinstance(about["model"], str)
    return flags and named and all(text is None or isinstance(text, str) for text in texts)


def identity_folder(about: Mapping[str, object]) -> IdentityFolder:
    """The pictures to learn from: of all people in the folder, or of those on a list."""
    people = about["people"]
    only = None if people is None else Path(str(people))
    return IdentityFolder.of(str(about["folder"]), only)


def _resolved(name: str) -> str:
    """A file by its full path, so that a run can be resumed from anywhere; a name as it is."""
    return os.path.abspath(name) if os.path.exists(name) else name
