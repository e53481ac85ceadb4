"""`npfacenet weights` with junk: one line and exit code 2, whatever is given."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from npfacenet.commands.main import main
from npfacenet.testing.weight_files import whole_weight_file
from npfacenet.zoo import adding

Capture = pytest.CaptureFixture[str]
NAMES = ["", " ", "x" * 300, "../up", "a\0b", "two\nlines", "\ud800", "\udcff", "\x1b[31m", "~",
         ".", "/", "//", "nul\t", "con:", "-", "%s", "\u202e", "a/b/c", "x" * 70_000]  # fmt: skip
URLS = ["https://[::1/y.h5", "https://[x]/y.h5", "https://", "https:///y.h5",
        "https://h:99999/y.h5", "https://h:port/y.h5", "https://" + "a" * 64 + ".org/y.h5", "https://..org/y.h5",
        "https://example.org/a b.h5", "https://example.org/y.h5\n",
        "https://example.org/ü.h5", "https://user:secret@example.org/y.h5", "https://h/\0.h5", "https://h/\ud800.h5",
        "https://h/" + "y" * 9000, "HTTP://h/y.h5", "https://h/", "https://\udcff/y"]  # fmt: skip


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("NPFACENET_WEIGHTS", raising=False)


def refused(capsys: Capture, *words: str) -> str:
    """What the command says; it must be one printable line of ours, and nothing be left."""
    assert main(["weights", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.rstrip("\n").isprintable()
    assert "with NPFACENET_TRACEBACK" not in printed.err  # a foreign exception
    assert len(printed.err) < 2100
    return printed.err


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_junk_for_names_and_paths(name: str, capsys: Capture, tmp_path: Path) -> None:
    weights = tmp_path / "w.h5"
    weights.write_bytes(whole_weight_file("npfacenet"))
    for command in ("info", "path", "add"):
        if command == "path" and name in ("/", "//", "~"):
            continue  # a folder that exists is its own path
        refused(capsys, command, f"./{name}" if name.startswith("-") else name)
    refused(capsys, "add", str(weights), f"--name={name}")
    refused(capsys, "fetch", f"./{name}" if name.startswith("-") else name)
    refused(capsys, "convert", f"./{name}" if name.startswith("-") else name, "out.h5")
    assert not (tmp_path / "caches").exists()
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.parametrize("url", URLS, ids=lambda url: ascii(url)[:30])
def test_junk_for_addresses(
    url: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("the network was asked"))
    said = refused(capsys, "fetch", "--url", url, "--sha256", "0" * 64)
    assert "secret" not in said
    assert not (tmp_path / "caches").exists()


@pytest.mark.parametrize("folder", ["a\0b", "\ud800", "x" * 300, "/dev/null", "/proc/self/x"])
def test_junk_for_folders(folder: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("the network was asked"))
    url = ["--url", "https://example.org/y.h5", "--sha256", "0" * 64]
    refused(capsys, "fetch", *url, "--folder", folder)
    refused(capsys, "fetch", "nn4.small2", "--folder", folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices")
def test_add_looks_before_it_hashes(capsys: Capture, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    with (tmp_path / "sparse.h5").open("wb") as file:
        file.truncate(1 << 40)
    start = time.monotonic()
    for path in ("/dev/zero", "/proc/self/pagemap", tmp_path / "pipe.h5", tmp_path / "sparse.h5",
                 tmp_path, "/dev/null"):  # fmt: skip
        for command in ("add", "info"):
            refused(capsys, command, str(path))
    # A name that is taken, by what never ends.
    whole = tmp_path / "w.h5"
    whole.write_bytes(whole_weight_file("npfacenet"))
    (tmp_path / "caches" / "npfacenet").mkdir(parents=True)
    (tmp_path / "sparse.h5").rename(tmp_path / "caches" / "npfacenet" / "taken.h5")
    assert "choose another name" in refused(capsys, "add", str(whole), "--name", "taken")
    assert time.monotonic() - start < 20


def test_what_is_hashed_is_what_is_copied(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is replaced, or written, after it was looked at."""
    path, other = tmp_path / "w.h5", tmp_path / "other.h5"
    whole = whole_weight_file("npfacenet")
    for change in ("replaced", "written"):
        path.write_bytes(whole)
        other.write_bytes(b"other bytes altogether")

        def meanwhile(path: Path, change: str = change) -> None:
            if change == "replaced":
                other.replace(path)
            else:
                path.write_bytes(b"x" * len(whole))

        monkeypatch.setattr(adding, "read_isolated", meanwhile)
        assert "was changed while it was" in refused(capsys, "add", str(path), "--name", change)
    assert not list((tmp_path / "caches").glob("**/*.h5"))


def test_a_full_disk(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("npfacenet"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device; make room there" in refused(capsys, "add", str(path))
    assert not list((tmp_path / "caches").glob("**/*.*"))


def test_names_in_files_stay_short(capsys: Capture, drawn_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(drawn_file.read_bytes())
    with h5py.File(path, "r+") as file:
        for i in range(50):
            file[f"{i}{'long' * 15_000}\x1b[31m/kernel:0"] = np.zeros(3, "f4")
    assert main(["weights", "info", str(path), "--tensors"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("unexpected") for line in lines) == 50
    assert all(line.isprintable() and len(line) < 200 for line in lines)
    said = refused(capsys, "convert", str(path), str(tmp_path / "out.h5"))
    assert "50 unexpected: 0long" in said
    assert "and 45 more" in said
    assert len(said) < 1500
    assert main(["weights", "info", str(path), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["unexpected"]) == 50
