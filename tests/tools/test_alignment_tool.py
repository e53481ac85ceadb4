"""The measurements of alignments: what they name, recall and average."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from drawn_detector import Drawn, pasted
from tool_modules import tool

from npfacenet.errors import ArgumentError
from npfacenet.faces import Detector, Faces
from npfacenet.recipes.alignment import ALIGNMENTS, Margin, Template

rates = tool("alignment_rates")
remembered = tool("remembered_faces")
BOXES = ((10.0, 20.0, 50.0, 70.0), (60.0, 20.0, 90.0, 50.0))


def test_alignments_are_named_or_made() -> None:
    for name, alignment in ALIGNMENTS.items():
        assert rates.alignment_named(name) == alignment
    assert rates.alignment_named("margin-44") == Margin(44 / 160)
    known = ALIGNMENTS["openface-affine"]
    moved = rates.alignment_named("openface-affine*1.1-0.02")
    assert isinstance(known, Template)
    assert moved.fit == "affine"
    expected = (np.array(known.points) - 0.5) * 1.1 + (0.5, 0.48)
    np.testing.assert_allclose(moved.points, expected)
    for name in ("margin", "openface", "margin-32*2", "tight"):
        with pytest.raises(ArgumentError, match=f"no alignment {name}".replace("*", r"\*")):
            rates.alignment_named(name)


def test_faces_are_found_once_and_kept(tmp_path: Path) -> None:
    pictures = [pasted(150, (10, 10), seed=seed) for seed in (0, 1)]
    first = remembered.Remembered(Drawn(boxes=BOXES))
    found = first.detect(pictures)
    first.save(tmp_path / "faces.npz")
    second = remembered.Remembered(Drawn())  # which finds none
    second.recall(tmp_path / "nothing.npz")
    second.recall(tmp_path / "faces.npz")
    for faces, again in zip(found, second.detect(pictures), strict=True):
        for name in ("boxes", "landmarks", "scores"):
            np.testing.assert_array_equal(getattr(again, name), getattr(faces, name))
    assert not second.detect(pasted(150, (20, 20)))


@dataclass(frozen=True, eq=False)
class Leftish(Drawn):
    """Places all faces two pixels too far to the left, wherever the bright half is."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        mirrored = picture[:, :50].mean() < picture[:, 50:].mean()
        boxes = tuple((100 - x2, y, 100 - x, y2) for x, y, x2, y2 in BOXES) if mirrored else BOXES
        faces = replace(self, boxes=boxes)
        found = super(Leftish, faces).find(picture, smallest_face, threads)
        shift = np.float32(2)
        return replace(
            found,
            boxes=found.boxes - shift * np.array([1, 0, 1, 0], np.float32),
            landmarks=found.landmarks - shift * np.array([1, 0], np.float32),
        )


def test_the_mirror_image_takes_a_bias_away() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, :50] = 200
    unbiased: Detector = Drawn(boxes=BOXES)
    expected = unbiased.detect(picture)
    assert not np.allclose(Leftish().detect(picture).boxes, expected.boxes)
    found = remembered.WithMirrorImage(Leftish()).detect(picture)
    np.testing.assert_allclose(found.boxes, expected.boxes)
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=1e-4)
