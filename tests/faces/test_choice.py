"""Choosing among several faces, and cutting the chosen ones out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from drawn_detector import Drawn, faces_in, pasted
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError, NoFaceError, SeveralFacesError
from npfacenet.faces import Faces
from npfacenet.faces.choice import CHOICES, ChosenFace, chosen
from npfacenet.faces.cropping import FaceCropper
from npfacenet.recipes.alignment import ALIGNMENTS

SIDE = 400
SQUARE = np.full((SIDE, SIDE, 3), 120, np.uint8)
edges = st.integers(1, 200)


@st.composite
def several(draw: st.DrawFn, least: int = 1) -> Faces:
    boxes = []
    for _ in range(draw(st.integers(least, 6))):
        left, top = draw(st.integers(-50, SIDE)), draw(st.integers(-50, SIDE))
        boxes.append((left, top, left + draw(edges), top + draw(edges)))
    return faces_in(*boxes)


def choose(faces: Faces, how: object) -> tuple[ChosenFace, ...]:
    return chosen(faces, how, SIDE, SIDE, "'x.jpg'")  # type: ignore[arg-type]  # drawn


@given(several())
def test_each_choice_is_what_its_name_says(faces: Faces) -> None:
    whole = np.prod(faces.boxes[:, 2:] - faces.boxes[:, :2], axis=1)
    within = np.prod(np.diff(faces.boxes.clip(0, SIDE).reshape(-1, 2, 2), axis=1)[:, 0], axis=1)
    (largest,) = choose(faces, "largest")
    assert within[largest.index] ** 2 / whole[largest.index] == pytest.approx(
        (within**2 / whole).max()
    )
    (central,) = choose(faces, "central")
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    off = np.linalg.norm(centres - SIDE / 2, axis=1)
    assert off[central.index] == pytest.approx(off.min())
    assert [one.index for one in choose(faces, "all")] == list(range(len(faces)))
    if len(faces) == 1:
        assert choose(faces, "only") == (largest,) == (central,)
    else:
        with pytest.raises(SeveralFacesError, match=rf"'x.jpg' shows {len(faces)} faces"):
            choose(faces, "only")


@given(several(), st.sampled_from([c for c in CHOICES if c != "only"]))
def test_a_chosen_face_is_one_of_those_found(faces: Faces, how: str) -> None:
    for face in choose(faces, how):
        assert face.count == len(faces)
        assert face.box == tuple(faces.boxes[face.index].tolist())
        assert face.landmarks == tuple(map(tuple, faces.landmarks[face.index].tolist()))
        assert face.score == faces.scores[face.index]
        left, top, right, bottom = face.box
        assert face.size == max(right - left, bottom - top)


@pytest.mark.parametrize("how", CHOICES)
def test_none_is_chosen_of_none(how: str) -> None:
    assert choose(Faces(), how) == ()


def test_a_face_that_is_cut_off_is_not_preferred() -> None:
    smaller = (100.0, 100.0, 220.0, 220.0)
    for left, index in ((300.0, 1), (230.0, 0)):  # 60 of 160 pixels are cut off, and none
        faces = faces_in((left, 100.0, left + 160, 260.0), smaller)
        assert choose(faces, "largest")[0].index == index


def test_of_equal_faces_the_surer_one_is_chosen() -> None:
    faces = faces_in((0, 0, 50, 50), (350, 350, 400, 400))
    assert [choose(faces, how)[0].index for how in ("largest", "central")] == [0, 0]


@pytest.mark.parametrize("how", [None, "", "biggest", 1, ["all"]])
def test_other_choices_are_refused(how: object) -> None:
    with pytest.raises(ArgumentError, match="choose is one of largest, central, only, all"):
        choose(faces_in((0, 0, 50, 50)), how)
    with pytest.raises(ArgumentError, match="choose is one of"):
        FaceCropper(Drawn(), ALIGNMENTS["margin-0"], how)  # type: ignore[arg-type]  # drawn


def test_crops_show_the_faces_that_were_chosen() -> None:
    picture = pasted(SIDE, (20, 30), (200, 250))
    boxes = ((20, 30, 116, 126), (200, 250, 296, 346))
    cropper = FaceCropper(Drawn(boxes), ALIGNMENTS["margin-0"], "all")
    crops = cropper.crops(picture, 96, "'x.jpg'")
    assert [crop.face.box for crop in crops] == list(boxes)
    for crop, (left, top, right, bottom) in zip(crops, boxes, strict=True):
        assert np.array_equal(crop.pixels, picture[top:bottom, left:right])


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_room_shows_more_about_the_same_middle(alignment: str) -> None:
    picture = pasted(SIDE, (150, 150))
    cropper = FaceCropper(Drawn(((150, 150, 246, 246),)), ALIGNMENTS[alignment])
    (near,) = cropper.crops(picture, 96, "x")
    (wide,) = cropper.crops(picture, 144, "x", room=1.5)
    inside = wide.pixels[24:-24, 24:-24].astype(float)
    assert np.abs(inside - near.pixels).mean() < 6


def test_nothing_found_is_an_error_that_says_what_was_looked_for() -> None:
    cropper = FaceCropper(Drawn(best=0.4321), ALIGNMENTS["margin-0"])
    with pytest.raises(NoFaceError) as caught:
        cropper.crops(SQUARE, 96, "'x.jpg'")
    said = str(caught.value)
    assert isinstance(caught.value, ImageError)
    assert said.startswith("'x.jpg' shows no face of 20 pixels or more (detector drawn; best score")
    for part in (
        "0.43", "smallest_face=", "--smallest-face", "least_score=", "--least-score",
        "detect=False", "--no-detect",
    ):  # fmt: skip
        assert part in said
    large = np.zeros((100, 4000, 3), np.uint8)
    with pytest.raises(NoFaceError, match="no face of 100 pixels or more"):
        cropper.crops(large, 96, "'x.jpg'")
    with pytest.raises(NoFaceError, match="no face of 33 pixels or more"):
        FaceCropper(Drawn(), ALIGNMENTS["margin-0"], smallest_face=33).crops(large, 96, "x")


def test_a_face_that_cannot_be_cut_out_is_named() -> None:
    outside = FaceCropper(Drawn(((900, 900, 950, 950),)), ALIGNMENTS["margin-0"])
    with pytest.raises(ImageError, match=r"^'x.jpg': "):
        outside.crops(SQUARE, 96, "'x.jpg'")


@pytest.mark.parametrize("smallest", [9, "20", float("nan"), True])
def test_sizes_that_cannot_be_looked_for_are_refused(smallest: object) -> None:
    with pytest.raises(ArgumentError, match="smallest_face is a number of pixels, at least 10"):
        FaceCropper(Drawn(), ALIGNMENTS["margin-0"], smallest_face=smallest)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Certain(Drawn):
    """A detector of which faces with 0.85 or more are certain."""

    sure_score: ClassVar[float] = 0.85


def test_only_certain_faces_count_unless_others_are_asked_for() -> None:
    boxes = ((0, 0, 50, 50), (100, 100, 200, 200))  # scores 0.9 and 0.8
    margin = ALIGNMENTS["margin-0"]
    (face,) = FaceCropper(Certain(boxes), margin).find(SQUARE, "x")
    assert (face.box, face.count) == (boxes[0], 1)
    (larger,) = FaceCropper(Certain(boxes), margin, least_score=0.5).find(SQUARE, "x")
    assert (larger.box, larger.count) == (boxes[1], 2)
    with pytest.raises(NoFaceError, match=r"best score seen 0\.90\); .* here 0\.95"):
        FaceCropper(Certain(boxes, 0.9), margin, least_score=0.95).find(SQUARE, "x")


@dataclass(frozen=True, eq=False)
class Searching(Drawn):
    """Notes the sizes that it was asked for, and writes to nothing that it is given."""

    asked: ClassVar[list[float]] = []

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        self.asked.append(smallest_face)
        assert not picture.flags.writeable
        return super().find(picture, smallest_face)


def test_the_smallest_face_is_a_limit_and_never_makes_the_search_coarser() -> None:
    detector, margin = Searching(((0, 0, 50, 50), (100, 100, 160, 140))), ALIGNMENTS["margin-0"]
    for smallest, count in ((None, 2), (12, 2), (50, 2), (50.5, 1), (60, 1)):
        (face,) = FaceCropper(detector, margin, smallest_face=smallest).find(SQUARE, "x")
        assert face.count == count
    with pytest.raises(NoFaceError, match="61 pixels or more"):
        FaceCropper(detector, margin, smallest_face=61).find(SQUARE, "x")
    assert detector.asked == [20, 12, 20, 20, 20, 20]
