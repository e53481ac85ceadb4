"""What a detector finds does not depend on how a picture lies: for every sure face of all pictures.

A face may move by the stride of the maps in which it was seen, so its box is compared loosely: by
how much it overlaps with the one that is expected.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from comparing import mirrored, missing, moved, sure
from PIL import Image

from npfacenet.faces import Detector, Faces
from npfacenet.images import read

Picture = npt.NDArray[np.uint8]
Known = dict[tuple[str, str], Faces]
Law = Callable[[Detector, Picture, Faces], tuple[Faces, Faces]]

FOUND = {"mtcnn": 0.5, "yunet": 0.7}
"""The overlap with which an expected face counts as found."""
CUT = 0.4
"""The same where what lies beyond the edge of a picture changes, for faces that are cut by it."""
MOST = 1_000_000
"""Pixels of the largest picture; larger ones take seconds and are in the slow set."""


def mirror(detector: Detector, picture: Picture, faces: Faces) -> tuple[Faces, Faces]:
    found = detector.detect(np.ascontiguousarray(picture[:, ::-1]))
    return found, mirrored(faces, picture.shape[1])


def shift(detector: Detector, picture: Picture, faces: Faces) -> tuple[Faces, Faces]:
    found = detector.detect(np.pad(picture, ((3, 0), (5, 0), (0, 0)), mode="edge"))
    return found, moved(faces, 5, 3)


def shift_on_black(detector: Detector, picture: Picture, faces: Faces) -> tuple[Faces, Faces]:
    found = detector.detect(np.pad(picture, ((29, 0), (17, 0), (0, 0))))
    return found, moved(faces, 17, 29)


def enlarge(detector: Detector, picture: Picture, faces: Faces) -> tuple[Faces, Faces]:
    found = detector.detect(picture.repeat(2, axis=0).repeat(2, axis=1))
    return found, moved(faces, 0, 0, 2)


def enlarge_by_half(detector: Detector, picture: Picture, faces: Faces) -> tuple[Faces, Faces]:
    height, width = picture.shape[:2]
    size = (round(1.5 * width), round(1.5 * height))
    image = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)
    return detector.detect(np.asarray(image)), moved(faces, 0, 0, 1.5)


LAWS: list[Law] = [mirror, shift, shift_on_black, enlarge, enlarge_by_half]


def pictures(photographs: Path, *, large: bool) -> Iterator[tuple[str, Picture]]:
    names = (photographs / "reference/mtcnn_facenet_pytorch.json").read_text("utf-8")
    for name, entry in json.loads(names)["pictures"].items():
        if (entry["size"][0] * entry["size"][1] > MOST) is large:
            yield name, read(photographs / name)


@pytest.fixture(scope="module")
def known() -> Known:
    """The faces of each picture, by detector and name, so that each is searched once."""
    return {}


@pytest.fixture(params=["mtcnn", "yunet"])
def detector(request: pytest.FixtureRequest) -> Detector:
    found: Detector = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_picture_that_is_changed_has_its_faces_changed(
    law: Law, detector: Detector, photographs: Path, known: Known
) -> None:
    hold(law, detector, pictures(photographs, large=False), known, least=50)


@pytest.mark.slow
@pytest.mark.parametrize("law", [mirror, shift, shift_on_black], ids=lambda law: law.__name__)
def test_so_has_a_large_picture(
    law: Law, detector: Detector, photographs: Path, known: Known
) -> None:
    hold(law, detector, pictures(photographs, large=True), known, least=3)


def faces_in(name: str, picture: Picture, detector: Detector, known: Known) -> Faces:
    if (detector.name, name) not in known:
        known[detector.name, name] = detector.detect(picture, threads=1)
    return known[detector.name, name]


def hold(
    law: Law,
    detector: Detector,
    pictures: Iterator[tuple[str, Picture]],
    known: Known,
    least: int,
) -> None:
    lost, count = {}, 0
    for name, picture in pictures:
        faces = sure(faces_in(name, picture, detector, known))
        count += len(faces)
        found, expected = law(detector, picture, faces)
        if told := missing(found, expected, FOUND[detector.name]):
            lost[name] = told
    assert count >= least
    assert lost == {}


def test_pictures_that_are_glued_together_have_the_faces_of_both(
    detector: Detector, photographs: Path, known: Known
) -> None:
    every = pictures(photographs, large=False)
    small = [(name, picture) for name, picture in every if picture.shape == (250, 250, 3)]
    assert len(small) == 38
    lost = []
    for (name, first), (other, second) in zip(small[::2], small[1::2], strict=True):
        beside = detector.detect(np.concatenate([first, second], axis=1))
        below = detector.detect(np.concatenate([first, second]))
        ours = sure(faces_in(name, first, detector, known))
        theirs = sure(faces_in(other, second, detector, known))
        for found, faces in (
            (beside, ours),
            (beside, moved(theirs, 250, 0)),
            (below, ours),
            (below, moved(theirs, 0, 250)),
        ):
            lost += missing(found, faces, CUT)
    assert lost == []


def test_a_batch_gives_what_one_by_one_gives(
    detector: Detector, photographs: Path, known: Known
) -> None:
    chosen = dict(pictures(photographs, large=False))
    together = detector.detect(chosen.values(), threads=2)
    for (name, picture), faces in zip(chosen.items(), together, strict=True):
        alone = faces_in(name, picture, detector, known)
        for kind in ("boxes", "landmarks", "scores"):
            np.testing.assert_array_equal(getattr(alone, kind), getattr(faces, kind))
