"""Several threads for one job."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

Task = TypeVar("Task")


def share_out(tasks: Iterable[Task], work: Callable[[Task], object], threads: int) -> None:
    """Call `work` for every task; threads take them one after the other, this thread too.

    They live as long as the call. The first error ends it, when the tasks under way are done.

    >>> done = []
    >>> share_out([1, 2, 3], done.append, threads=2)
    >>> sorted(done)
    [1, 2, 3]
    """
    left, errors = deque(tasks), deque[BaseException]()

    def take() -> None:
        try:
            while True:
                try:
                    task = left.popleft()
                except IndexError:
                    return
                work(task)
        except BaseException as error:  # noqa: BLE001  (raised again below, by the caller's thread)
            errors.append(error)
            left.clear()

    helpers = [threading.Thread(target=take) for _ in range(min(threads, len(left)) - 1)]
    for helper in helpers:
        helper.start()
    take()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
