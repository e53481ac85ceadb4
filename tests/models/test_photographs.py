"""Photographs: which part is embedded, what the result says of it, and what it is compared with."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from conftest import shared
from drawn_detector import Drawn, Known, pasted
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import npfacenet
from npfacenet import Embeddings, Model
from npfacenet.cards import Measured, Threshold
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    FingerprintError,
    ImageError,
    NoFaceError,
    SeveralFacesError,
    WeightsNotFoundError,
)
from npfacenet.faces import Detector, Faces
from npfacenet.models import Skipped
from npfacenet.models.face_options import FaceOptions
from npfacenet.models.loaded_detectors import LoadedDetectors
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.samples import people

BOXES = ((20.0, 30.0, 116.0, 126.0), (195.0, 195.0, 315.0, 315.0))  # central and largest
PHOTO = pasted(320, (20, 30), (207, 207))
FACE = people(1, 1, 7).pictures[0]
FOUND = Preparation("mtcnn", "margin-32")
ELSEWHERE = Threshold(0.9, "measured by the tests")


@pytest.fixture(scope="module")
def model() -> Model:
    """A model whose card is for pictures that are cropped to the face."""
    packaged = npfacenet.load()
    return replace(packaged, card=packaged.card.with_preparation(CENTRAL_SQUARE))


@pytest.fixture
def finding(model: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model whose card finds faces with a drawn detector."""

    def load(name: object) -> Detector:
        assert name == FOUND.detector
        return Known(BOXES[:1])

    monkeypatch.setattr("npfacenet.faces.loading.load", load)
    card = replace(model.card, other_thresholds=(Measured(FOUND, ELSEWHERE),))
    card = card.with_preparation(FOUND)
    return Model(model.network, model.parameters, card, model.digest)


def same(a: Embeddings, b: Embeddings) -> bool:
    return bool(np.abs(a.values - b.values).max() < 1e-5)


def test_the_card_says_what_is_done_with_a_photograph(finding: Model) -> None:
    found = finding.embed(PHOTO)
    assert found.preparation == FOUND
    assert found.fingerprint == finding.fingerprint == finding.fingerprint_of(FOUND)
    assert found.threshold == ELSEWHERE
    assert found.faces[0].box == BOXES[0]
    assert finding.finds_faces()
    assert same(found, finding.embed(PHOTO, detect=Drawn(BOXES[:1])))
    cropped = PHOTO[18:138, 8:128]  # a fourth more than the box
    assert same(found, finding.embed(cropped, detect=False))


def test_the_call_may_say_otherwise(model: Model, finding: Model) -> None:
    whole = finding.embed(PHOTO, detect=False)
    assert (whole.preparation, whole.faces) == (CENTRAL_SQUARE, ())
    assert same(whole, model.embed(PHOTO))
    assert whole.fingerprint == model.fingerprint
    crop = finding.embed(PHOTO, crop=200)
    assert crop.preparation == Preparation(crop=200)
    assert np.array_equal(crop.values, model.embed(PHOTO[60:260, 60:260]).values)
    assert not any((finding.finds_faces(detect=False), finding.finds_faces(crop=9)))
    assert model.finds_faces(detect="mtcnn")


def test_a_trained_crop_is_kept_without_a_detector(model: Model) -> None:
    own = replace(model, card=model.card.with_preparation(Preparation(crop=200)))
    assert own.embed(PHOTO).preparation == Preparation(crop=200)
    assert own.embed(PHOTO, detect=False).preparation == Preparation(crop=200)
    assert own.fingerprint != model.fingerprint


def test_what_was_prepared_differently_is_not_compared(finding: Model) -> None:
    ways = [
        finding.embed(FACE, detect=Drawn(((0, 0, 96, 96),))),
        finding.embed(FACE, detect=False),
        finding.embed(FACE, crop=90),
        finding.embed(FACE, crop=80),
    ]
    for i, one in enumerate(ways):
        for other in ways[:i]:
            with pytest.raises(FingerprintError, match="were prepared differently"):
                npfacenet.verify(one, other, threshold=1)


def test_a_threshold_is_used_for_what_it_was_measured_with(finding: Model) -> None:
    crop = finding.embed(FACE, crop=90)
    assert crop.threshold is None
    with pytest.raises(EmbeddingError, match=r"for pictures prepared so \(centre crop of 90"):
        npfacenet.verify(crop, crop)
    assert npfacenet.verify(crop, crop, threshold=1.0).same


def test_other_settings_of_a_detector_make_other_embeddings(finding: Model) -> None:
    plain, strict = Drawn(BOXES[:1]), Drawn(BOXES)
    assert plain.identity.startswith("drawn@")
    assert plain.identity == Drawn(BOXES[:1]).identity != strict.identity
    assert Drawn().identity == "drawn"
    found = finding.embed(PHOTO, detect=strict)
    assert found.preparation == Preparation(strict.identity, "margin-32")
    assert found.threshold is None
    with pytest.raises(FingerprintError):
        npfacenet.verify(found, finding.embed(PHOTO), threshold=1)


