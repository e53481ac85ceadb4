"""`npfacenet weights`: what it prints for people and for programs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from npfacenet.cards import Card
from npfacenet.checkpoints.native import write_native
from npfacenet.commands.main import main
from npfacenet.commands.weights import add_parser
from npfacenet.errors import WeightsNotFoundError
from npfacenet.progress import Progress
from npfacenet.recipes import npfacenet_small
from npfacenet.zoo import fetching

NAMES = ["nn4.small2", "inception-resnet-v1"]
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command away from this machine's weights; return what it printed."""
    parser = argparse.ArgumentParser(prog="npfacenet")
    add_parser(parser.add_subparsers())
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("npfacenet.zoo.lookup.data_folders", lambda: ())

    def run(*words: str) -> str:
        arguments = parser.parse_args(["weights", *words])
        assert arguments.run(arguments) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def false_fetch(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path | None]]:
    """Replace the fetching; returns what was asked for."""
    asked: list[tuple[str, Path | None]] = []

    def fetch(name: str, *, folder: Path | None = None, progress: Progress | None = None) -> Path:
        asked.append((name, folder))
        if folder is not None and (folder / f"{name}.h5").exists() and progress is not None:
            progress(f"{fetching.REPLACING} {name}.h5, which has 3 bytes instead of 4", 0, None)
        return (folder or Path("cache")) / f"{name}.h5"

    monkeypatch.setattr(fetching, "fetch", fetch)
    return asked


def test_list_shows_where_each_file_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nn4.small2.h5").write_bytes(b"weights")
    header, own, finder, first, second, *detectors = run("list").splitlines()
    assert header.split() == ["NAME", "ARCHITECTURE", "SIZE", "LICENCE", "WHERE"]
    assert own.split()[:2] == ["npfacenet-small"] * 2
    assert finder.split()[:2] == ["finder", "npfacenet-finder"]
    for packaged in (own, finder):
        assert packaged.endswith("  missing: reinstall npfacenet")
    assert first.startswith("nn4.small2 ")
    assert first.endswith(f"  {tmp_path / 'nn4.small2.h5'}")
    assert "15.3 MB" in first
    assert second.endswith("  not fetched")
    assert first.index("15.3 MB") == second.index("92.4 MB") == header.index("SIZE")
    assert [line.split()[0] for line in detectors] == ["mtcnn", "yunet"]
    assert detectors[0].endswith("  not fetched")
    assert detectors[1].endswith("  add yunet_n.onnx")


