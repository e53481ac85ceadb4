"""The command line: what it prints, its JSON, its exit codes, and its errors in one line."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import npfacenet
from npfacenet.commands.main import COMMANDS, main
from npfacenet.layers import Convolution
from npfacenet.networks import Builder

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def faces(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A gallery of three drawn pictures, and `stranger.png` beside it."""
    gallery = tmp_path / "people"
    gallery.mkdir()
    for path in (gallery / "anna.png", gallery / "bert.png", gallery / "Zoë.png"):
        PIL.Image.fromarray(rng.integers(0, 256, (96, 96, 3), np.uint8)).save(path)
    PIL.Image.fromarray(rng.integers(0, 256, (96, 60, 3), np.uint8)).save(tmp_path / "stranger.png")
    return gallery


def run(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as left:
        code = int(left.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys: Capture, *arguments: object) -> tuple[int, dict[str, object]]:
    code, out, _ = run(capsys, *arguments, "--json")
    return code, json.loads(out)


def test_verify(capsys: Capture, faces: Path, drawn_file: Path) -> None:
    anna, bert = faces / "anna.png", faces / "bert.png"
    code, out, err = run(capsys, "verify", anna, anna, "--model", drawn_file)
    assert code == 0
    assert out.startswith("same person: distance 0.000 <= threshold 0.7\n")
    assert err.count("no detector is used") == 1
    code, result = run_json(capsys, "verify", anna, bert, "--model", drawn_file, "--threshold", "0")
    assert code == 1
    assert result["same"] is False
    assert result["threshold"] == 0.0
    assert isinstance(result["distance"], float)
    assert result["distance"] > 0


def test_identify(capsys: Capture, faces: Path, drawn_file: Path) -> None:
    command = ("identify", faces / "Zoë.png", "--gallery", faces, "--model", drawn_file)
    code, result = run_json(capsys, *command)
    assert code == 0
    assert result["match"] == "Zoë"
    candidates = result["candidates"]
    assert isinstance(candidates, list)
    assert [set(c) for c in candidates] == [{"name", "distance"}] * 3
    assert candidates[0] == {"name": "Zoë", "distance": pytest.approx(0, abs=1e-5)}
    stranger = faces.parent / "stranger.png"
    code, result = run_json(capsys, "identify", stranger, *command[2:], "--threshold", "0")
    assert (code, result["match"]) == (1, None)
    code, out, _ = run(capsys, "identify", stranger, *command[2:], "--threshold", "0")
    assert code == 1
    assert out.startswith("unknown: no match\n")
    assert out.endswith("threshold 0: stated on the command line\n")


def test_embed(capsys: Capture, faces: Path, drawn_file: Path, tmp_path: Path) -> None:
    pictures = sorted(faces.iterdir())
    target = tmp_path / "out.npz"
    code, result = run_json(capsys, "embed", *pictures, "-o", target, "--model", drawn_file)
    assert (code, result["count"], result["skipped"]) == (0, 3, [])
    expected = npfacenet.load(drawn_file).embed(pictures)
    with np.load(target) as written:
        np.testing.assert_array_equal(written["embeddings"], expected.values)
        assert list(written["sources"]) == [str(path) for path in pictures]
        assert str(written["fingerprint"]) == expected.fingerprint


def test_embed_stops_or_skips(
    capsys: Capture, faces: Path, drawn_file: Path, tmp_path: Path
) -> None:
    broken = faces / "broken.png"
    broken.write_bytes((faces / "anna.png").read_bytes()[:100])
    command = ("embed", faces / "anna.png", broken, "-o", tmp_path / "out.npz")
    code, _, err = run(capsys, *command, "--model", drawn_file)
    assert code == 2
    assert "broken.png" in err
    assert not (tmp_path / "out.npz").exists()
    code, _, err = run(capsys, *command, "--model", drawn_file, "--skip-errors")
    assert code == 0
    assert err.count("note: skipped: ") == 1
    many = ("embed", faces / "anna.png", *[broken] * 5, *command[3:], "--skip-errors")
    code, result = run_json(capsys, *many, "--model", drawn_file)
    assert len(result["skipped"]) == 5  # type: ignore[arg-type]
    code, _, err = run(capsys, *many, "--model", drawn_file)
    assert err.count("note: skipped: ") == 3
    assert "note: 2 more skipped\n" in err
    code, _, err = run(
        capsys, "embed", broken, *command[3:], "--model", drawn_file, "--skip-errors"
    )
    assert code == 2
    assert "nothing was written" in err


def test_summary(capsys: Capture, drawn_file: Path) -> None:
    code, result = run_json(capsys, "summary", "inception-resnet-v1")
    assert (code, result["parameters"]) == (0, 22_808_144)
    code, result = run_json(capsys, "summary", drawn_file)
    assert (code, result["parameters"]) == (0, 3_743_280)
    layers = result["layers"]
    assert isinstance(layers, list)
    assert set(layers[0]) == {
        "name", "block", "layer", "output_shape", "parameters", "multiply_adds"
    }  # fmt: skip
    code, out, _ = run(capsys, "summary", "nn4.small2", "--variant", "openface")
    assert code == 0
    assert "L2Pool" in out
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("total"))
    assert lines[at].split() == ["total", "3,743,280", "200,118,272"]
    assert lines[at + 1] == "preparation    mtcnn, openface-affine"
    assert any("centre crop of 150 pixels" in line for line in lines[at + 2 :])
    code, result = run_json(capsys, "summary", "nn4.small2", "--variant", "openface")
    assert result["preparation"] == "mtcnn, openface-affine"
    thresholds = result["thresholds"]
    assert isinstance(thresholds, list)
    assert {"preparation", "value", "evidence", "metric"} == set(thresholds[0])


