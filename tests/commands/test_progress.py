"""The progress bar: when it draws, what it draws, and that it goes away."""

from __future__ import annotations

import io
import re

import pytest

from npfacenet.commands.progress_bar import ProgressBar, amount


class Terminal(io.StringIO):
    """A terminal: `line` is what stands on it in the end."""

    def isatty(self) -> bool:
        return True

    @property
    def line(self) -> str:
        shown: list[str] = []
        for part in self.getvalue().split("\r"):
            shown[: len(part)] = part
        return "".join(shown).rstrip()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


def test_a_file_gets_nothing() -> None:
    stream, clock = io.StringIO(), Clock()
    with ProgressBar(stream=stream, clock=clock) as progress:
        clock.now = 10
        progress("embedding", 1, 2)
    assert stream.getvalue() == ""


def test_a_dumb_terminal_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream, clock = Terminal(), Clock()
    with ProgressBar(stream=stream, clock=clock) as progress:
        clock.now = 10
        progress("embedding", 1, 2)
    assert stream.getvalue() == ""


def test_no_standard_error_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with ProgressBar(delay=0) as progress:
        progress("embedding", 1, 2)


def test_short_work_gets_nothing() -> None:
    stream, clock = Terminal(), Clock()
    with ProgressBar(stream=stream, clock=clock) as progress:
        for done in range(1, 30):
            clock.now = done / 100
            progress("embedding", done, 29)
    assert stream.getvalue() == ""


def test_long_work_gets_a_bar_that_goes_away() -> None:
    stream, clock = Terminal(), Clock()
    with ProgressBar(stream=stream, clock=clock) as progress:
        clock.now = 1
        progress("embedding", 12, 48)
        assert stream.line == "embedding [######------------------]  25%  12 of 48"
        clock.now = 2
        progress("done", 48, 48)
        assert stream.line == "done [########################] 100%  48 of 48"
    assert stream.line == ""
    assert stream.getvalue().endswith("\r")


def test_long_work_tells_its_rate_and_the_time_left() -> None:
    stream, clock = Terminal(), Clock()
    with ProgressBar(stream=stream, clock=clock) as progress:
        for second in range(1, 5):
            clock.now = float(second)
            progress("embedding", 20 * second, 1000)
        assert stream.line.endswith("80 of 1000, 20/s, 46 s left")
        clock.now = 5.0
        progress("finding faces", 1, 50)  # other work begins anew
        assert stream.line.endswith("1 of 50")


def test_it_goes_away_on_errors_too() -> None:
    stream = Terminal()

    def work() -> None:
        with ProgressBar(delay=0, stream=stream) as progress:
            progress("embedding", 1, 2)
            assert stream.line
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert stream.line == ""


def test_it_draws_ten_times_a_second_at_most() -> None:
    stream, clock = Terminal(), Clock()
    progress = ProgressBar(stream=stream, clock=clock)
    for step in range(2000):
        clock.now = step / 1000
        progress("embedding", step, 2000)
    assert 10 < stream.getvalue().count("\r") <= 18


def test_an_unknown_total_gets_a_spinner() -> None:
    stream, clock = Terminal(), Clock()
    progress = ProgressBar("bytes", stream=stream, clock=clock)
    seen = []
    for step in range(1, 6):
        clock.now = step
        progress("pip downloads", 0, None)
        seen.append(stream.line)
    assert len(set(seen)) == 4
    assert all(re.fullmatch(r"pip downloads [-/\\|]", line) for line in seen)
    clock.now = 6
    progress("pip downloads", 2_000_000, None)
    assert stream.line.endswith("2.0 MB")


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_long_line_is_shortened_to_one_line(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    progress = ProgressBar("bytes", delay=0, stream=stream)
    progress("writing " + "x" * 200, 5, 10)
    assert 0 < len(stream.line) < columns


@pytest.mark.parametrize(("done", "total"), [(0, 0), (3, 2), (0, 5)])
def test_odd_numbers_draw_all_the_same(done: int, total: int) -> None:
    stream = Terminal()
    ProgressBar(delay=0, stream=stream)("embedding", done, total)
    assert stream.line.endswith(f"{done} of {total}")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (92_397_640, "92.4 MB"),
        (5_000_000_000, "5.0 GB"),
    ],
)
def test_amounts_of_bytes(count: int, text: str) -> None:
    assert amount(count, "bytes") == text
