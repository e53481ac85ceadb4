"""How a run stands by its validations: the best, the first and the last."""

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
    """The validations of a run so far.

    `best` is the one whose weights are kept (None where nobody is held out), at `best_step`.
    `first` and `last` are of held-out people or else of some who are learnt from. `bad` counts
    validations in a row that show a collapse, the first of them at step `bad_since`.
    """

    best: Validation | None = None
    best_step: int = 0
    first: Validation | None = None
    last: Validation | None = None
    bad: int = 0
    bad_since: int = 0

    def see(self, step: int, seen: Validation | None) -> None:
        """Take the rates of a step."""
        self.first, self.last = seen if self.first is None else self.first, seen
        if self.fault is None:
            self.bad = 0
        elif self.bad == 0:
            self.bad, self.bad_since = 1, step
        else:
            self.bad += 1

    @property
    def fault(self) -> str | None:
        """What shows that the network of the last validation has collapsed."""
        if self.first is None or self.last is None:
            return None
        return collapsed(self.first, self.last)

    @property
    def ruin(self) -> str | None:
        """What shows that the weights of the last validation are not worth keeping."""
        if self.first is None or self.last is None:
            return None
        return self.fault or half_lost(self.first, self.last)

    def lasting(self, step: int) -> str | None:
        """The fault, if it has been there for three validations and twenty steps."""
        long = self.bad >= IN_A_ROW and step - self.bad_since >= OVER_STEPS
        return self.fault if long else None

    def as_json(self) -> dict[str, object]:
        """All of it, for a file."""
        return asdict(self)


def history_from_json(value: object, done: int) -> ValidationHistory:
    """What `as_json` gave after `done` steps; ArgumentError for anything else."""
    if not isinstance(value, Mapping) or value.keys() != {*_RATES, *_COUNTS}:
        raise ArgumentError("it does not say how the run stands")
    rates = [None if value[name] is None else validation_from_json(value[name]) for name in _RATES]
    for name in _COUNTS:
        require_whole(name, value[name], 0, done + 1 if name == "bad" else done)
    best, first, last = rates
    return ValidationHistory(
        best, value["best_step"], first, last, value["bad"], value["bad_since"]
    )
