"""Signals from one thread to another."""

from __future__ import annotations

import threading

from npfacenet.threads.signal import Signal

WAIT = 20


def waits(signal: Signal) -> tuple[threading.Thread, list[int]]:
    """A thread that waits for the signal, and then puts 1 into the list."""
    reached: list[int] = []

    def work() -> None:
        signal.wait()
        reached.append(1)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, reached


def test_waits_until_it_is_given_every_time() -> None:
    signal = Signal()
    for _ in range(3):
        thread, reached = waits(signal)
        thread.join(0.02)
        assert not reached
        signal.give()
        thread.join(WAIT)
        assert reached == [1]


def test_may_be_given_before_it_is_waited_for() -> None:
    signal = Signal()
    signal.give()
    signal.wait()


def test_giving_up_ends_a_wait_and_one_that_begins_later() -> None:
    signal = Signal()
    thread, reached = waits(signal)
    thread.join(0.02)
    assert not reached
    signal.give_up()
    thread.join(WAIT)
    assert reached == [1]
    later = Signal()
    later.give_up()
    later.wait()


def test_giving_up_what_was_given_changes_nothing() -> None:
    signal = Signal()
    signal.give()
    signal.give_up()
    signal.wait()
    thread, reached = waits(signal)
    thread.join(0.02)
    assert not reached
    signal.give()
    thread.join(WAIT)
