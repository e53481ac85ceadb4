"""Values that are computed when they are first read."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, replace

import pytest

from npfacenet.threads.lazy_value import LazyValue


@dataclass(frozen=True)
class Doubled:
    number: int

    @LazyValue
    def twice(self) -> list[int]:
        """Return a list of the doubled number."""
        return [2 * self.number]


def test_it_is_computed_once_for_each_object() -> None:
    one, other = Doubled(3), Doubled(4)
    assert one.twice is one.twice
    assert (one.twice, other.twice, replace(one, number=5).twice) == ([6], [8], [10])
    assert one == Doubled(3)
    assert Doubled.twice.__doc__ == "Return a list of the doubled number."


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_thread_that_computes_in_its_parent() -> None:
    begun, free = threading.Event(), threading.Event()

    class Slow:
        @LazyValue
        def value(self) -> int:
            begun.set()
            free.wait(30)
            return 7

    slow = Slow()
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    begun.wait(30)
    child = os.fork()
    if not child:
        signal.alarm(10)
        free.set()
        os._exit(0 if Slow().value == 7 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    free.set()
    thread.join()
