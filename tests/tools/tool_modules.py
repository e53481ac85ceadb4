"""Import the modules of tools/, which are run by path and import their siblings by name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

TOOLS = Path(__file__).resolve().parents[2] / "tools"
FOLDERS = (TOOLS, *(TOOLS / name for name in ("benchmarks", "experiments", "release")))


def tool(name: str) -> ModuleType:
    """Import a module of tools/ or of a folder in it.

    The folders are appended, not prepended: tools/test.py is named like Python's own `test`.
    """
    for folder in map(str, FOLDERS):
        if folder not in sys.path:
            sys.path.append(folder)
    return importlib.import_module(name)
