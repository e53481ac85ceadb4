"""The two commands of a newcomer: sentences instead of tracebacks, nothing installed twice."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path

import pytest
from tool_modules import TOOLS, tool

environment = tool("environment")
oldest_requirements = tool("oldest_requirements")


@pytest.mark.parametrize("name", ["environment", "demo", "test"])
def test_an_old_python_can_parse_them(name: str) -> None:
    ast.parse((TOOLS / f"{name}.py").read_text("utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(environment.SetupError, match=r"needs Python 3\.11 or newer.* is 3\.9\.2"):
        environment.check_python((3, 9, 2))
    environment.check_python((3, 11, 0))

    def fails() -> int:
        raise environment.SetupError("one sentence.")

    assert environment.exit_code(fails) == 2
    assert capsys.readouterr().err == "error: one sentence.\n"


def test_a_python_without_venv_is_told_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(environment.SetupError, match=r"apt install python3\.\d+-venv"):
        environment.check_venv()


def test_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert environment.exit_code(interrupted) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_other_pythons_variables_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    variables = environment.clean_variables()
    assert "PYTHONPATH" not in variables
    assert variables["PIP_INDEX_URL"] == "kept"


def test_an_installation_counts_only_when_it_was_finished(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / ".venv").mkdir()
    made = environment.Environment(str(tmp_path))
    assert not made._is_installed(())
    made._write_stamp(("dev", "test"), finished=False)
    assert not made._is_installed(())
    made._write_stamp(("dev", "test"), finished=True)
    assert made._is_installed(())
    assert made._is_installed(("test",))
    assert not made._is_installed(("plot",))
    (tmp_path / "pyproject.toml").write_text("[project]  # changed")
    assert not made._is_installed(())
    assert json.loads((tmp_path / ".venv" / "npfacenet-installed.json").read_text())["finished"]


def test_the_last_error_of_pip_is_found() -> None:
    output = "Collecting x\nERROR: no such thing\nWARNING: use a newer pip\n"
    assert environment.last_error(output) == "ERROR: no such thing"
    output = "ERROR: Exception:\nTraceback (most recent call last):\n  File x\nTOMLError: line 3\n"
    assert environment.last_error(output) == "TOMLError: line 3"
    assert environment.last_error("") == "it said nothing"


def test_the_oldest_requirements_are_the_lower_bounds() -> None:
    text = '[project]\ndependencies = ["numpy>=1.26", "h5py >= 3.10.1"]'
    assert oldest_requirements.oldest_requirements(text) == ["numpy==1.26.0", "h5py==3.10.1"]
    with pytest.raises(ValueError, match="not of the form name>=version"):
        oldest_requirements.oldest("numpy")


def test_this_python_is_new_enough() -> None:
    environment.check_python(sys.version_info[:3])
