"""The command line: `npfacenet COMMAND`."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

import npfacenet
from npfacenet.commands import demo, embed, evaluate, identify, summary, verify, weights
from npfacenet.errors import NpfacenetError

COMMANDS = (verify, identify, embed, summary, evaluate, weights, demo)
ERROR = 2
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of repeating the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Print the message on standard error and exit with 2."""
        self.exit(ERROR, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each command adds its own."""
    top = Parser(
        prog="npfacenet",
        description="Face recognition in pure NumPy: turn faces into vectors and compare them.",
        epilog="Exit codes: 0 same person or match, 1 not, 2 error. "
        "Start with: npfacenet weights fetch nn4.small2",
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
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except NpfacenetError as error:
        print(f"npfacenet: error: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt:
        print("npfacenet: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has left; what it does not read is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    return code
