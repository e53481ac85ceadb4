"""Handling signals for the duration of a block."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TypeAlias

Handler: TypeAlias = "Callable[[int, FrameType | None], object] | signal.Handlers"

ENDING = [
    signal.SIGINT,
    signal.SIGTERM,
    *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []),
]
"""Signals that end the program: Ctrl-C, `kill`, and a terminal that closes."""


@contextmanager
def handling(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Install handlers of signals and put the former ones back afterwards.

    Only the main thread can; in another thread, as when a test calls this, nothing is installed.
    """
    try:
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ending_tidily() -> Iterator[None]:
    """Let SIGTERM, and a terminal that closes, end the program as Ctrl-C does.

    So nothing half-written is left.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    ending = [number for number in ENDING if number != signal.SIGINT]
    # `nohup` ignores SIGHUP, and it stays ignored.
    ending = [number for number in ending if signal.getsignal(number) is not signal.SIG_IGN]
    with handling(dict.fromkeys(ending, end)):
        yield


@contextmanager
def finishing() -> Iterator[None]:
    """Let a signal that ends the program wait until the block is done, which must not take long."""
    arrived: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    try:
        with handling(dict.fromkeys(ENDING, remember)):
            yield
    finally:
        if arrived:
            signal.raise_signal(arrived[0])
