"""The validations of a run: the best, the first and the last, and signs of a collapse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from npfacenet.errors import ArgumentError
from npfacenet.training.checks import require_whole
from npfacenet.training.collapse import collapsed, half_lost
from npfacenet.training.validation import Validation, validation_from_json

IN_A_ROW, OVER_STEPS = 3, 20
_RATES = ("best", "first", "last")
_COUNTS = ("best_step", "bad_since", "bad")


@dataclass
class ValidationHistory:
    """What is kept of the validations of a run so far.

    `best`, made at `best_step`, belongs to the weights that are kept (None if nobody is held
    out). `first` and `last` are of held-out people, or else of some who are learnt from. `bad`
    counts the latest validations in a row that show a collapse, since step `bad_since`.
    """

    best: Validation | None = None
    best_step: int = 0
    first: Validation | None = None
    last: Validation | None = None
    bad: int = 0
    bad_since: int = 0

    def see(self, step: int, seen: Validation | None) -> None:
        """Record the rates that were measured after `step`."""
        self.first, self.last = seen if self.first is None else self.first, seen
        if self.fault is None:
            self.bad = 0
        elif self.bad == 0:
            self.bad, self.bad_since = 1, step
        else:
            self.bad += 1

    @property
    def fault(self) -> str | None:
        """The sign of a collapse in the last validation, in words; None without one."""
        if self.first is None or self.last is None:
            return None
        return collapsed(self.first, self.last)

    @property
    def ruin(self) -> str | None:
        """Why the weights of the last validation are not worth keeping; None if they are."""
        if self.first is None or self.last is None:
            return None
        return self.fault or half_lost(self.first, self.last)

    def lasting(self, step: int) -> str | None:
        """Return the fault if it has lasted for three validations and twenty steps."""
        long = self.bad >= IN_A_ROW and step - self.bad_since >= OVER_STEPS
        return self.fault if long else None

    def as_json(self) -> dict[str, object]:
        """Return all fields, for a file."""
        return asdict(self)


def history_from_json(value: object, done: int) -> ValidationHistory:
    """Return the history that `as_json` wrote after `done` steps.

    Raises ArgumentError for anything else.
    """
    if not isinstance(value, Mapping) or value.keys() != {*_RATES, *_COUNTS}:
        raise ArgumentError("the record of its validations is not one")
    rates = [None if value[name] is None else validation_from_json(value[name]) for name in _RATES]
    for name in _COUNTS:
        require_whole(name, value[name], 0, done + 1 if name == "bad" else done)
    best, first, last = rates
    return ValidationHistory(
        best, value["best_step"], first, last, value["bad"], value["bad_since"]
    )
