"""`npfacenet weights info | convert | add | fetch --url`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import npfacenet
from npfacenet.cards import Measured, Threshold
from npfacenet.checkpoints.conversion import SUFFIXES, WRITABLE
from npfacenet.commands.main import main
from npfacenet.recipes.preparation import Preparation

Capture = pytest.CaptureFixture[str]


def test_info_of_a_network(capsys: Capture, drawn_file: Path) -> None:
    assert main(["weights", "info", str(drawn_file), "--tensors"]) == 0
    out = capsys.readouterr().out
    for part in (
        "layout         keras2-weights", "network        nn4.small2 (course, 128 numbers)",
        "tensors        224, 3,743,280 numbers", npfacenet.load(drawn_file).fingerprint,
        "conv1/kernel", "7x7x3x64",
    ):  # fmt: skip
        assert part in out


def test_info_of_a_foreign_file(capsys: Capture, drawn_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "foreign.h5"
    path.write_bytes(drawn_file.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["bn1/bn1/gamma:0"]
        file["bn1/bn1/beta:0"][0] = np.nan
        file["extra/extra/kernel:0"] = np.zeros(3, "f4")
    assert main(["weights", "info", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == "none; nearest is nn4.small2 (course, 128 numbers)"
    assert told["missing"] == ["bn1/gamma (64,)"]
    assert told["unexpected"] == ["extra/kernel (3,)"]
    assert told["not_finite"] == ["bn1/beta"]
    assert told["fingerprint"] is None
    assert main(["weights", "info", str(path)]) == 1
    assert "missing        bn1/gamma (64,)" in capsys.readouterr().out


@pytest.mark.parametrize("layout", ["npfacenet", "keras2-weights", "keras3-weights"])
def test_convert(capsys: Capture, drawn_file: Path, tmp_path: Path, layout: str) -> None:
    target = tmp_path / f"out{SUFFIXES[layout][0]}"
    command = ["weights", "convert", str(drawn_file), str(target), "--layout", layout, "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layout"] == layout
    assert told["fingerprint"] == npfacenet.load(drawn_file).fingerprint
    assert npfacenet.load(target).fingerprint == told["fingerprint"]


def test_convert_to_half(capsys: Capture, drawn_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "half.h5"
    command = ["weights", "convert", str(drawn_file), str(target), "--half"]
    assert main([*command, "--variant", "openface", "--preprocessing", "fixed"]) == 0
    assert "kernels rounded to float16" in capsys.readouterr().out
    card = npfacenet.load(target).card
    assert (card.variant, card.preprocessing) == ("openface", "fixed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch"], "fetch takes a NAME, or --url with --sha256"),
        (["fetch", "nn4.small2", "--url", "https://x/y"], "fetch takes a NAME"),
        (["fetch", "--url", "https://example.org/y.h5"], "--url with --sha256"),
        (["fetch", "--url", "http://example.org/y.h5", "--sha256", "0" * 64], "https only"),
        (["add", "missing.h5"], "'missing.h5' does not exist"),
        (["info", "missing.h5"], "no weight file 'missing.h5'"),
    ],
)
def test_errors_are_one_line(capsys: Capture, arguments: list[str], said: str) -> None:
    assert main(["weights", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_convert_refuses_what_it_cannot_write(
    capsys: Capture, drawn_file: Path, tmp_path: Path
) -> None:
    for target, options in ((tmp_path / "no" / "out.h5", []), (tmp_path / "x", ["--layout", "tf"])):
        assert main(["weights", "convert", str(drawn_file), str(target), *options]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", WRITABLE)
def test_convert_refuses_the_suffix_of_another_format(
    capsys: Capture, tmp_path: Path, layout: str
) -> None:
    """Before the source is looked for: this one is nowhere."""
    for name in ("x.onnx", "x", ".h5", "x.keras"):
        command = ["weights", "convert", "nowhere", str(tmp_path / name), "--layout", layout]
        assert main(command) == 2
        assert f"cannot be a file of the layout {layout}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", ["keras2-weights", "keras3-weights"])
def test_convert_says_what_has_to_be_stated_again(
    capsys: Capture, drawn_file: Path, tmp_path: Path, layout: str
) -> None:
    target = tmp_path / f"out{SUFFIXES[layout][0]}"
    command = ["weights", "convert", str(drawn_file), str(target), "--layout", layout, "--json"]
    chosen = {"variant": "openface", "preprocessing": "prewhiten"}
    assert main([*command, "--variant", "openface", "--preprocessing", "prewhiten"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["load_with"] == chosen
    assert "without --variant openface --preprocessing prewhiten, this file gives another" in err
    assert npfacenet.load(target, **chosen).fingerprint == told["fingerprint"]  # type: ignore[arg-type]  # texts
    assert npfacenet.load(target).fingerprint != told["fingerprint"]
    # The defaults are what a reader takes anyway.
    assert main([*command, "--variant", "course", "--preprocessing", "unit"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["load_with"] == {}
    assert "gives another model" not in err


def test_convert_keeps_all_choices_in_our_own_layout(
    capsys: Capture, drawn_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.h5"
    command = ["weights", "convert", str(drawn_file), str(target), "--variant", "openface"]
    assert main(command) == 0
    assert capsys.readouterr().err == ""
    assert npfacenet.load(target).card.variant == "openface"


MARGIN = Preparation("mtcnn", "margin-32")
MEASURED = {
    MARGIN: Threshold(0.991, "chosen for a false match rate of 0.01"),
    Preparation(): Threshold(1.052, "chosen on crops"),
    Preparation(crop=150): Threshold(1.0521, "chosen on centre crops"),
    Preparation("yunet", "margin-32"): Threshold(1.004, "chosen on other faces"),
}


@pytest.fixture
def finding_file(tmp_path: Path) -> Path:
    """The default network, with a card of these thresholds that finds faces with mtcnn."""
    model = npfacenet.load()
    others = tuple(Measured(*each) for each in MEASURED.items())
    card = replace(model.card, other_thresholds=others).with_preparation(MARGIN)
    npfacenet.Model(model.network, model.parameters, card).save(tmp_path / "finding.h5")
    return tmp_path / "finding.h5"


def test_info_states_the_preparation_and_every_threshold(
    capsys: Capture, finding_file: Path
) -> None:
    assert main(["weights", "info", str(finding_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "preparation    mtcnn, margin-32" in lines
    assert "threshold      0.991: chosen for a false match rate of 0.01" in lines
    assert "and for central square: 1.052: chosen on crops" in lines
    assert "and for yunet, margin-32: 1.004: chosen on other faces" in lines
    assert main(["weights", "info", str(finding_file), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)["card"]
    assert card["preparation"] == {"detector": "mtcnn", "alignment": "margin-32", "crop": None}
    crops = [each["preparation"]["crop"] for each in card["other_thresholds"]]
    assert crops == [None, None, 150, None]  # the first is that of the card before


def test_convert_says_that_the_preparation_is_lost(
    capsys: Capture, finding_file: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "bare.h5")
    words = ["weights", "convert", str(finding_file), target, "--layout", "keras2-weights"]
    assert main(words) == 0
    err = capsys.readouterr().err
    assert "licence, trained on, preparation stay behind" in err
    assert "note: this model is for pictures prepared as mtcnn, margin-32; without a card" in err
