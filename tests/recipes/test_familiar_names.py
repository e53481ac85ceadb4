"""What other projects call these networks leads here, as a suggestion and never as an alias."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import npfacenet
from npfacenet.commands.main import main
from npfacenet.errors import ArgumentError, WeightsNotFoundError
from npfacenet.recipes import recipes
from npfacenet.recipes.familiar_names import FOREIGN, familiar_names, suggestion
from npfacenet.zoo.manifest import known_names

KNOWN = ["nn4.small2", "inception-resnet-v1", "npfacenet-small"]
RESNET = [
    "Facenet", "FaceNet", "facenet", "FACENET", "facenet_keras", "facenet_keras.h5",
    "keras-facenet", "facenet_weights.h5", "FaceNet-128d", "inception_resnet_v1",
    "InceptionResNetV1", "inception-resnet", "Inception ResNet V1", "vggface2", "casia-webface",
    "20180402-114759", "20180402-114759.pb", "facenet_keras_weights", "Inception-ResNet-v1",
    "keras-facenet-h5",
]  # fmt: skip
NN4 = [
    "OpenFace", "openface", "openface_weights.h5", "nn4.small2.v1", "nn4_small2", "nn4_small2_v1",
    "nn4.small2.v1.t7", "NN4.SMALL2", "nn4-small2-v1.h5", "nn4", "nn4.small1.v1", "faceRecoModel",
    "openface.nn4.small2.v1.t7",
]  # fmt: skip
OTHERS = [
    "ArcFace", "VGG-Face", "vgg_face_weights.h5", "dlib", "DeepID", "SFace", "GhostFaceNet",
    "Buffalo_L", "DeepFace", "mobilefacenet",
]  # fmt: skip


@pytest.mark.parametrize("name", RESNET)
def test_names_of_inception_resnet_v1(name: str) -> None:
    assert suggestion(name, KNOWN) == "did you mean 'inception-resnet-v1'? "


@pytest.mark.parametrize("name", ["Facenet512", "facenet512_weights.h5", "FaceNet-512d"])
def test_names_of_512_numbers_say_what_is_public(name: str) -> None:
    assert suggestion(name, KNOWN) == (
        "did you mean 'inception-resnet-v1' (its public weights give 128 numbers; load a file of "
        "512 by its path)? "
    )


@pytest.mark.parametrize("name", NN4)
def test_names_of_nn4_small2(name: str) -> None:
    assert suggestion(name, KNOWN) == "did you mean 'nn4.small2'? "


@pytest.mark.parametrize("name", OTHERS)
def test_networks_that_are_not_here_are_not_confused_with_ours(name: str) -> None:
    assert suggestion(name, KNOWN).endswith("is a network that npfacenet does not have. ")


def test_misspelt_names_still_lead_to_the_right_one() -> None:
    assert suggestion("nn4.smal2", KNOWN) == "did you mean 'nn4.small2'? "
    assert suggestion("npfacenet", KNOWN) == "did you mean 'npfacenet-small'? "
    assert suggestion("inception-resnet-v3", KNOWN) == "did you mean 'inception-resnet-v1'? "
    assert suggestion("zzz", KNOWN) == suggestion("", KNOWN) == suggestion(3, KNOWN) == ""


@given(st.text() | st.integers() | st.none())
def test_any_name_gives_a_line(name: object) -> None:
    told = suggestion(name, KNOWN)
    assert told == "" or told.endswith((". ", "? "))


def test_the_tables_lead_to_names_that_there_are() -> None:
    ours = familiar_names()
    assert set(KNOWN) <= set(ours.values()) <= {recipe.architecture for recipe in recipes()}
    assert not ours.keys() & FOREIGN.keys()
    for name in KNOWN:
        assert name in known_names(name)


@pytest.mark.parametrize("name", ["Facenet", "facenet_keras", "facenet_keras.h5", "OpenFace"])
def test_every_way_in_suggests_and_none_takes_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ours = "nn4.small2" if name == "OpenFace" else "inception-resnet-v1"
    said = f"did you mean '{ours}'"
    people = tmp_path / "people"
    for picture in ("ada/1.png", "ada/2.png", "ben/1.png", "ben/2.png"):
        (people / picture).parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((112, 112), 50).save(people / picture)
    with pytest.raises(WeightsNotFoundError, match=said):
        npfacenet.load(name)
    with pytest.raises(ArgumentError, match=said):
        npfacenet.load(architecture=name)
    with pytest.raises(ArgumentError, match=said):
        recipes(name)
    for command in (
        ["summary", name],
        ["weights", "info", name],
        ["weights", "fetch", name],
        ["embed", "a.jpg", "--model", name, "--out", "a.npz"],
        ["train", str(people), "--run", "run", "--fresh", name],
    ):
        assert main(command) == 2, command
        assert said in capsys.readouterr().err, command
