"""Faces under conditions and by tone, for the measurements of detectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from drawn_detector import Drawn, faces_in, pasted
from finding_faces import BOX, FAR, archive, face_at
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tool_modules import tool

from npfacenet.errors import EvaluationError
from npfacenet.faces import Faces

conditions = tool("finding_conditions")
tones = tool("finding_tone")
truths = tool("finding_truth")


# Conditions


def with_a_rectangle(box: tuple[float, ...]) -> npt.NDArray[np.uint8]:
    left, top, right, bottom = map(int, box)
    picture = np.zeros((250, 250, 3), np.uint8)
    picture[top:bottom, left:right] = 250
    return picture


def bright_box(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    rows, columns, _ = np.nonzero(picture > 125)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("label", [name for name in conditions.conditions() if "size" in name])
def test_a_face_is_where_its_box_says(label: str) -> None:
    original = conditions.Original(with_a_rectangle(BOX), face_at(BOX), 0)
    view = conditions.conditions()[label](original)
    np.testing.assert_allclose(bright_box(view.picture), view.box, atol=1)
    width, height = view.box[2:] - view.box[:2]
    number = float(label.split()[2 if "fills" in label else 1])
    assert (max(width, height) if "fills" in label else np.sqrt(width * height)) == (
        pytest.approx(number)
    )


@pytest.mark.parametrize("degrees", [10, 20, 30, 40])
def test_a_turned_face_keeps_its_centre_and_its_size(degrees: int) -> None:
    around = {}
    for number in (0, 1):
        original = conditions.Original(with_a_rectangle(BOX), face_at(BOX), number)
        view = conditions.conditions()[f"turn: {degrees} degrees"](original)
        edges, usual = bright_box(view.picture), view.box[2:] - view.box[:2]
        np.testing.assert_allclose(
            (edges[:2] + edges[2:]) / 2, (view.box[:2] + view.box[2:]) / 2, atol=1
        )
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        widest = usual @ np.array([[cosine, sine], [sine, cosine]])
        np.testing.assert_allclose(edges[2:] - edges[:2], widest, atol=2.5)
        around[number] = np.argwhere(view.picture[..., 0] > 125)[0, 1]
    assert around[0] != around[1]  # both ways


@pytest.mark.parametrize("label", list(conditions.conditions()))
def test_a_condition_repeats_and_writes_to_nothing(label: str) -> None:
    picture = np.ascontiguousarray(pasted(250, (70, 70), seed=3))
    before, original = picture.copy(), conditions.Original(picture, face_at(BOX), 7)
    picture.flags.writeable = False
    first, second = (conditions.conditions()[label](original) for _ in range(2))
    np.testing.assert_array_equal(first.picture, second.picture)
    np.testing.assert_array_equal(picture, before)
    assert first.picture.dtype == np.uint8
    undamaged = conditions.sized(original, pixels=conditions.USUAL)
    same = np.array_equal(first.picture, undamaged.picture)
    assert same == (label in ("size: 96 pixels", "turn: 0 degrees"))


def test_the_share_of_a_condition_counts_faces(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(pasted(250, (70, 70))).save(path)
    teachers = truths.Teachers(Drawn(boxes=(BOX,)), Drawn(boxes=(BOX,)))
    rows = {
        row.label: row.cells["drawn"].split(":")[0]
        for row in conditions.of_conditions({"drawn": Drawn(boxes=(BOX,))}, [path] * 3, teachers)
    }
    assert list(rows) == list(conditions.conditions())
    assert rows["size: 64 pixels"] == "3 of 3"  # 73 pixels in truth, about the same centre
    assert rows["size: 24 pixels"] == "0 of 3"  # where the box of 73 pixels is too large


# Tones


@given(st.integers(60, 255), st.integers(20, 200))
def test_more_light_is_a_larger_angle(light: int, dark: int) -> None:
    points = np.array([[8, 8], [24, 8], [16, 16], [8, 24], [24, 24]], float)
    skin = np.array([1.0, 0.75, 0.6])
    pictures = [np.full((32, 32, 3), level * skin).astype("u1") for level in (light, dark)]
    first, second = (tones.tone(picture, points) for picture in pictures)
    assert (first >= second) == (light >= dark) or abs(light - dark) < 4
    assert -90 <= first <= 90


def test_only_the_cheeks_count() -> None:
    points = np.array([[40, 40], [70, 40], [55, 55], [40, 70], [70, 70]], float)
    picture = np.zeros((112, 112, 3), np.uint8)
    picture[50:61, 35:76] = (220, 170, 140)
    painted = np.full_like(picture, (220, 170, 140))
    assert tones.tone(picture, points) == tones.tone(painted, points)


def test_known_colours() -> None:
    white, skin = np.array([255, 255, 255.0]), np.array([220, 170, 140.0])
    assert tones.lightness_and_yellow(white) == pytest.approx((100, 0), abs=0.02)
    assert tones.lightness_and_yellow(white * 0) == pytest.approx((0, 0), abs=1e-9)
    assert tones.lightness_and_yellow(skin) == pytest.approx((73.3, 22.8), abs=0.5)


def test_the_face_of_a_crop_lies_in_its_middle() -> None:
    assert tones.bordered(np.zeros((112, 112, 3), np.uint8)).shape == (224, 224, 3)
    assert tones.bordered(np.zeros((112, 112, 3), np.uint8), 48).shape == (96, 96, 3)
    assert tones.the_face(faces_in(FAR, (60, 60, 164, 164)), 224) == 1
    assert tones.the_face(faces_in((60, 60, 164, 164)), 224) == 0
    assert tones.the_face(faces_in((0, 0, 100, 100)), 224) is None
    assert tones.the_face(faces_in(), 224) is None


@dataclass(frozen=True, eq=False)
class InTheLight(Drawn):
    """Sees faces in bright pictures only."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        if picture.mean() < 128:
            return Faces()
        return super().find(picture, smallest_face, threads)