def test_an_alignment_that_the_card_states_holds_for_every_detector(model: Model) -> None:
    """Weights that learnt from faces cut otherwise than the recipe's need them cut so."""
    crops = model.card
    for name in ("yunet", "drawn", "mtcnn@0123456789ab"):
        assert crops.found_by(name) == Preparation(name, "npfacenet")  # the recipe's
        for detector in ("mtcnn", "somebody", "mtcnn@ba9876543210"):
            own = crops.with_preparation(Preparation(detector, "margin-32"))
            assert own.found_by(name) == Preparation(name, "margin-32")
            agreeing = crops.with_preparation(Preparation(detector, "npfacenet"))
            assert agreeing.found_by(name) == Preparation(name, "npfacenet")
    openface = replace(crops, architecture="nn4.small2", variant="openface")
    for card, yunet in (
        (openface.with_preparation(openface.found_by("mtcnn")), "openface-similarity"),
        (openface.with_preparation(Preparation("mtcnn", "margin-0")), "margin-0"),
    ):
        assert card.found_by("yunet") == Preparation("yunet", yunet)


def test_each_choice_among_faces(model: Model) -> None:
    detector = Drawn(BOXES)
    for choose, index in (("largest", 1), (None, 1), ("central", 0)):
        found = model.embed(PHOTO, detect=detector, choose=choose)  # type: ignore[arg-type]
        assert [(f.index, f.count) for f in found.faces] == [(index, 2)]
    every = model.embed([FACE, PHOTO], detect=detector, choose="all", on_error="skip")
    assert every.positions == (0, 1, 1)[-len(every) :]
    assert [f.index for f in every.faces][-2:] == [0, 1]
    assert every.sources[-2:] == ("array (320, 320, 3) at index 1",) * 2
    with pytest.raises(SeveralFacesError, match=r"array \(320, 320, 3\) at index 0 shows 2 faces"):
        model.embed(PHOTO, detect=detector, choose="only")
    assert len(model.embed(PHOTO, detect=Drawn(BOXES[:1]), choose="only")) == 1


def test_a_photograph_without_a_face_gives_no_vector(model: Model) -> None:
    with pytest.raises(NoFaceError, match="at index 1 shows no face of 20 pixels or more"):
        model.embed([FACE, PHOTO], detect=OnlySmall(((0, 0, 96, 96),)))
    found = model.embed(
        [PHOTO, b"no picture", FACE], detect=OnlySmall(((0, 0, 96, 96),)), on_error="skip"
    )
    assert (found.positions, len(found)) == ((2,), 1)
    assert [(one.position, one.no_face) for one in found.skipped] == [(0, True), (1, False)]
    assert "shows no face" in found.skipped[0].reason
    for empty in (np.zeros((200, 200, 3), np.uint8), np.full((200, 200, 3), 255, np.uint8)):
        with pytest.raises(ImageError):
            model.embed(empty, detect=Drawn())
        with pytest.raises(ImageError, match="contrast"):
            model.embed(empty, detect=Drawn(((20, 20, 120, 120),)))
        with pytest.raises(ImageError, match="contrast"):
            model.embed(empty, detect=False)


@dataclass(frozen=True, eq=False)
class OnlySmall(Drawn):
    """Finds faces in pictures of fewer than 200 pixels a side."""

    name: ClassVar[str] = "small"

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return super().find(picture, smallest_face) if len(picture) < 200 else Faces()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([FACE, PHOTO, b"damaged"]), max_size=9), st.integers(1, 3))
def test_every_picture_is_embedded_or_skipped(pictures: list[object], threads: int) -> None:
    seen: list[tuple[str, int, int | None]] = []
    found = npfacenet.load().embed(
        pictures,  # type: ignore[arg-type]  # drawn
        detect=OnlySmall(((0, 0, 96, 96),)),
        choose="all",
        on_error="skip",
        threads=threads,
        progress=lambda *told: seen.append(told),
    )
    assert found.positions == tuple(i for i, one in enumerate(pictures) if one is FACE)
    others = tuple(i for i, one in enumerate(pictures) if one is not FACE)
    assert tuple(one.position for one in found.skipped) == others
    assert seen == [("embedding", i + 1, len(pictures)) for i in range(len(pictures))]