def test_summary_of_a_network_for_pictures_of_any_size(capsys: Capture, tmp_path: Path) -> None:
    build = Builder("heads", input_shape=(None, None, 3))
    heads = [build.add(name, Convolution(2, 3), build.input) for name in ("a", "b")]
    network = build.network(outputs=heads)
    file = tmp_path / "heads.h5"
    npfacenet.Model.of(network, network.initialise(0)).save(file)
    code, result = run_json(capsys, "summary", file)
    assert (code, result["parameters"], result["multiply_adds"]) == (0, 112, None)
    assert (result["input_shape"], result["outputs"]) == ([None, None, 3], heads)
    code, out, err = run(capsys, "summary", file)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "heads: any x any x 3 pixels in"
    assert lines[2].split()[:7] == ["a", "any", "x", "any", "x", "2", "56"]
    assert lines[-2].split() == ["total", "112", "depends:", "--size"]
    assert lines[-1] == "outputs: a, b"
    code, out, _ = run(capsys, "weights", "info", file)
    assert code == 0
    assert "network        heads (2 outputs)" in out.splitlines()


def test_demo(capsys: Capture, faces: Path, drawn_file: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("anna", "Zoë")):
        (faces / f"camera_{number}.png").write_bytes((faces / f"{name}.png").read_bytes())
    sheet = tmp_path / "sheet.png"
    code, out, _ = run(capsys, "demo", "--images", faces, "--model", drawn_file, "-o", sheet)
    assert code == 0
    for part in ("enrolled   Zoë, anna, bert", "identify", "verify", "intruder", str(sheet)):
        assert part in out
    commands = [shlex.split(line)[1:] for line in out.split("now type\n")[1].splitlines()]
    assert [command[0] for command in commands] == ["verify", "summary", "--help"]
    for command in commands[:1]:
        assert run(capsys, *command, "--model", drawn_file)[0] in (0, 1)
    code, result = run_json(capsys, "demo", "--images", faces, "--model", drawn_file, "-o", sheet)
    assert (code, result["enrolled"]) == (0, ["Zoë", "anna", "bert"])
    search, door, claims, intruder = (
        result[key] for key in ("search", "door", "claims", "intruder")
    )
    assert isinstance(search, dict)
    assert isinstance(door, list)
    assert isinstance(claims, list)
    assert isinstance(intruder, dict)
    assert search["threshold"] < search["closest"]["distance"]
    assert [visit["match"] for visit in door] == ["anna", "Zoë"]
    assert (claims[0]["name"], claims[0]["same"]) == ("anna", True)
    assert intruder["person"] == "anna"
    with PIL.Image.open(sheet) as image:
        assert image.format == "PNG"
        assert image.width > 400


