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
from comparing import cut, mirrored, missing, moved, sure, whole
from PIL import Image

from npfacenet.faces import Detector, Faces
from npfacenet.images import read

Picture = npt.NDArray[np.uint8]
Known = dict[tuple[str, str], Faces]
Law = Callable[[Detector, Picture, Faces], tuple[Faces, Faces]]

FOUND = {"mtcnn": 0.5, "yunet": 0.7, "finder": 0.5}
"""The overlap with which an expected face counts as found.

Measured over all faces of all pictures: MTCNN at least 0.56 (a face that is cut by the edge of its
picture, moved onto black; 0.74 otherwise), YuNet 0.81.
"""
# Where a face is cut by the edge of its picture, a detector guesses the rest of the box from
# nothing, and gluing puts another picture there: where MTCNN guessed 69 pixels beyond the edge,
# none are left, so the whole box overlaps by 0.38 only. What is seen of such faces overlaps by at
# least 0.70 (YuNet: 0.87), and faces that lie in their picture altogether by 0.85 (YuNet: 0.81).
SEEN = {"mtcnn": 0.65, "yunet": 0.8, "finder": 0.65}
"""The overlap of the visible parts of boxes with which a face of a glued picture is found."""
SURE = {"mtcnn": 0.9, "yunet": 0.9, "finder": 0.8}
"""The score from which on a face is expected; the finder's say how well a box fits, too."""
WHOLE = {"mtcnn": 0.75, "yunet": 0.75, "finder": 0.65}
"""The same for whole boxes of faces that no edge cuts."""
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


@pytest.fixture(params=["mtcnn", "yunet", "finder"])
def detector(request: pytest.FixtureRequest) -> Detector:
    found: Detector = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_picture_that_is_changed_has_its_faces_changed(
    law: Law, detector: Detector, photographs: Path, known: Known
) -> None:
    hold(law, detector, pictures(photographs, large=False), known, least=50)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
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
        faces = sure(faces_in(name, picture, detector, known), SURE[detector.name])
        count += len(faces)
        found, expected = law(detector, picture, faces)
        if told := missing(found, expected, FOUND[detector.name]):
            lost[name] = told
    assert count >= least
    assert lost == {}


def test_pictures_that_are_glued_together_have_the_faces_of_both(
    detector: Detector, photographs: Path, known: Known
) -> None:
    """Each picture beside the next one, and above it; of all their faces, cut ones included."""
    hold_glued(detector, list(pictures(photographs, large=False)), known, least=200)


@pytest.mark.slow
def test_so_have_large_pictures(detector: Detector, photographs: Path, known: Known) -> None:
    hold_glued(detector, list(pictures(photographs, large=True)), known, least=12)


def hold_glued(
    detector: Detector, chosen: list[tuple[str, Picture]], known: Known, least: int
) -> None:
    lost, count = {}, 0
    for (name, first), (other, second) in zip(chosen, chosen[1:] + chosen[:1], strict=True):
        for axis in (0, 1):
            found = detector.detect(glued(first, second, axis))
            down, right = first.shape[0] * (axis == 0), first.shape[1] * (axis == 1)
            for which, picture, x, y in ((name, first, 0, 0), (other, second, right, down)):
                expected = sure(faces_in(which, picture, detector, known), SURE[detector.name])
                faces = moved(expected, x, y)
                frame = (x, y, x + picture.shape[1], y + picture.shape[0])
                count += len(faces)
                told = missing(cut(found, frame), cut(faces, frame), SEEN[detector.name])
                if told := told + missing(found, whole(faces, frame), WHOLE[detector.name]):
                    lost[which, axis] = told
    assert count >= least
    assert lost == {}


def glued(first: Picture, second: Picture, axis: int) -> Picture:
    """One below (axis 0) or beside (1) the other; black fills up the smaller one."""
    side = max(first.shape[1 - axis], second.shape[1 - axis])
    filled = []
    for picture in (first, second):
        margins = [(0, 0)] * 3
        margins[1 - axis] = (0, side - picture.shape[1 - axis])
        filled.append(np.pad(picture, margins))
    return np.concatenate(filled, axis=axis)


def test_a_batch_gives_what_one_by_one_gives(
    detector: Detector, photographs: Path, known: Known
) -> None:
    chosen = dict(pictures(photographs, large=False))
    together = detector.detect(chosen.values(), threads=2)
    for (name, picture), faces in zip(chosen.items(), together, strict=True):
        alone = faces_in(name, picture, detector, known)
        for kind in ("boxes", "landmarks", "scores"):
            np.testing.assert_array_equal(getattr(alone, kind), getattr(faces, kind))