def test_detectors_are_listed_with_the_folder_or_the_file_that_is_there(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mtcnn").mkdir()
    for name in ("pnet.h5", "rnet.onnx"):
        (tmp_path / "mtcnn" / name).write_bytes(b"weights")
    assert run("list").splitlines()[5].endswith("  not fetched")  # one of three is missing
    (tmp_path / "mtcnn/onet.h5").write_bytes(b"weights")
    (tmp_path / "yunet_n.onnx").write_bytes(b"weights")
    mtcnn, yunet = run("list").splitlines()[5:]
    assert mtcnn.endswith(f"  {tmp_path / 'mtcnn'}")
    assert yunet.endswith(f"  {tmp_path / 'yunet_n.onnx'}")
    assert run("path", "mtcnn") == f"{tmp_path / 'mtcnn'}\n"
    (tmp_path / "caches/npfacenet").mkdir(parents=True)
    (tmp_path / "caches/npfacenet/yunet.h5").write_bytes(b"weights")
    assert run("path", "yunet") == f"{tmp_path / 'yunet_n.onnx'}\n"  # the variable comes first


def test_list_says_what_the_packaged_file_says_of_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("npfacenet.zoo.lookup.data_folders", lambda: (tmp_path,))
    network = npfacenet_small()
    card = Card(
        *("npfacenet-small", None, 128, 96, "prewhiten", None), "drawn", "for tests (and no more)"
    )
    path = tmp_path / "npfacenet-small.h5"
    write_native(path, network, network.initialise(0), card)
    line = run("list").splitlines()[1]
    assert "  for tests  " in line
    assert line.endswith(str(path))
    assert json.loads(run("list", "--json"))["packaged"] == {
        "name": "npfacenet-small", "architecture": "npfacenet-small", "source": "drawn",
        "licence": "for tests (and no more)", "size": path.stat().st_size, "path": str(path),
    }  # fmt: skip
    path.write_bytes(b"no weights")
    assert "damaged: reinstall npfacenet" in run("list")


def test_list_tells_when_a_packaged_file_holds_another_network(
    run: Run, drawn_finder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "exchanged"
    folder.mkdir()
    shutil.copy(drawn_finder, folder / "npfacenet-small.h5")
    monkeypatch.setattr("npfacenet.zoo.lookup.data_folders", lambda: (folder,))
    line = run("list").splitlines()[1]
    assert line.split()[:2] == ["npfacenet-small", "npfacenet-small"]
    assert "  holds npfacenet-finder: reinstall npfacenet  " in line


def test_list_shows_the_detector_that_comes_with_the_package(run: Run, drawn_finder: Path) -> None:
    line = run("list").splitlines()[2]
    assert line.split()[:2] == ["finder", "npfacenet-finder"]
    assert "  for tests  " in line
    assert line.endswith(str(drawn_finder))
    listed = json.loads(run("list", "--json"))
    assert listed["packaged_detector"] == {
        "name": "finder", "architecture": "npfacenet-finder", "licence": "for tests (and no more)",
        "source": f"the file {drawn_finder.name}", "size": drawn_finder.stat().st_size,
        "path": str(drawn_finder),
    }  # fmt: skip
    assert listed["packaged"].keys() == listed["packaged_detector"].keys()
    assert run("path", "finder") == f"{drawn_finder}\n"


PACKAGED = ["npfacenet-small", "finder", "npfacenet-finder"]


@pytest.mark.parametrize("words", [[do, name] for do in ("fetch", "path") for name in PACKAGED])
def test_the_packaged_weights_are_not_fetched(run: Run, words: list[str]) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"comes? with npfacenet"):
        run(*words)


def test_list_for_programs(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "inception-resnet-v1.h5"
    path.write_bytes(b"weights")
    entries = json.loads(run("list", "--json"))["weights"]
    entries, detectors = entries[:2], entries[2:]
    for entry in detectors:
        assert set(entry) == {
            *("name", "file_name", "architecture", "size", "licence", "origin"),
            *("networks", "package", "path"),
        }
        assert set(entry["networks"][0]) == {
            *("file_name", "architecture", "outputs", "member", "size", "sha256", "weights"),
        }
    assert [(entry["name"], len(entry["networks"])) for entry in detectors] == [
        ("mtcnn", 3),
        ("yunet", 1),
    ]
    assert [entry["name"] for entry in entries] == NAMES
    assert [entry["path"] for entry in entries] == [None, str(path)]
    for entry in entries:
        assert set(entry) == {
            *("name", "file_name", "architecture", "outputs", "size", "sha256", "weights"),
            *("licence", "origin", "package", "path"),
        }
        assert set(entry["package"]) == {"name", "version", "kind", "size", "sha256", "member"}


def test_path_prints_the_path_only(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nn4.small2.h5"
    path.write_bytes(b"weights")
    assert run("path", "nn4.small2") == f"{path}\n"
    assert json.loads(run("path", "nn4.small2", "--json")) == {
        "name": "nn4.small2",
        "path": str(path),
    }


def test_path_fails_with_the_remedy(run: Run) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"npfacenet weights fetch nn4\.small2"):
        run("path", "nn4.small2")


def test_fetch_prints_the_path(
    run: Run, tmp_path: Path, false_fetch: list[tuple[str, Path | None]]
) -> None:
    assert run("fetch", "nn4.small2") == f"{Path('cache', 'nn4.small2.h5')}\n"
    fields = json.loads(run("fetch", NAMES[1], "--folder", str(tmp_path), "--json"))
    assert false_fetch == [("nn4.small2", None), (NAMES[1], tmp_path)]
    assert set(fields) == {"name", "path", "size", "sha256", "replaced"}
    assert fields["path"] == str(tmp_path / "inception-resnet-v1.h5")
    assert fields["replaced"] is False


def test_fetch_says_that_a_damaged_file_was_replaced(
    run: Run,
    tmp_path: Path,
    false_fetch: list[tuple[str, Path | None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "nn4.small2.h5").write_bytes(b"bad")
    arguments = argparse.ArgumentParser()
    add_parser(arguments.add_subparsers())
    parsed = arguments.parse_args(
        ["weights", "fetch", "nn4.small2", "--folder", str(tmp_path), "--json"]
    )
    assert parsed.run(parsed) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["replaced"] is True
    replaced, *_ = printed.err.splitlines()  # and perhaps a note on its detector
    assert replaced == "npfacenet: replacing nn4.small2.h5, which has 3 bytes instead of 4"


def test_fetch_tells_of_a_detector_that_is_not_here(
    run: Run,
    tmp_path: Path,
    false_fetch: list[tuple[str, Path | None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = "nn4.small2 --variant openface is for faces that mtcnn has found"
    assert main(["weights", "fetch", "inception-resnet-v1"]) == 0
    packaged = "finder, which finds faces for inception-resnet-v1, comes with npfacenet"
    assert f"{packaged} and is missing: reinstall npfacenet\n" in capsys.readouterr().err
    command = ["weights", "fetch", "nn4.small2"]
    assert main(command) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"note: {told}")
    assert err.endswith("get them with: npfacenet weights fetch mtcnn\n")
    (tmp_path / "mtcnn").mkdir()
    for network in ("pnet", "rnet", "onet"):
        (tmp_path / "mtcnn" / f"{network}.onnx").write_bytes(b"")
    assert main(command) == 0
    assert capsys.readouterr().err == ""


def test_fetch_of_an_unknown_name_fails(run: Run) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"did you mean 'nn4\.small2'"):
        run("fetch", "nn4")


@pytest.mark.parametrize("words", [[], ["list"], ["path"], ["fetch"]])
def test_help_teaches(run: Run, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*words, "--help")
    printed = capsys.readouterr().out
    assert caught.value.code == 0
    assert "example:\n  npfacenet weights " in printed
    assert max(map(len, printed.splitlines())) <= 90


def test_a_subcommand_is_required(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