def test_demo_says_what_it_needs(capsys: Capture, faces: Path, drawn_file: Path) -> None:
    code, _, err = run(capsys, "demo", "--images", faces, "--model", drawn_file)
    assert code == 2
    assert "do not make a demo, which needs name.jpg for each person and camera_0.jpg" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "a", "b", "--threshold", "9" * 60_000 + "x"], "invalid float value: '999"),
        (["x" * 60_000], "invalid choice: 'xxx"),
        (["verify", "a", "b", *["\udcff\x1b c"] * 9_000], "two pictures are compared, not 9002"),
        ([], "the following arguments are required: COMMAND (see npfacenet --help)"),
        (["vreify"], "invalid choice: 'vreify'"),
        (["verify", "a.jpg"], "two pictures are compared, not 1; "),
        (["verify", "a", "b", "--threshold", "near"], "invalid float value: 'near'"),
        (["verify", "a", "b", "--model", "nowhere.h5"], "no weight file 'nowhere.h5'"),
        (["verify", "a", "b", "--model", "nn4"], "did you mean 'nn4.small2'"),
        (["embed", "nodir/x", "-o", "nodir/x.npz"], "create it first"),
        (["demo", "-o", "a b " * 9_000], "the sheet must be called NAME.png, not 'a b"),
        (["summary", "nn5"], "no weights called 'nn5'"),
        (["summary", "nn4.small2", "--variant", "x"], "no network has"),
    ],
)
def test_errors_are_one_line(capsys: Capture, arguments: list[str], said: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert err.startswith("npfacenet")
    assert len(err) < 400


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threshold", "nan"], "a threshold is a finite distance >= 0"),
        (["--preprocessing", "grey"], "no preprocessing 'grey'"),
        (["--variant", "x"], "no network has variant 'x'"),
        (["--gallery", "/dev/null"], "'/dev/null' is not a gallery, but a folder or a device"),
    ],
)
def test_errors_of_values_are_one_line(
    capsys: Capture, faces: Path, drawn_file: Path, options: list[str], said: str
) -> None:
    command = ["identify", faces / "anna.png", "--gallery", faces, "--model", drawn_file]
    code, out, err = run(capsys, *command, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_outputs_that_would_harm_are_refused_before_the_work(
    capsys: Capture, faces: Path, tmp_path: Path
) -> None:
    anna = faces / "anna.png"
    for target in (faces / "bert.png", tmp_path / "no" / "out.npz", "", tmp_path):
        code, _, err = run(capsys, "embed", anna, "-o", target, "--model", "nowhere.h5")
        assert code == 2
        assert "nowhere" not in err
    (tmp_path / "folder.npz").mkdir()
    code, _, err = run(
        capsys, "embed", anna, "-o", tmp_path / "folder.npz", "--model", "nowhere.h5"
    )
    assert "is a folder, a device or a pipe" in err


def test_a_fault_of_ours_is_never_taken_for_a_decision(
    capsys: Capture, drawn_file: Path, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("npfacenet.commands.verify.verify", fail)
    anna = faces / "anna.png"
    code, out, err = run(capsys, "verify", anna, anna, "--model", drawn_file)
    assert (code, out) == (2, "")
    assert "RuntimeError: unforeseen (with NPFACENET_TRACEBACK=1: a traceback)" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_an_error_and_a_closed_stream_loses_remarks_only(
    drawn_file: Path, faces: Path
) -> None:
    anna = str(faces / "anna.png")
    verify = [sys.executable, "-m", "npfacenet", "verify", anna, anna, "--model", str(drawn_file)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(verify, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        done = subprocess.run([*verify, "--json"], stdout=subprocess.PIPE, stderr=full, text=True)
    assert done.returncode == 0
    assert json.loads(done.stdout)["same"] is True


def test_a_name_with_a_line_break_stays_one_line(capsys: Capture, drawn_file: Path) -> None:
    code, _, err = run(capsys, "verify", "two\nlines.jpg", "b", "--model", drawn_file)
    assert code == 2
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(capsys: Capture, name: str) -> None:
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert out.startswith(f"usage: npfacenet {name}")
    assert "xample" in out or "FOLDER holds" in out


def test_as_a_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "npfacenet", "--version"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"npfacenet {npfacenet.__version__}\n"


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["verify", "a", "b", "--bogus"], "npfacenet verify"),
        (["weights", "fetch", "--bogus"], "npfacenet weights fetch"),
        (["--bogus", "verify", "a", "b"], "npfacenet"),
    ],
)
def test_an_unknown_option_leads_to_the_help_of_its_command(
    words: list[str], program: str, capsys: Capture
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    said = capsys.readouterr().err
    assert said == f"{program}: error: unrecognized arguments: --bogus (see {program} --help)\n"
