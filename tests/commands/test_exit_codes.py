"""How the program ends: 1 is the decision "not the same", and nothing else ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from npfacenet.commands.main import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and pipes of POSIX")

PROGRAMS = ([sys.executable, "-m", "npfacenet"], [str(Path(sys.executable).with_name("npfacenet"))])
UNLIMITED = 1 << 32  # kB: a limit that nothing meets
CROPS = ("--no-detect",)  # the pictures here are noise, in which no face is found


@pytest.fixture
def face(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    picture(1).save(path)
    return path


def picture(seed: int) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 256, (96, 96, 3), np.uint8))


def ended(
    words: list[str], *, kilobytes: int | None = None, module: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """A finished process, under a limit on its address space, with another NumPy."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"} | more
    if module is not None:
        environment["PYTHONPATH"] = str(module)
    limit = "" if kilobytes is None else f"ulimit -v {kilobytes}; "
    return subprocess.run(
        ["bash", "-c", f'{limit}exec "$@"', "bash", *words],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
@pytest.mark.parametrize("megabytes", [30, 60, 90, 120, 160, 200])
def test_too_little_memory_is_no_decision(megabytes: int, face: Path) -> None:
    done = ended(
        [*PROGRAMS[megabytes // 30 % 2], "verify", str(face), str(face), *CROPS],
        kilobytes=megabytes * 1000,
    )
    assert done.returncode in ((2,) if megabytes <= 120 else (0, 2))
    if done.returncode == 2:
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("npfacenet: error: ")
        assert "memory" in done.stderr


@pytest.mark.parametrize("program", PROGRAMS, ids=["module", "script"])
@pytest.mark.parametrize(
    ("limited", "source", "code", "said"),
    [
        # What OpenBLAS and others do without memory; then nothing of Python is asked.
        (True, "import os; os.write(2, b'OpenBLAS error\\n'); os._exit(1)", 2, "not enough memory"),
        (True, "import os; os.abort()", 2, "not enough memory"),
        (True, "import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()", 143, ""),
        (True, "raise SystemExit(1)", 2, ""),
        (True, "raise KeyboardInterrupt", 130, "npfacenet: interrupted"),
        (False, "raise MemoryError", 2, "not enough memory"),
        (False, "raise RecursionError('too deep')", 2, "RecursionError: too deep"),
        (False, "raise ImportError('x' * 9999)", 2, "ImportError: xxx"),
        (False, "raise KeyboardInterrupt", 130, "npfacenet: interrupted"),
        (False, "raise SystemExit(1)", 2, ""),
        (False, "raise SystemExit('why')", 2, "why"),
        (False, "raise BaseException('base')", 2, "BaseException: base"),
        (False, "import warnings; warnings.warn('old'); raise MemoryError", 2, "not enough memory"),
    ],
)
def test_a_failure_while_numpy_is_imported_is_no_decision(
    program: list[str], limited: bool, source: str, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "numpy.py").write_text(source + "\n")
    done = ended(
        [*program, "verify", "a", "b"], kilobytes=UNLIMITED if limited else None, module=tmp_path,
        PYTHONWARNINGS="error",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == bool(said)
    assert len(done.stderr) < 600


def test_a_limit_that_suffices_changes_nothing(face: Path) -> None:
    verify = [*PROGRAMS[0], "verify", str(face), str(face), *CROPS]
    for words, code in ((["--threshold", "0"], 0), (["--threshold", "x"], 2), (["--help"], 0)):
        plain = ended([*verify, *words])
        limited = ended([*verify, *words], kilobytes=UNLIMITED)
        assert (limited.returncode, limited.stdout) == (code, plain.stdout)
        assert limited.stderr == plain.stderr


class StrangeError(BaseException):
    pass


@pytest.mark.parametrize("traceback", ["", "1"])
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 2, "not enough memory; take fewer"),
        (MemoryError("x" * 9999), 2, "not enough memory: xxx"),
        (RecursionError("deep"), 2, "RecursionError: deep"),
        (BrokenPipeError(32, "not of standard output"), 2, "not of standard output"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (UserWarning("a warning"), 2, "UserWarning: a warning"),
        (UnicodeEncodeError("ascii", "\udcff", 0, 1, "no"), 2, "UnicodeEncodeError"),
        (StrangeError("strange"), 2, "StrangeError: strange"),
        (GeneratorExit(), 2, "GeneratorExit"),
        (KeyboardInterrupt(), 130, "npfacenet: interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_is_raised_is_no_decision(
    error: BaseException, code: int, said: str, traceback: str, face: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("npfacenet.commands.verify.verify", fail)
    monkeypatch.setenv("NPFACENET_TRACEBACK", traceback)
    assert main(["verify", str(face), str(face), *CROPS]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    if traceback and code == 2:
        assert "Traceback" in printed.err
    else:
        assert said in printed.err
        assert printed.err.count("\n") == 1
        assert len(printed.err) < 600


@pytest.mark.parametrize(("left", "code"), [(0, 0), (None, 0), (1, 2), ("why", 2), (3, 3)])
def test_a_command_that_leaves_decides_nothing(
    left: object, code: int, face: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*arguments: object, **options: object) -> None:
        raise SystemExit(left)

    monkeypatch.setattr("npfacenet.commands.verify.verify", leave)
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(face), str(face), *CROPS])
    assert caught.value.code == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize(
    ("words", "unbuffered"),  # where nothing is buffered, argparse swallows that of --help
    [(["verify"], ""), (["verify"], "1"), (["weights", "list"], ""), (["--help"], "")],
)
def test_a_result_that_is_lost_is_an_error(words: list[str], unbuffered: str, face: Path) -> None:
    if words == ["verify"]:
        words = ["verify", str(face), str(face), *CROPS, "--threshold", "0"]
    run = [*PROGRAMS[0], *words]
    done = ended(["bash", "-c", '"$@" > /dev/full', "bash", *run], PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2
    assert done.stderr.endswith("\n")
    *notes, last = done.stderr.splitlines()
    assert last.startswith("npfacenet: error: standard output cannot be written: No space left")
    assert all(note.startswith("note: ") for note in notes)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_left_is_no_decision(unbuffered: str) -> None:
    run = [*PROGRAMS[0], "weights", "list"]
    script = 'exec 3>&2; { sleep 0.2; "$@"; echo "code $?" >&3; } | true'
    done = ended(["bash", "-c", script, "bash", *run], PYTHONUNBUFFERED=unbuffered)
    assert done.stderr == "code 2\n"


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_change_the_decision(closed: str, face: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    picture(2).save(other)
    for second, code in ((face, 0), (other, 1)):
        words = [*PROGRAMS[0], "verify", str(face), str(second), *CROPS, "--threshold", "0"]
        done = ended(["bash", "-c", f'"$@" {closed}', "bash", *words])
        assert done.returncode == code
