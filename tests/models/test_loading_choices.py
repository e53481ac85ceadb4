"""`load(file, architecture=..., variant=...)`: which of the two is at fault, and who is told."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
from keras2_files import write_keras2

import npfacenet
from npfacenet.cards import derived_card
from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.commands.main import main
from npfacenet.errors import ArgumentError, WeightsError
from npfacenet.recipes import npfacenet_small, recipes


@pytest.fixture(scope="module", params=["others", "ours"])
def small_file(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A sound file of npfacenet-small, with a card and without."""
    path = tmp_path_factory.mktemp("small") / "small.h5"
    network = npfacenet_small()
    parameters = network.initialise(4)
    if request.param == "others":
        return write_keras2(path, parameters)
    card = derived_card(recipes("npfacenet-small")[0], 96, path)
    write_checkpoint(path, network, parameters, card)
    return path


@pytest.mark.parametrize("untrusted", [False, True])
def test_a_sound_file_is_not_blamed_for_the_option(small_file: Path, untrusted: bool) -> None:
    with pytest.raises(
        ArgumentError,
        match=r"small\.h5 holds npfacenet-small \(128 numbers\), which is not variant 'openface': "
        "leave that out",
    ):
        npfacenet.load(small_file, variant="openface", untrusted=untrusted)


def test_every_option_that_was_given_is_named(small_file: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"which is not architecture 'nn4.small2' and variant 'course'"
    ):
        npfacenet.load(small_file, architecture="nn4.small2", variant="course")
    assert npfacenet.load(small_file, architecture="npfacenet-small").card.outputs == 128


def test_the_command_line_blames_it_too(
    small_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summary", str(small_file), "--variant", "openface"]) == 2
    assert "which is not variant 'openface'" in capsys.readouterr().err


def test_a_damaged_file_is_blamed_for_its_damage(tmp_path: Path) -> None:
    path = write_keras2(tmp_path / "small.h5", npfacenet_small().initialise(4))
    with h5py.File(path, "r+") as file:
        del file["stem/stem/kernel:0"]
    with pytest.raises(WeightsError, match=r"npfacenet-small .* 1 missing: stem/kernel"):
        npfacenet.load(path, variant="openface")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError, match="is damaged or incomplete"):
        npfacenet.load(path, variant="openface")