def test_rows_keep_their_face_and_position(model: Model) -> None:
    every = model.embed([PHOTO, PHOTO], detect=Drawn(BOXES), choose="all")
    assert every.positions == (0, 0, 1, 1)
    row = every[2]
    assert (row.positions, row.faces) == ((1,), (every.faces[2],))
    assert every[[3, 0]].faces == (every.faces[3], every.faces[0])
    copy = pickle.loads(pickle.dumps(every))  # noqa: S301 (our own)
    assert (copy.faces, copy.positions, copy.preparation) == (
        every.faces, every.positions, every.preparation
    )  # fmt: skip
    told = every.as_json()
    assert told["positions"] == [0, 0, 1, 1]
    assert told["faces"][1]["size"] == 120.0  # type: ignore[index, call-overload]
    assert told["preparation"]["alignment"] == "npfacenet"  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("positions", (1, 2)), ("positions", ("0",)), ("faces", ("face",)), ("faces", 3),
        ("preparation", "mtcnn"), ("positions", (-1,)), ("positions", (True,)),
    ],
)  # fmt: skip
def test_embeddings_refuse_what_belongs_to_no_row(field: str, value: object) -> None:
    with pytest.raises(EmbeddingError):
        Embeddings(np.ones((1, 4), np.float32), **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("position", [-1, "0", 1.5, True])
def test_a_position_is_a_number(position: object) -> None:
    with pytest.raises(ArgumentError, match="a position is a whole number"):
        Skipped("a", "b", position)  # type: ignore[arg-type]  # the fault under test


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"detect": True}, "detect is the name"), ({"detect": 3}, "detect is the name"),
        ({"detect": "mtcnn", "crop": 9}, "not both"), ({"crop": 0}, "crop is a whole number"),
        ({"crop": "150"}, "crop is a whole number"), ({"crop": True}, "crop is a whole number"),
        ({"choose": "best"}, "choose is one of"), ({"choose": "only"}, "choose is for faces"),
        ({"crop": 9, "choose": "only"}, "choose is for faces"),
        ({"detect": False, "smallest_face": 40}, "smallest_face is for faces"),
        ({"smallest_face": 3, "detect": "mtcnn"}, "smallest_face is a number"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(
    model: Model, options: dict[str, object], said: str
) -> None:
    with pytest.raises(ArgumentError, match=said):
        model.embed(FACE, **options)  # type: ignore[arg-type]  # the fault under test


def test_a_crop_that_does_not_fit_names_the_picture(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    Image.fromarray(FACE).save(path)
    with pytest.raises(ImageError, match=r"small.png': 113 x 113 pixels cannot be cut out"):
        model.embed(path, crop=113)


def test_missing_weights_of_a_detector_are_an_error_with_the_remedy(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = replace(model, card=model.card.with_preparation(Preparation("mtcnn", "margin-32")))
    with pytest.raises(WeightsNotFoundError) as caught:
        own.embed(FACE)
    for part in ("for faces that mtcnn has found", "weights fetch mtcnn", "detect=False"):
        assert part in str(caught.value)
    with pytest.raises(WeightsNotFoundError, match="weights fetch mtcnn"):
        model.embed(FACE, detect="mtcnn")
    with pytest.raises(WeightsNotFoundError, match="no detector called 'nobody'"):
        model.embed(FACE, detect="nobody")


def test_a_detector_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def load(name: object) -> Detector:
        asked.append(name)
        return Drawn(BOXES)

    monkeypatch.setattr("npfacenet.faces.loading.load", load)
    loaded = LoadedDetectors()
    assert loaded.load("mtcnn") is loaded.load("mtcnn") is not loaded.load(Path("mtcnn.h5"))
    assert asked == ["mtcnn", Path("mtcnn.h5")]
    ready = FaceOptions("mtcnn").ready_for(npfacenet.load().card, loaded.load)
    assert ready.cropper is not None
    assert ready.cropper.detector is loaded.load("mtcnn")


FILES = {"mtcnn": "mtcnn", "yunet": "yunet_n.onnx"}


@pytest.mark.parametrize("name", FILES)
def test_real_detectors_are_known_by_their_weights(name: str) -> None:
    detector = npfacenet.faces.load(shared(f"weights/{FILES[name]}"))
    assert detector.identity == name
    threshold = (0.6, 0.7, 0.9) if name == "mtcnn" else 0.9
    field = "thresholds" if name == "mtcnn" else "threshold"
    stricter = replace(detector, **{field: threshold})
    assert stricter.identity.startswith(f"{name}@")


def test_photographs_as_phones_take_them(model: Model) -> None:
    detector = npfacenet.faces.load(shared("weights/mtcnn"))
    turned = shared("pictures/rotated_exif6.jpg")
    found = model.embed(turned, detect=detector)
    assert found.faces[0].count == 1
    upright = Image.open(turned).transpose(Image.Transpose.ROTATE_270)
    assert same(found, model.embed(np.asarray(upright.convert("RGB")), detect=detector))


def test_a_network_of_ones_own_may_find_faces(model: Model) -> None:
    own = Model.of(model.network, model.parameters, preprocessing="prewhiten", preparation=FOUND)
    assert own.card.preparation == FOUND
    assert own.fingerprint != Model.of(model.network, model.parameters).fingerprint
    with pytest.raises(ArgumentError, match="a preparation is a Preparation"):
        Model.of(model.network, model.parameters, preparation="mtcnn")  # type: ignore[arg-type]
