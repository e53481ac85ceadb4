"""Pictures whose faces are found: what is kept, shown, embedded and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import shared, weights
from drawn_people import draw_person
from found_people import NotBlack, model_for_faces, photograph, photograph_people
from PIL import Image

import npfacenet
from npfacenet.errors import ArgumentError, NoFaceError, TrainingError
from npfacenet.faces import Detector
from npfacenet.faces.cropping import FaceCropper
from npfacenet.models import Model
from npfacenet.models.face_options import FaceOptions, ReadyPreparation
from npfacenet.models.network_inputs import scaled
from npfacenet.models.picture_reading import PictureReader
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.training import Augmentation, Configuration, IdentityFolder
from npfacenet.training.picture_preparation import FaceFinder, picture_preparation
from npfacenet.training.picture_store import PictureStore, read_all

NONE = Augmentation.none()


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return IdentityFolder.of(photograph_people(tmp_path_factory.mktemp("people"), 3, 4)).paths


@pytest.fixture(autouse=True)
def nothing_looked_at() -> None:
    NotBlack.looked.clear()


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def finder(alignment: str = "openface-similarity", turn: float = 0.0) -> FaceFinder:
    return FaceFinder(FaceCropper(NotBlack(turn), ALIGNMENTS[alignment]))


def embedded(model: Model, path: Path, detector: Detector) -> npt.NDArray[np.float32]:
    """What the network is given of this picture by `Model.embed`."""

    def unexpected(name: object) -> Detector:
        raise AssertionError(name)

    ready: ReadyPreparation = FaceOptions(detector).ready_for(model.card, unexpected)
    (found,) = PictureReader(model.card, ready, "rgb", on_error="raise").read([(0, path)]).inputs
    return found


def assert_plain_is_embedded(
    model: Model, detector: Detector, paths: tuple[Path, ...], room: float
) -> None:
    """With room for shifted views, or without; as read first, and from memory."""
    prepared = picture_preparation(model.card, Configuration(), detector)
    store = PictureStore(paths, None, model.card.input_size, finder=prepared.finder, room=room)
    for _ in range(2):
        for i, path in enumerate(paths):
            wanted = embedded(model, path, detector)
            np.testing.assert_array_equal(scaled(store.plain(i), model.card), wanted)
        store.read_all(threads=2)


@pytest.mark.parametrize("room", [1, 1.5])
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_plain_pictures_are_what_is_embedded(
    alignment: str, room: float, paths: tuple[Path, ...]
) -> None:
    assert_plain_is_embedded(model_for_faces(alignment), NotBlack(0.2), paths, room)


@pytest.mark.parametrize("name", ["mtcnn", "yunet"])
def test_plain_photographs_are_what_is_embedded(name: str) -> None:
    file = "mtcnn" if name == "mtcnn" else "yunet_n.onnx"
    detector = npfacenet.faces.load(shared("weights") / file)
    model = npfacenet.load(weights("nn4.small2", "nn4_small2_v1.h5"), variant="openface")
    pictures = shared("pictures")
    paths = tuple(pictures / name for name in ("angelina_jolie.jpg", "rotated_exif6.jpg"))
    assert_plain_is_embedded(model, detector, paths, 1.5)


@pytest.mark.parametrize("alignment", ["openface-similarity", "openface-affine", "margin-32"])
@pytest.mark.parametrize("size", [24, 31])
def test_unmoved_views_show_what_plain_pictures_show(
    alignment: str, size: int, paths: tuple[Path, ...]
) -> None:
    store = PictureStore(paths, None, size, finder=finder(alignment, 0.1))
    for index in range(len(paths)):
        view = store.view(index, NONE, rng_of(0)).astype(int)
        plain = store.plain(index).astype(int)
        off = np.sqrt(((view - plain) ** 2).mean())
        moved = np.sqrt(((np.roll(plain, 1, axis=1) - plain) ** 2).mean())
        assert off < 0.35 * moved


def test_a_moved_view_shows_what_lies_beyond_the_face(tmp_path: Path) -> None:
    image = np.zeros((120, 130, 3), np.uint8)
    image[40:80, 40:80] = 200
    image[40:80:4, 40:80] = 90
    Image.fromarray(image).save(tmp_path / "lit.png")
    store = PictureStore([tmp_path / "lit.png"], None, 24, finder=finder("margin-0"))
    assert (store.view(0, NONE, rng_of(0)) > 60).all()
    shifted = Augmentation(0, 0.2, 0, 0, 0, 0, blur=0, jpeg=0, erase=0)
    assert (store.view(0, shifted, rng_of(0)) < 10).any()


def test_what_is_kept_has_the_photographs_resolution_within_limits(tmp_path: Path) -> None:
    sides = {"small": 30, "between": 70, "large": 180}
    for name, side in sides.items():
        image = np.zeros((300, 300, 3), np.uint8)
        image[60 : 60 + side, 60 : 60 + side] = np.arange(side, dtype=np.uint8)[:, None, None] + 1
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    paths = [tmp_path / f"{name}.png" for name in sides]
    store = PictureStore(paths, None, 48, finder=finder("margin-0"))
    kept = [store._picture(index).shape for index in range(3)]
    assert kept == [(72, 72, 3), (104, 104, 3), (144, 144, 3)]  # 1.5 times 48, 70 and 96


def test_each_face_is_found_once_and_views_do_not_depend_on_what_is_kept(
    paths: tuple[Path, ...],
) -> None:
    one = finder()
    stores = [PictureStore(paths, None, 16, memory, finder=one) for memory in (0, 5000, 1 << 29)]
    told: list[tuple[str, int, int | None]] = []
    read_all(stores[:1], lambda *report: told.append(report), threads=2)
    assert told == [("finding faces", i, len(paths)) for i in range(1, len(paths) + 1)]
    read_all(stores[1:], lambda *report: told.append(report), threads=2)
    assert told[-1] == ("reading pictures", 2 * len(paths), 2 * len(paths))
    fresh = PictureStore(paths, None, 16, finder=finder())
    for index in (3, 0, 11, 5, 5, 1):
        views = [s.view(index, Augmentation(), rng_of(index)) for s in [*stores, fresh]]
        for view in views:
            np.testing.assert_array_equal(view, views[0])
    assert len(NotBlack.looked) == len(paths) + 5
    assert all(sum(p.nbytes for p in s._kept.values()) <= 5000 for s in stores[:2])


def test_pictures_without_a_face_are_found_before_the_run_or_left_out(tmp_path: Path) -> None:
    home = photograph_people(tmp_path, 2, 3)
    for name in ("person_0/1.png", "person_1/2.png"):
        photograph([], 0).save(home / name)
    people = IdentityFolder.of(home)
    store = PictureStore(people.paths, None, 24, finder=finder())
    said = r"2 of 6 pictures cannot be used: .*person_0.1\.png' shows no face of 20 pixels or more"
    with pytest.raises(TrainingError, match=rf"{said} \(detector not-black; best score seen 0\.25"):
        store.read_all(threads=2)
    assert store._kept == {}
    with pytest.raises(NoFaceError):
        store.view(1, NONE, rng_of(0))
    one = finder()
    left = people.readable(None, finder=one, threads=2)
    assert [Path(s.source).relative_to(home).as_posix() for s in left.skipped] == [
        "person_0/1.png", "person_1/2.png",
    ]  # fmt: skip
    NotBlack.looked.clear()
    PictureStore(left.paths, None, 24, finder=one).read_all(threads=2)
    assert NotBlack.looked == []


def test_a_face_without_contrast_is_a_fault(tmp_path: Path) -> None:
    image = np.zeros((120, 130, 3), np.uint8)
    image[30:90, 30:90] = 180
    Image.fromarray(image).save(tmp_path / "flat.png")
    store = PictureStore([tmp_path / "flat.png"], None, 24, finder=finder("margin-0"))
    with pytest.raises(TrainingError, match=r"1 of 1 .*flat\.png' has a contrast of 0\.00"):
        store.read_all()


def test_which_of_several_faces_and_how_small(tmp_path: Path) -> None:
    several = [draw_person(i, 0) for i in range(3)]
    photograph(several, 9).save(tmp_path / "three.png")
    path, model = tmp_path / "three.png", model_for_faces()
    shown = []
    for choose in ("largest", "central"):
        choices = replace(Configuration(), choose=choose)
        prepared = picture_preparation(model.card, choices, NotBlack())
        store = PictureStore([path], None, 24, finder=prepared.finder)
        wanted = model.embed(path, detect=NotBlack(), choose=choose).values
        np.testing.assert_array_equal(model.embed(store.plain(0), detect=False).values, wanted)
        shown.append(store.plain(0))
    assert not np.array_equal(shown[0], shown[1])
    only = picture_preparation(model.card, Configuration(choose="only"), NotBlack())
    with pytest.raises(TrainingError, match=r"three\.png' shows 3 faces, and one is expected"):
        PictureStore([path], None, 24, finder=only.finder).read_all()
    large = picture_preparation(model.card, Configuration(smallest_face=110.0), NotBlack())
    with pytest.raises(TrainingError, match="shows no face of 110 pixels or more"):
        PictureStore([path], None, 24, finder=large.finder).read_all()


def test_what_contradicts_is_refused(paths: tuple[Path, ...]) -> None:
    card = model_for_faces().card
    for choices, said in (
        (Configuration(detect="mtcnn"), "a detector is given, or named by the configuration"),
        (Configuration(detect=False), "a detector is given, or named by the configuration"),
        (Configuration(crop=20), "a face is found .detect. or the centre is cropped .crop., not"),
    ):
        with pytest.raises(ArgumentError, match=said):
            picture_preparation(card, choices, NotBlack())
    for choices in (
        Configuration(detect=False, choose="only"),
        Configuration(crop=9, choose="only"),
    ):
        with pytest.raises(ArgumentError, match="choose is for faces that a detector finds"):
            picture_preparation(card, choices)
    with pytest.raises(ArgumentError, match="one face of each training picture is used, not all"):
        FaceFinder(FaceCropper(NotBlack(), ALIGNMENTS["margin-0"], "all"))
    with pytest.raises(ArgumentError, match="a face is found or the centre is cropped, not both"):
        PictureStore(paths, 20, 24, finder=finder())


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        (Configuration(), "not-black, margin-32"),
        (Configuration(choose="central"), "not-black, margin-32, the central face"),
        (Configuration(smallest_face=40), "not-black, margin-32, faces of 40 pixels or more"),
    ],
)
def test_the_preparation_in_words(choices: Configuration, text: str) -> None:
    assert str(picture_preparation(model_for_faces("margin-32").card, choices, NotBlack())) == text
