"""Prints the oldest runtime dependencies that pyproject.toml allows, for pip, one a line.

pip install -e ".[test]" $(python tools/release/oldest_requirements.py)
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

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
    return [oldest(entry) for entry in tomllib.loads(pyproject)["project"]["dependencies"]]


if __name__ == "__main__":
    try:
        print("\n".join(oldest_requirements((ROOT / "pyproject.toml").read_text("utf-8"))))
    except ValueError as error:
        sys.exit(f"error: {error}")
