"""What goes wrong around the child process is not blamed on the file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from npfacenet.checkpoints import isolation
from npfacenet.checkpoints.isolation import ChildError, read_isolated, require_harmless
from npfacenet.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator

TO_HARM = "made to harm"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_for_temporary_files_is_told(
    drawn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full(_path: Path) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "numbers").symlink_to("/dev/full")
            yield Path(folder)

    monkeypatch.setattr(isolation, "_workspace", full)
    with pytest.raises(ChildError, match=r"no room in .*: No space left on device; make") as caught:
        read_isolated(drawn_file)
    assert TO_HARM not in str(caught.value)
    require_harmless(drawn_file)  # which needs no room


@pytest.mark.parametrize(
    ("code", "said", "harm"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", "a crash|SIGBUS", True),
        ("import os; os.abort()", "SIGABRT", True),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "took longer than", True),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "ended by SIGTERM", False),
        ("raise ImportError('no numpy')", "exit code 1: ImportError: no numpy", False),
        ("print('{}')", "no sensible answer", False),
        ("print('nonsense')", "no sensible answer", False),
    ],
)
def test_why_the_child_ended(
    code: str, said: str, harm: bool, drawn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run

    def other(command: list[str], **options: object) -> object:
        return real([sys.executable, "-c", code], **options)  # type: ignore[call-overload]  # passed on

    monkeypatch.setattr(subprocess, "run", other)
    with pytest.raises(ChildError, match=said) as caught:
        read_isolated(drawn_file)
    assert (TO_HARM in str(caught.value)) == harm


def test_a_file_is_not_harmless_because_no_child_could_look(
    drawn_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        with pytest.raises(ChildError, match="set TMPDIR"):
            require_harmless(drawn_file)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "no python"))
        with pytest.raises(ChildError, match="no child process could be started"):
            require_harmless(drawn_file)


def test_every_signal_has_words(drawn_file: Path) -> None:
    for number in range(1, signal.NSIG):
        error = isolation._ended(drawn_file, -number, b"", 1.0)
        assert isinstance(error, WeightsError)
        assert os.fspath(drawn_file) in str(error)
