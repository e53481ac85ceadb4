"""Environments made by pip, one for each package that npfacenet is measured against.

So the project's own environment stays as it is. This runs in the benchmark's process, which must
stay small, and imports the standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from turns import say

STAMP = "installed.txt"


@dataclass(frozen=True)
class Packages:
    """Packages to install: with what they depend on, and then `alone`, without."""

    whole: tuple[str, ...]
    alone: tuple[str, ...] = ()


def python_with(packages: Packages, engine: str, folder: Path) -> str | None:
    """Return the Python that runs an engine, made below `folder` if it is not there yet.

    Returns None, after a sentence on stderr, if the environment cannot be made.
    """
    home = folder / engine
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "\n".join([*packages.whole, *packages.alone])
    stamp = home / STAMP
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return str(python)
    say(f"installing {engine} in {home}")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = [[sys.executable, "-m", "venv", "--clear", str(home)], [*pip, *packages.whole]]
    if packages.alone:
        steps.append([*pip, "--no-deps", *packages.alone])
    for step in steps:
        try:
            subprocess.run(step, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told = str(getattr(error, "stderr", "") or error).strip().splitlines()
            say(f"{engine} is left out, it cannot be installed: {told[-1]}")
            return None
    stamp.write_text(wanted, "utf-8")
    return str(python)
