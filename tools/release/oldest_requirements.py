"""Print the oldest runtime dependencies that pyproject.toml allows, for pip, one per line.

    pip install -e ".[test]" $(python3 tools/release/oldest_requirements.py)

Needs Python 3.11 or newer, and no packages.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout
sys.path.append(str(Path(__file__).resolve().parents[1]))
from environment import check_python, exit_code

ROOT = Path(__file__).resolve().parents[2]
_LOWER_BOUND = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*(\d+(?:\.\d+)*)")


def oldest(requirement: str) -> str:
    """Pin a requirement to its lower bound.

    >>> oldest("numpy>=1.26")
    'numpy==1.26.0'
    """
    match = _LOWER_BOUND.fullmatch(requirement.strip())
    if match is None:
        raise ValueError(f"{requirement!r} is not of the form name>=version")
    name, version = match.groups()
    parts = version.split(".")
    return f"{name}=={'.'.join(parts + ['0'] * (3 - len(parts)))}"


def oldest_requirements(pyproject: str) -> list[str]:
    """Pin every runtime dependency in the text of a pyproject.toml to its lower bound."""
    import tomllib

    return [oldest(entry) for entry in tomllib.loads(pyproject)["project"]["dependencies"]]


def print_requirements() -> int:
    """Print them; return the exit code."""
    check_python(sys.version_info[:3])
    try:
        print("\n".join(oldest_requirements((ROOT / "pyproject.toml").read_text("utf-8"))))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Read the command line and print; return the exit code."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    return exit_code(print_requirements)


if __name__ == "__main__":
    sys.exit(main())
