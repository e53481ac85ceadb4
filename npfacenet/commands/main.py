"""The command line: `npfacenet COMMAND`.

Only light modules are imported at the top. NumPy and the commands are imported inside the function
that turns a failure, for which the interpreter would exit with 1, into exit code 2.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import NoReturn

import npfacenet
from npfacenet.commands.limited_memory import in_child, memory_limit, too_small
from npfacenet.commands.signals import ending_tidily
from npfacenet.commands.streams import (
    NO_ROOM,
    cannot_be_written,
    drop_output,
    flush_output,
    prepare,
    reader_has_left,
    say_error,
)
from npfacenet.errors import MOST_QUOTED, NpfacenetError, printable, shortened

COMMANDS = (
    "verify",
    "identify",
    "enrol",
    "gallery",
    "embed",
    "detect",
    "summary",
    "evaluate",
    "train",
    "weights",
    "demo",
)
ERROR = 2
INTERRUPTED = 130
TRACEBACK = "NPFACENET_TRACEBACK"


class Parser(argparse.ArgumentParser):
    """Reports a fault in one line instead of repeating the whole usage."""

    def parse_known_args(  # type: ignore[override]  # the overloads of its stub say no more
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments, all of which must be known.

        So the parser of a subcommand, which is called by this name, refers to its own help.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Print the message on standard error and exit with 2."""
        said = shortened(printable(message), MOST_QUOTED)
        say_error(f"{self.prog}: error: {said} (see {self.prog} --help)")
        sys.exit(ERROR)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each command adds its own."""
    top = Parser(
        prog="npfacenet",
        description="Face recognition in pure NumPy: turn faces into vectors and compare them.",
        epilog="Exit codes: 0 same person or match, 1 not, 2 error. Start with: npfacenet demo",
    )
    top.add_argument("--version", action="version", version=f"npfacenet {npfacenet.__version__}")
    subparsers = top.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"npfacenet.commands.{name}").add_parser(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors become one line on standard error.

    1 means the decision "not the same" and nothing else; 2 is an error of any kind, 130 an
    interrupt, 128 + N the signal N. Raises SystemExit, never with 1, when argparse does.
    """
    try:
        limit = memory_limit()
        # A process that has imported NumPy has threads, and must not be forked.
        if limit is not None and "numpy" not in sys.modules:
            return in_child(partial(_guarded, arguments), limit)
        return _guarded(arguments)
    except (OSError, MemoryError) as error:  # of the pipe and the fork
        say_error(f"npfacenet: error: no process can be started: {error}")
        return ERROR


def _guarded(arguments: Sequence[str] | None) -> int:
    try:
        prepare()
        # Whatever a library warns of is either an error of ours or of no concern to the user.
        warnings.simplefilter("ignore")
        parsed = parser().parse_args(arguments)
        with ending_tidily():
            code: int = parsed.run(parsed)
            flush_output()
    except SystemExit as left:
        raise SystemExit(_ended(left.code)) from None
    except BaseException as error:  # noqa: BLE001 (exit code 1 would be a decision)
        return _failed(error)
    return code


def _ended(code: object) -> int:
    """Return the exit code after `sys.exit(code)`, by argparse or the handler of signals."""
    if code not in (None, 0):
        if not isinstance(code, int):
            say_error(f"npfacenet: error: {shortened(printable(str(code)))}")
        return code if isinstance(code, int) and code != 1 else ERROR
    try:
        flush_output()  # of --help
    except OSError as error:
        return _failed(error)
    return 0


def _failed(error: BaseException) -> int:
    """Report an error in one line; return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        say_error("npfacenet: interrupted")
        return INTERRUPTED
    left = isinstance(error, BrokenPipeError) and reader_has_left()
    drop_output()
    if left:
        return ERROR  # a reader that closes early (head, less) is not an error to report
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
        return ERROR
    try:
        say_error(f"npfacenet: error: {_described(error)}")
    except MemoryError:  # not even enough for the line
        say_error("npfacenet: error: not enough memory")
    return ERROR


def _described(error: BaseException) -> str:
    if isinstance(error, NpfacenetError):
        return str(error)
    if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
        return cannot_be_written(error)  # other faults of files are errors of ours, or have a name
    while isinstance(error, ImportError) and isinstance(error.__cause__, ImportError):
        error = error.__cause__  # NumPy's own message is a page of advice
    said, kind = shortened(printable(str(error)), MOST_QUOTED), type(error).__name__
    limit = memory_limit()
    without_thread = isinstance(error, RuntimeError) and "start new thread" in str(error)
    if limit is not None and (without_thread or isinstance(error, (ImportError, MemoryError))):
        return f"not enough memory ({said or kind}): {too_small(limit)}"
    if isinstance(error, MemoryError):
        return f"not enough memory{said and ': '}{said}; take fewer or smaller pictures at a time"
    return f"{kind}: {said} (with {TRACEBACK}=1: a traceback)"
