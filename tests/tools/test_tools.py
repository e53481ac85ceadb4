"""Every tool explains itself from a bare checkout, and leaves nothing there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tool_modules import TOOLS

AT_THE_TOP = {"demo.py", "environment.py", "test.py"}
FOLDERS = {"benchmarks", "experiments", "release"}
RUN_BY_PATH = sorted(
    path.relative_to(TOOLS)
    for path in TOOLS.rglob("*.py")
    if '\nif __name__ == "__main__":\n' in path.read_text("utf-8")
)
WITH_PACKAGES = {
    "benchmarks/bench.py": [],
    "experiments/alignment.py": [".", "--kept", "."],
    "experiments/detection.py": ["."],
    "experiments/finding.py": ["."],
    "experiments/drawn_pairs.py": [],
    "experiments/finetune_lfw.py": ["--lfw", "."],
    "experiments/train_default.py": ["train"],
    "release/check_wheel.py": [],
    "release/keras_versions.py": ["--here"],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tools alone, as a bare checkout has them."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(TOOLS, folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(checkout: Path, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool with a Python that has no packages; check that it wrote nothing."""
    before = content(checkout)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-s", str(checkout / "tools" / tool), *arguments],
        cwd=checkout,
        env=variables | {"HOME": str(checkout)},
        capture_output=True,
        text=True,
    )
    assert content(checkout) == before
    return done


def content(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("tool", [str(path) for path in RUN_BY_PATH])
def test_help_needs_nothing_and_writes_nothing(checkout: Path, tool: str) -> None:
    done = run(checkout, tool, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^usage: ", done.stdout, re.MULTILINE)
    assert re.search(r"\bNeeds\b[^.]*\b(npfacenet|Python)\b", done.stdout)


@pytest.mark.parametrize("tool", WITH_PACKAGES)
def test_a_python_without_the_packages_is_told_the_remedy(checkout: Path, tool: str) -> None:
    done = run(checkout, tool, *WITH_PACKAGES[tool])
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"error: .* does not have .*: (run this with|pip install) .*\.\n", done.stderr
    )


def test_tools_are_grouped() -> None:
    assert {path.name for path in TOOLS.glob("*.py")} == AT_THE_TOP
    assert {path.parent.name for path in TOOLS.glob("*/*.py")} == FOLDERS
    assert not list(TOOLS.glob("*/*/*.py"))
