"""The training of the finder: what cells learn, the loss and its gradient, and resuming."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tool_modules import tool

from npfacenet.errors import TrainingError
from npfacenet.faces import Faces
from npfacenet.recipes.finder import HEADS, STRIDES

answers, material, pool = tool("finder_answers"), tool("finder_material"), tool("finder_pool")
targets, training = tool("finder_targets"), tool("finder_training")
SIDE = material.SIDE
POINTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def labels(*boxes: Sequence[float], ignored: Sequence[Sequence[float]] = ()) -> Any:
    every = np.array(boxes, np.float32).reshape(-1, 4)
    sides = every[:, 2:] - every[:, :2]
    points = every[:, np.newaxis, :2] + POINTS * sides[:, np.newaxis]
    return answers.Labels(every, points, np.array(ignored, np.float32).reshape(-1, 4))


def outputs(seed: int, count: int, side: int = SIDE) -> dict[str, npt.NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    made = {}
    for name in targets.OUTPUTS:
        kind, stride = name.split("_")[:2]
        cells = side // int(stride)
        made[name] = rng.normal(0, 0.5, (count, cells, cells, HEADS[kind]))
    return made


def wanted(*pictures: Any, side: int = SIDE) -> dict[int, Any]:
    return {s: targets.targets(pictures, side, s) for s in STRIDES}


@given(
    size=st.floats(18, 290), x=st.floats(0.2, 0.8), y=st.floats(0.2, 0.8), tall=st.floats(1, 1.4)
)
def test_every_face_has_cells_that_learn_it(size: float, x: float, y: float, tall: float) -> None:
    half, middle = np.array([size, size * tall]) / 2, np.array([x, y]) * SIDE
    box = (*(middle - half), *(middle + half))
    one = labels(box)
    found, mean = wanted(one), np.sqrt(np.prod(one.boxes[0, 2:] - one.boxes[0, :2]))
    learning = {s: len(found[s].cells) for s in STRIDES}
    assert sum(learning.values()) > 0
    for stride, count in learning.items():
        low, high = targets.SIZES[stride]
        assert (count > 0) == (low <= mean < high)  # of a box that was rounded to float32
        np.testing.assert_array_equal(
            found[stride].boxes, np.array([box] * count, np.float32).reshape(-1, 4)
        )


def test_cells_of_an_ignored_region_learn_nothing() -> None:
    found = wanted(labels(ignored=[(64, 64, 128, 128)]))
    for stride in STRIDES:
        kinds = found[stride].kinds[0]
        inside = slice(64 // stride, 128 // stride)
        assert (kinds[inside, inside] == targets.NEITHER).all()
        assert (kinds == targets.NEGATIVE).sum() == kinds.size - (64 // stride) ** 2


def test_of_two_faces_the_smaller_one_has_the_cell() -> None:
    found = wanted(labels((40, 40, 140, 140), (70, 70, 110, 110)))[16]
    row = [list(cell[1:]) for cell in found.cells.tolist()].index([5, 5])
    np.testing.assert_array_equal(found.boxes[row], (70, 70, 110, 110))


def test_the_gradient_is_the_difference_quotient() -> None:
    """Except that how well a box fits is a target of its score, which is not differentiated."""
    faces = wanted(labels((10, 12, 40, 50), (30, 20, 63, 60)), labels(), side=64)
    every = outputs(1, 2, 64)
    loss = targets.finder_loss(every, faces)
    rng = np.random.default_rng(2)
    for name, values in every.items():
        if name.startswith("bbox"):
            continue
        direction, step = rng.normal(size=values.shape), 1e-6
        moved = [
            targets.finder_loss({**every, name: values + sign * step * direction}, faces).value
            for sign in (1, -1)
        ]
        slope = (loss.gradients[name] * direction).sum()
        assert (moved[0] - moved[1]) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_boxes_follow_the_gradient_to_their_faces() -> None:
    faces = wanted(labels((10, 12, 40, 50)), side=64)
    every = outputs(3, 1, 64)
    for _ in range(400):
        loss = targets.finder_loss(every, faces)
        every = {name: value - 0.2 * loss.gradients[name] for name, value in every.items()}
    assert loss.measures["iou"] > 0.9


def test_without_a_face_only_scores_learn() -> None:
    loss = targets.finder_loss(outputs(4, 1), wanted(labels()))
    assert loss.value > 0
    assert all(
        gradient.any() == name.startswith("cls") for name, gradient in loss.gradients.items()
    )


def test_labels_go_where_the_pixels_go() -> None:
    matrix = np.array([[0.0, -2, 200], [2, 0, 30]])  # a quarter turn at half the size
    old = labels((50, 80, 90, 140))
    new = material.moved(old, matrix)
    there = new.landmarks @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(there, old.landmarks, atol=1e-4)
    np.testing.assert_allclose(new.boxes[0, 2:] - new.boxes[0, :2], (30, 20), atol=1e-4)


def test_a_mirrored_face_has_its_left_eye_on_the_left() -> None:
    old = labels((50, 80, 90, 140))
    new = material.moved(old, np.array([[-1.0, 0, SIDE], [0, 1, 0]]))
    assert new.landmarks[0, 0, 0] < new.landmarks[0, 1, 0]
    np.testing.assert_allclose(new.boxes, [[SIDE - 90, 80, SIDE - 50, 140]], atol=1e-4)
    again = pool.mirrored(new)
    np.testing.assert_allclose(again.boxes, old.boxes, atol=1e-4)
    np.testing.assert_allclose(again.landmarks, old.landmarks, atol=1e-4)


def faces(boxes: list[list[int]], score: float) -> Faces:
    count = len(boxes)
    points = np.zeros((count, 5, 2), np.float32)
    return Faces(np.array(boxes, np.float32), points, np.full(count, score, np.float32))


def test_teachers_that_agree_label_a_face_and_one_alone_ignores_it() -> None:
    mtcnn = faces([[0, 0, 40, 50], [100, 0, 140, 50]], 0.99)
    yunet = faces([[2, 0, 42, 50], [200, 0, 230, 40]], 0.9)
    found = answers.labels_of(mtcnn, yunet)
    np.testing.assert_array_equal(found.boxes, [[1, 0, 41, 50]])
    assert sorted(found.ignored[:, 0].tolist()) == [100, 200]
    unsure = answers.labels_of(faces([[0, 0, 40, 50]], 0.75), yunet)
    assert (len(unsure.boxes), len(unsure.ignored)) == (0, 2)


def sample(number: int) -> Any:
    rng = np.random.default_rng(number)
    picture = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return material.Sample(picture, labels((20, 20, 60 + number % 7, 80)))


def test_a_run_waits_for_its_pictures_where_it_can_be_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool, "EACH", 4)
    monkeypatch.setattr(training, "EACH", 4)
    made, waited = pool.Pool(tmp_path / "pictures"), []
    choices = training.Choices(steps=3, pictures=2, files=2, first=1, grow=2, warm_up=1)
    batches = training.Batches(made, made, choices)

    def sleep(seconds: float) -> None:
        assert threading.current_thread() is threading.main_thread()
        waited.append(seconds)
        made.make(sample, len(waited) // 2, lambda *_: None)

    monkeypatch.setattr(training.time, "sleep", sleep)
    found = [each.pictures for each in batches.batches(0, 3)]
    assert len(waited) >= 2
    expected = [each.pictures for each in batches.batches(0, 3)]
    np.testing.assert_array_equal(found, expected)
    assert capsys.readouterr().err.count("000.npy is not made yet") == 1

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.time, "sleep", interrupted)
    other = training.Batches(pool.Pool(tmp_path / "none"), made, choices)
    with pytest.raises(KeyboardInterrupt):
        next(other.batches(0, 3))


@pytest.mark.parametrize("command", ["answers", "pictures", "train", "mine", "finish"])
def test_what_is_missing_is_told_in_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--shared", str(tmp_path / "shared"), "--run", str(tmp_path / "run")]
    assert tool("train_finder").main([command, *folders]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert str(tmp_path) in said


@pytest.mark.parametrize(
    "numbers",
    [{"pictures": 1}, {"hard": -1}, {"hard": 1}, {"files": 0}, {"first": 0}, {"grow": 0}],
    ids=str,
)
def test_a_run_that_could_not_learn_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(TrainingError, match="is at least"):
        training.Choices(**numbers)


@pytest.mark.parametrize("content", [b"", b"junk", None], ids=["empty", "junk", "half"])
@pytest.mark.parametrize("name", ["000.npy", "000.npz"])
def test_damaged_pictures_are_named(
    name: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "EACH", 2)
    made = pool.Pool(tmp_path)
    made.make(sample, 1, lambda *_: None)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(TrainingError, match=r"000\.npy or 000\.npz is damaged"):
        made.batch(np.zeros(1, int), np.zeros(1, bool))


def test_the_log_has_means_of_a_hundred_steps() -> None:
    log = training.Log(stream := io.StringIO())
    for done in range(1, 251):
        seen = {"iou": 0.5} if done % 2 else {}
        log.add(training.Step(float(done), seen, 1.0), done, pictures=16)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["step"], second["step"]) == (100, 200)
    assert (first["loss"], second["loss"]) == (50.5, 150.5)
    assert (first["norm"], first["iou"]) == (1, 0.5)
    assert first["pictures_per_second"] > 0


@pytest.mark.slow
def test_a_run_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "EACH", 4)
    monkeypatch.setattr(training, "EACH", 4)
    made = pool.Pool(tmp_path / "pictures")
    made.make(sample, 1, lambda *_: None)
    choices = training.Choices(steps=4, pictures=2, files=1, first=1, warm_up=1)
    training.train(tmp_path, choices, "whole", save=4)
    stopped = training.Batches.batches

    def two(self: Any, start: int, stop: int) -> Any:
        return stopped(self, start, min(stop, start + 2))

    monkeypatch.setattr(training.Batches, "batches", two)
    for _ in range(2):
        training.train(tmp_path, choices, "parts", save=2)
    whole, parts = (training.parameters_of(tmp_path, name) for name in ("whole", "parts"))
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values)
    with pytest.raises(TrainingError, match="other choices"):
        training.train(tmp_path, training.Choices(steps=5, warm_up=1), "parts")
