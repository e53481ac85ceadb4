"""The command line: `npfacenet COMMAND`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

import npfacenet
from npfacenet.commands import (
    demo,
    embed,
    evaluate,
    identify,
    options,
    summary,
    train,
    verify,
    weights,
)
from npfacenet.errors import NpfacenetError

COMMANDS = (verify, identify, embed, summary, evaluate, train, weights, demo)
ERROR = 2
INTERRUPTED = 130
TRACEBACK = "NPFACENET_TRACEBACK"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of repeating the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Print the message on standard error and exit with 2."""
        options.say_error(f"{self.prog}: error: {message} (see {self.prog} --help)")
        sys.exit(ERROR)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each command adds its own."""
    top = Parser(
        prog="npfacenet",
        description="Face recognition in pure NumPy: turn faces into vectors and compare them.",
        epilog="Exit codes: 0 same person or match, 1 not, 2 error. Start with: npfacenet demo",
    )
    top.add_argument("--version", action="version", version=f"npfacenet {npfacenet.__version__}")
    subparsers = top.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors become one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A file name may hold bytes that the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    # What a library warns of either is refused by an error of ours or does not concern the user.
    warnings.simplefilter("ignore")
    parsed = parser().parse_args(arguments)
    try:
        with ending_tidily():
            code: int = parsed.run(parsed)
            if sys.stdout is not None:
                sys.stdout.flush()
    except NpfacenetError as error:
        options.say_error(f"npfacenet: error: {error}")
        return ERROR
    except KeyboardInterrupt:
        options.say_error("npfacenet: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has left; what it does not read is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception as error:
        # Broad, because a traceback's exit code 1 would be read as the decision "not the same".
        if os.environ.get(TRACEBACK):
            raise
        kind = type(error).__name__
        options.say_error(f"npfacenet: error: {kind}: {error} (with {TRACEBACK}=1: a traceback)")
        return ERROR
    return code


@contextmanager
def ending_tidily() -> Iterator[None]:
    """Let SIGTERM, and a terminal that closes, end the program as Ctrl-C does.

    So nothing half-written is left.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    ending = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # `nohup` ignores the second, and it stays ignored.
    ending = [number for number in ending if signal.getsignal(number) is not signal.SIG_IGN]
    try:
        before = {number: signal.signal(number, end) for number in ending}
    except ValueError:  # not in the main thread, as when a test calls this
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
