"""The checkpoint of a run: everything that is needed to resume it."""

from __future__ import annotations

import json

from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.training.checks import require_whole
from npfacenet.training.collapse import CollapseDetector
from npfacenet.training.configuration import Configuration, changed_fields
from npfacenet.training.learner import Learner
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.validation_history import ValidationHistory, history_from_json


def save_checkpoint(
    folder: RunFolder, learner: Learner, history: ValidationHistory, detector: CollapseDetector
) -> None:
    """Write the state of a run to its folder; raises OutputError if it cannot be written."""
    record: dict[str, object] = {
        "done": learner.done,
        "standing": history.as_json(),
        "at_a_point": detector.at_a_point,
        "at_the_margin": detector.at_the_margin,
        "configuration": learner.configuration.as_json(),
    }
    write_state(folder.checkpoint, learner.state(), record)


def restore_checkpoint(
    folder: RunFolder, learner: Learner, detector: CollapseDetector, *, held_out: bool
) -> ValidationHistory:
    """Restore `learner` and `detector` from the folder's checkpoint; return the validations.

    `held_out` says whether there are held-out people, who give a best validation. Raises
    TrainingError for a checkpoint of another configuration or network, or with a malformed record.
    """
    state, record = read_state(folder.checkpoint)
    _require_same_choices(record.get("configuration"), learner.configuration, folder)
    try:
        done = require_whole("done", record.get("done"), 0, learner.configuration.steps)
        point, margin = (
            require_whole(name, record.get(name), 0, done)
            for name in ("at_a_point", "at_the_margin")
        )
        history = history_from_json(record.get("standing"), done)
        if (history.best is None) == held_out:
            raise ArgumentError("it was validated on other people")
    except ArgumentError as error:
        raise TrainingError(
            f"{folder.checkpoint} has a malformed record: {error}; put the file back that "
            "the run wrote, or begin a new run"
        ) from error
    learner.restore(state, done)
    detector.at_a_point, detector.at_the_margin = point, margin
    return history


def _require_same_choices(before: object, configuration: Configuration, folder: RunFolder) -> None:
    """Raise TrainingError if `configuration.json` has changed since the checkpoint was written."""
    choices = json.loads(json.dumps(configuration.as_json()))
    if not isinstance(before, dict):
        return  # older checkpoints lack the configuration
    for name in changed_fields(before, choices):
        raise TrainingError(
            f"{folder.configuration} was changed since the run began: {name} is "
            f"{quoted(choices.get(name))} there, and was {quoted(before.get(name))}; put "
            "the file back that the run wrote, or begin a new run"
        )
