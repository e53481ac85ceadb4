"""What pyproject.toml promises, and what no file of the project may say."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import npfacenet

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_three_dependencies_with_a_lower_bound_and_no_upper() -> None:
    assert sorted(re.split(r"\W", entry)[0] for entry in PROJECT["dependencies"]) == [
        "h5py", "numpy", "pillow",
    ]  # fmt: skip
    for entry in PROJECT["dependencies"]:
        assert re.fullmatch(r"[a-z0-9]+>=\d+(\.\d+)*", entry)


def test_checkers_are_pinned_exactly() -> None:
    for entry in PROJECT["optional-dependencies"]["dev"]:
        assert re.fullmatch(r"(ruff|mypy)==\d+\.\d+\.\d+", entry)


def test_uv_run_installs_what_the_tests_need() -> None:
    text = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert text["dependency-groups"]["dev"] == ["npfacenet[test,dev]"]
    extras = PROJECT["optional-dependencies"]
    assert {entry.split(">=")[0] for entry in extras["test"]} >= {"pytest", "hypothesis"}


def test_versions_agree() -> None:
    assert PROJECT["version"] == npfacenet.__version__
    assert f"## {npfacenet.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_it_is_typed() -> None:
    assert (ROOT / "npfacenet" / "py.typed").is_file()


def test_public_names_resolve() -> None:
    for name in npfacenet.__all__:
        assert getattr(npfacenet, name) is not None
        assert name in dir(npfacenet)
    public = [name for name in dir(npfacenet) if not name.startswith("_")]
    assert not {"import_module", "annotations", "TYPE_CHECKING", "logging"} & set(public)
    assert all(getattr(npfacenet, name) is not None for name in public)
    assert "course" in public
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = npfacenet.nothing


def test_no_machine_and_no_registry_is_named() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    # Put together here, so that this file does not find itself.
    places = ["/wo" + "rk/", "/ro" + "ot/", "pypi" + ".org", "python" + "hosted", "npm" + "js"]
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".ipynb", "") and path.is_file():
            text = path.read_text("utf-8")
            assert [place for place in places if place in text] == [], name
