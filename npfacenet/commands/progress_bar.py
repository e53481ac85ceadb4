"""A progress bar: one line on standard error while work takes long, erased afterwards."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self, TextIO

_INTERVAL = 0.1
_BAR = 24
_SURE = 2.0  # seconds after which a rate is told
_SPINNER = "|/-\\"


class ProgressBar:
    """A context manager to be called as `progress(what, done, total)` (`npfacenet.progress`).

    Draws only on a terminal, only after `delay` seconds, and at most ten times a second; leaving
    the context erases the line. After two seconds it tells the rate and the time left. With the
    unit "bytes", numbers are shown as kB or MB. `stream` (default: standard error) and `clock` can
    be replaced in tests.

    >>> with ProgressBar() as progress:
    ...     for done in range(1, 4):
    ...         progress("embedding", done, 3)
    """

    def __init__(
        self,
        unit: Literal["items", "bytes"] = "items",
        *,
        delay: float = 0.3,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unit = unit
        self._clock = clock
        self._stream = sys.stderr if stream is None else stream
        self._draws = _is_terminal(self._stream)
        self._next = clock() + delay
        self._width = 0
        self._turn = 0
        self._began: tuple[str, float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.erase()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show the progress of the work called `what`, if enough time has passed."""
        if not self._draws or self._clock() < self._next:
            return
        self._next = self._clock() + _INTERVAL
        if total is None:
            self._turn = (self._turn + 1) % len(_SPINNER)
            state = f"{_SPINNER[self._turn]} {amount(done, self._unit) if done else ''}"
        else:
            share = min(max(done / total, 0.0), 1.0) if total > 0 else 1.0
            bar = ("#" * round(share * _BAR)).ljust(_BAR, "-")
            state = f"[{bar}] {share:4.0%}  {amount(done, self._unit)} of "
            state += amount(total, self._unit) + self._pace(what, done, total)
        self._draw(what, state.rstrip())

    def _pace(self, what: str, done: int, total: int) -> str:
        """Return the rate so far and the time left, once both can be told."""
        now = self._clock()
        if self._began is None or self._began[0] != what or done < self._began[2]:
            self._began = (what, now, done)
        _, since, before = self._began
        if now - since < _SURE or done <= before:
            return ""
        rate = (done - before) / (now - since)
        return f", {pace(rate, self._unit)}, {duration((total - done) / rate)} left"

    def _draw(self, what: str, state: str) -> None:
        columns = shutil.get_terminal_size().columns - 1  # a full line would wrap
        room = columns - len(state) - 1
        if len(what) > room:
            what = f"{what[: max(room - 3, 0)]}..."
        line = f"{what} {state}"[:columns]
        # Spaces instead of a control sequence: every terminal understands them.
        self._stream.write(f"\r{line.ljust(self._width)}")
        self._stream.flush()
        self._width = len(line)

    def erase(self) -> None:
        """Erase the line, so that something else can be printed."""
        if self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._stream.flush()
            self._width = 0


def amount(count: int, unit: Literal["items", "bytes"]) -> str:
    """Format a number of items, or a number of bytes in kB, MB or GB (powers of 1000).

    >>> amount(15_297_584, "bytes"), amount(812, "bytes"), amount(48, "items")
    ('15.3 MB', '812 B', '48')
    """
    if unit == "items":
        return str(count)
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for name in ("kB", "MB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {name}"
    return f"{size / 1000:.1f} GB"


def pace(rate: float, unit: Literal["items", "bytes"]) -> str:
    """Format a number of items or bytes a second.

    >>> pace(31.4, "items"), pace(0.2, "items"), pace(2.5e6, "bytes")
    ('31/s', '0.2/s', '2.5 MB/s')
    """
    if unit == "bytes":
        return f"{amount(round(rate), unit)}/s"
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def duration(seconds: float) -> str:
    """Format a time that is estimated.

    >>> duration(0.3), duration(75), duration(7322)
    ('1 s', '1 min 15 s', '2 h 2 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _is_terminal(stream: TextIO | None) -> bool:
    # Without a console (pythonw), sys.stderr is None.
    if stream is None or stream.closed or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