def test_crops_that_no_teacher_sees_have_a_tone_at_the_usual_place() -> None:
    seeing = InTheLight(boxes=((70.0, 70.0, 150.0, 150.0),))
    picture = np.full((224, 224, 3), 200, np.uint8)
    dark = np.full((224, 224, 3), 60, np.uint8)
    dark[94:130, 94:130] = 0  # between the cheeks
    for teachers in (truths.Teachers(Drawn(), seeing), truths.Teachers(seeing, Drawn())):
        seen, unseen = tones.tones([picture, dark], teachers)
        points = seeing.detect(picture).landmarks[0]
        assert seen == tones.tone(picture, points)
        assert unseen == tones.tone(dark, points)
        with pytest.raises(EvaluationError, match="no face in any of 2 crops"):
            tones.tones([dark, dark], teachers)


def test_found_crops_by_their_tones(tmp_path: Path) -> None:
    skins = [
        np.full((112, 112, 3), level * np.array([1, 0.75, 0.6])) for level in range(60, 250, 19)
    ]
    archive(
        tmp_path / "faces.zip", {f"{i:05}.jpg": skin.astype("u1") for i, skin in enumerate(skins)}
    )
    middle = (70.0, 70.0, 150.0, 150.0)
    teachers = truths.Teachers(Drawn(boxes=(middle,)), Drawn())
    detectors = {"sees": Drawn(boxes=(middle,)), "not": Drawn()}
    rows = list(tones.of_tones(detectors, tmp_path, len(skins), teachers))
    assert len(rows) == 2 * tones.PARTS
    assert [row.cells["sees"].split(":")[0] for row in rows] == ["2 of 2"] * 5 + ["0 of 2"] * 5
    assert {row.cells["not"].split(":")[0] for row in rows} == {"0 of 2"}
    angles = [
        [int(word) for word in row.label.split() if word.strip("-").isdigit()] for row in rows
    ]
    highs = [numbers[-2] for numbers in angles[:5]]
    assert highs == sorted(highs)
