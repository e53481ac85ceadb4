"""Commands on files of networks that are in no catalogue, for pictures of any size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from npfacenet.checkpoints.layer_order import keras_order
from npfacenet.commands.main import main
from npfacenet.layers import Convolution, ReLU
from npfacenet.models import Model
from npfacenet.networks import Builder, Network, Outputs

Capture = pytest.CaptureFixture[str]


def heads() -> Network[Outputs]:
    """A trunk with two heads."""
    build = Builder("finder", (None, None, 3))
    trunk = build.add("trunk", ReLU(), build.add("conv", Convolution(4, 3), build.input))
    ends = [build.add(name, Convolution(n), trunk) for name, n in (("score", 1), ("box", 4))]
    return build.network(outputs=ends)


@pytest.fixture
def finder(tmp_path: Path) -> Path:
    path = tmp_path / "finder.h5"
    Model.of(heads(), heads().initialise(0)).save(path)
    return path


def test_a_summary_leaves_open_what_depends_on_the_size(finder: Path, capsys: Capture) -> None:
    assert main(["summary", str(finder)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[-2].split() == ["total", "137", "depends:", "--size"]
    assert main(["summary", str(finder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["parameters"], told["multiply_adds"]) == (137, None)
    assert told["layers"][0]["output_shape"] == [None, None, 4]


@pytest.mark.parametrize(
    ("layout", "name"), [("keras2-weights", "out.h5"), ("keras3-weights", "out.weights.h5")]
)
def test_a_layout_that_could_not_be_read_again_is_refused_before_anything_is_written(
    layout: str, name: str, finder: Path, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / name
    assert main(["weights", "convert", str(finder), str(target), "--layout", layout]) == 2
    said = capsys.readouterr().err
    assert "'finder' is in no catalogue" in said
    assert "write npfacenet, or register it" in said
    assert not target.exists()


def test_keras_order_of_several_outputs_is_that_of_the_farthest_first() -> None:
    assert [node.name for node in keras_order(heads())] == ["conv", "trunk", "score", "box"]
