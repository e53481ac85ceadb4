"""The measurements of alignments: what they name, recall and average."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from drawn_detector import Drawn, pasted
from hypothesis import given
from hypothesis import strategies as st
from tool_modules import tool

from npfacenet.errors import ArgumentError
from npfacenet.faces import Detector, Faces
from npfacenet.recipes.alignment import ALIGNMENTS, Margin, Template
from npfacenet.recognition.evaluation import evaluate

rates = tool("alignment_rates")
paired = tool("paired_differences")
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
    smaller = rates.alignment_named("npfacenet*0.5")
    own = ALIGNMENTS["npfacenet"]
    assert isinstance(own, Template)
    np.testing.assert_allclose(smaller.points, 0.5 + 0.5 * (np.array(own.points) - 0.5))
    for name in ("margin", "openface", "margin-32*2", "margin*2", "tight"):
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
    remembered.Remembered(Drawn()).save(tmp_path / "none.npz")
    second.recall(tmp_path / "none.npz")
    assert len(second.known) == 3


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


RIGHT = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50)


@given(RIGHT)
def test_a_paired_difference_is_that_of_the_accuracies(decisions: list[tuple[bool, bool]]) -> None:
    first, second = np.array(decisions).T
    found = paired.paired_difference(first, second)
    assert found.mean == pytest.approx(first.mean() - second.mean())
    low, high = found.interval
    # Of the differences, one by one: the standard error of their mean.
    error = np.std(first.astype(float) - second) / math.sqrt(len(first))
    half = 1.959964 * error
    assert (low, high) == pytest.approx((found.mean - half, found.mean + half))
    back = paired.paired_difference(second, first)
    assert back.mean == -found.mean
    assert back.interval == pytest.approx((-high, -low))
    assert paired.paired_difference(first, first).interval == (0, 0)


def test_failed_pairs_are_not_decided_rightly(rng: np.random.Generator) -> None:
    genuine = [rng.random(30) < 0.5 for _ in range(3)]
    distances = [np.where(same, 0.5, 1.2) + rng.normal(0, 0.3, 30) for same in genuine]
    failed = [rng.random(30) < 0.1 for _ in range(3)]
    right = paired.decided_rightly(distances, genuine, failed)
    rates = evaluate(distances, genuine, failed=failed)
    assert right.mean() == pytest.approx(rates.accuracy.mean)
    assert not right[np.concatenate(failed)].any()


def test_a_row_is_compared_with_another_detector_and_alignment() -> None:
    row = rates.Row("openface", "finder", "margin-0", "central")
    other = rates.reference(row, "mtcnn:openface-affine*1.1")
    assert other == rates.Row("openface", "mtcnn", "openface-affine*1.1", "central")
    for wrong in ("mtcnn", "mtcnn:", ":margin-0", "mtcnn:by eye"):
        with pytest.raises(ArgumentError):
            rates.reference(row, wrong)
    genuine = [np.array([True, False])] * 3
    never = [np.array([False, False])] * 3
    good = rates.PairsOfRow([np.array([0.1, 1.0])] * 3, genuine, never)
    one_failed = [np.array([True, False]), *never[1:]]
    worse = rates.PairsOfRow(good.distances, genuine, one_failed)
    assert str(good.against(worse)).startswith("+16.67 points")
    assert str(worse.against(good)).endswith(
        "right in 0 pairs where the other is wrong, wrong in 1)"
    )
