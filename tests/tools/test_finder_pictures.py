"""The finder's training pictures: faces are where the labels say, and pictures repeat."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from finding_faces import archive
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tool_modules import tool

from npfacenet.errors import EvaluationError, TrainingError
from npfacenet.faces import Finder
from npfacenet.faces.boxes import overlaps
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.images import read
from npfacenet.recipes.finder import npfacenet_finder

answers, archives, damage = tool("finder_answers"), tool("picture_archives"), tool("finder_damage")
material, mining = tool("finder_material"), tool("finder_mining")
SIDE = material.SIDE
FACE = (70.0, 60.0, 180.0, 200.0)
numbers = st.integers(0, 10**6)
Picture = npt.NDArray[np.uint8]


def labels(*boxes: Sequence[float]) -> Any:
    every = np.array(boxes, np.float32).reshape(-1, 4)
    middles = (every[:, np.newaxis, :2] + every[:, np.newaxis, 2:]) / 2
    return answers.Labels(every, np.repeat(middles, 5, axis=1), np.zeros((0, 4), np.float32))


def with_a_face(side: int, box: Sequence[float]) -> Picture:
    """A red picture with a green rectangle in place of a face."""
    picture = np.full((side, side, 3), (200, 0, 0), np.uint8)
    left, top, right, bottom = map(int, box)
    picture[top:bottom, left:right] = (0, 200, 0)
    return picture


@pytest.fixture(scope="module")
def scenery(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path, data = tmp_path_factory.mktemp("photographs") / "face.png", io.BytesIO()
    Image.fromarray(with_a_face(250, FACE)).save(path)
    tight = (20.0, 16.0, 92.0, 108.0)
    Image.fromarray(with_a_face(112, tight)).save(data, "PNG")
    border = np.array(tight, np.float32) + answers.BORDER
    return material.Scenery(
        answers.Material((path,), (data.getvalue(),)), [labels(FACE)], [labels(border)],
        [np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)], 5,
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(number=numbers)
def test_a_picture_repeats_and_its_faces_can_be_learnt(scenery: Any, number: int) -> None:
    one, again = scenery.sample(number), scenery.sample(number)
    assert (one.picture.shape, one.picture.dtype) == ((SIDE, SIDE, 3), np.uint8)
    for name in ("boxes", "landmarks", "ignored"):
        values = getattr(one.labels, name)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, getattr(again.labels, name))
    np.testing.assert_array_equal(one.picture, again.picture)
    boxes = one.labels.boxes
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    assert (sides >= material.SMALLEST).all()
    assert (sides <= 1.4 * material.LARGEST).all()
    assert (overlaps(boxes, np.array([[0, 0, SIDE, SIDE]], np.float32), of="smaller") > 0.49).all()


def test_pictures_are_of_all_kinds(scenery: Any) -> None:
    samples = [scenery.sample(number) for number in range(120)]
    counts = [len(one.labels.boxes) for one in samples]
    assert {0, 1, 2} < set(counts)
    assert max(counts) <= material.MOST
    assert any(len(one.labels.ignored) for one in samples)
    assert len({one.picture.tobytes() for one in samples}) == len(samples)


@settings(max_examples=30, deadline=None)
@given(seed=numbers, size=st.floats(30, 120))
def test_a_pasted_face_is_where_its_label_says(seed: int, size: float) -> None:
    whole = np.array([0, 0, 250, 250], np.float32)
    face = material.Pasted(with_a_face(250, FACE), labels(FACE), 0, whole)
    ground = material.Sample(np.zeros((SIDE, SIDE, 3), np.uint8), labels())
    new = material.pasted(ground, face, size, np.random.default_rng(seed))
    assert not ground.picture.any()
    (box,) = new.labels.boxes
    assert np.sqrt(np.prod(box[2:] - box[:2])) == pytest.approx(size, rel=0.25)  # upright again
    middle = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(new.labels.landmarks[0], np.tile(middle, (5, 1)), atol=1e-3)
    if (middle > 4).all() and (middle < SIDE - 4).all():
        x, y = middle.astype(int)
        red, green, _ = new.picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
        assert green > 60 > red


def test_no_face_is_pasted_onto_another() -> None:
    whole = np.array([0, 0, 250, 250], np.float32)
    face = material.Pasted(with_a_face(250, FACE), labels(FACE), 0, whole)
    old = labels((4, 4, 250, 250))
    ground = material.Sample(np.zeros((SIDE, SIDE, 3), np.uint8), old)
    rngs = [np.random.default_rng(seed) for seed in range(20)]
    pasted = [material.pasted(ground, face, 200.0, rng) for rng in rngs]
    assert all(one.labels is old or len(one.labels.boxes) == 1 for one in pasted)


def test_faces_that_are_hardly_seen_or_tiny_are_ignored() -> None:
    seen, cut, gone = (10, 10, 60, 60), (-40, 100, 20, 160), (-200, 0, -100, 90)
    tiny = (200, 200, 212, 212)
    sample = material.Sample(np.zeros((SIDE, SIDE, 3), np.uint8), labels(seen, cut, gone, tiny))
    found = material.finished(sample, np.random.default_rng(1)).labels
    np.testing.assert_array_equal(found.boxes, [seen])
    assert len(found.landmarks) == 1
    np.testing.assert_array_equal(found.ignored, [cut, tiny])


@given(seed=numbers)
def test_damage_keeps_shape_and_kind_and_writes_to_nothing(seed: int) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (48, 48, 3), np.uint8)
    before = picture.copy()
    picture.flags.writeable = False
    for change in (damage.damaged, damage.recoloured):
        one, again = (change(picture, np.random.default_rng(seed)) for _ in range(2))
        assert (one.shape, one.dtype) == (picture.shape, np.uint8)
        np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(picture, before)


def test_grey_has_three_equal_channels_and_the_light_of_the_colours() -> None:
    found = damage.grey(np.array([[[255, 255, 255], [255, 0, 0], [0, 255, 0]]], np.uint8))
    assert found.tolist() == [[[255] * 3, [76] * 3, [150] * 3]]


def test_what_a_run_gets_wrong_is_in_the_picture() -> None:
    ground = np.zeros((300, 400, 3), np.uint8)
    ground[140:160, 190:210] = 255
    wrong = [mining.FalseFace(0, 200.0, 150.0, 1.0)]
    for number in range(8):
        one = mining.mined(wrong, [ground], number, 36)
        assert one.picture.shape == (SIDE, SIDE, 3)
        assert len(one.labels.boxes) == len(one.labels.ignored) == 0
        assert int(one.picture.max()) - int(np.median(one.picture)) > 20
    with pytest.raises(TrainingError, match="no false face"):
        mining.mined([], [ground], 0, 36)


def test_false_faces_have_the_scale_at_which_they_are_seen() -> None:
    network = npfacenet_finder()
    parameters = network.initialise(0)
    for stride in (8, 16, 32):
        parameters[f"cls_{stride}_logits", "bias"][:] = 9.0  # a face everywhere
    done: list[int] = []
    ground = np.full((64, 96, 3), 128, np.uint8)
    found = mining.false_faces(
        Finder(ReadyNetwork(network, parameters)), [ground, ground],
        lambda _, number, total: done.append(number),
    )  # fmt: skip
    assert done == [1, 2]
    assert {one.background for one in found} == {0, 1}
    assert {one.scale for one in found} == set(mining.SCALES)


def test_a_drawn_photograph_has_the_labels_that_it_was_drawn_with() -> None:
    samples = [mining.drawn(number, 36) for number in range(4)]
    assert any(len(one.labels.boxes) for one in samples)
    assert all(len(one.labels.boxes) == len(one.labels.landmarks) for one in samples)


def test_backgrounds_are_learnt_from_or_held_out(tmp_path: Path) -> None:
    grey = {f"{i:02}.jpg": np.full((8, 8, 3), 20 * i, np.uint8) for i in range(12)}
    archive(tmp_path / "backgrounds.zip", dict(sorted(grey.items(), reverse=True)))
    kept, learnt = (
        [
            int(read(each)[0, 0, 0]) // 20
            for each in archives.backgrounds(tmp_path, error, held_out=h)
        ]
        for h, error in ((True, EvaluationError), (False, TrainingError))
    )
    assert kept == [4, 9]
    assert learnt == [0, 1, 2, 3, 5, 6, 7, 8, 10, 11]
    for error in (EvaluationError, TrainingError):
        with pytest.raises(error, match=r"none\.zip cannot be read"):
            archives.pictures_in(tmp_path / "none.zip", error)
