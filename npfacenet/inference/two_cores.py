"""The calls of a batch on one core, or on two that wait for each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.schedule import Task
from npfacenet.threads.signal import Signal
from npfacenet.threads.worker_threads import beside


def make_calls(calls: Sequence[Call]) -> None:
    """Make the calls, one after the other."""
    for call in calls:
        call()


class TwoCores:
    """The calls of two cores, with signals where one needs what the other computes.

    `calls` are those of each task, in the order of the tasks.
    """

    def __init__(self, tasks: Sequence[Task], calls: Sequence[Sequence[Call]]) -> None:
        self._alone = [call for some in calls for call in some]
        self._calls: tuple[list[Call], list[Call]] = [], []
        self._awaited: tuple[list[Signal], list[Signal]] = [], []
        before: dict[Task, Signal] = {}
        after: dict[Task, list[Signal]] = {}
        for task in tasks:
            if task.after is not None:
                before[task] = Signal()
                after.setdefault(task.after, []).append(before[task])
                self._awaited[task.core].append(before[task])
        for task, some in zip(tasks, calls, strict=True):
            if task in before:
                self._calls[task.core].append(before[task].wait)
            self._calls[task.core].extend(some)
            self._calls[task.core].extend(signal.give for signal in after.get(task, []))

    def run(self) -> None:
        """Make the calls of the first core here and those of the second in another thread.

        If the system cannot provide that thread, this one makes all calls. Raises the first error;
        after an error the object must not be used again.
        """
        errors: list[BaseException] = []

        def call_second() -> None:
            try:
                with np.errstate(all="ignore"):  # each thread has its own
                    make_calls(self._calls[1])
            except BaseException as error:  # noqa: BLE001  (raised below, by the caller's thread)
                errors.append(error)
                self._give_up(0)

        try:
            with beside([call_second]) as helping:
                make_calls(self._calls[0] if helping else self._alone)
        except BaseException:
            # The other thread is not waited for: it may not have begun, and its work is not used.
            self._give_up(1)
            if not errors:
                raise
        if errors:
            raise errors[0]

    def _give_up(self, core: int) -> None:
        """End all waiting of a core whose signals will not be given any more."""
        for signal in self._awaited[core]:
            signal.give_up()
