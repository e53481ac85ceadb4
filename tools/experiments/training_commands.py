"""What the tools that train packaged networks share on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from environment import FAILED, IN_THE_ENVIRONMENT, INTERRUPTED, require

PACKAGES = ("numpy", "h5py", "PIL", "npfacenet")
WEIGHTS = Path(__file__).resolve().parents[2] / "weights"

Parsers = dict[str, argparse.ArgumentParser]


def parsers(
    description: str | None, commands: Mapping[str, str], run: str
) -> tuple[argparse.ArgumentParser, Parsers]:
    """Return the parser of a tool and those of its commands, which all know two folders."""
    top = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    below = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    each = {name: below.add_parser(name, description=text) for name, text in commands.items()}
    for one in each.values():
        one.add_argument("--shared", type=Path, default=Path("../shared"), metavar="DIR")
        one.add_argument("--run", type=Path, default=Path(run), metavar="DIR")
    return top, each


def run(module: str, arguments: argparse.Namespace) -> int:
    """Run one of the commands with a module's `run(arguments)`; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from npfacenet.errors import NpfacenetError

    try:
        import_module(module).run(arguments)
    except (NpfacenetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; give the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    return 0
