"""Views prepared ahead: whole, in their order, and what is said of folders that are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_people import draw_person, small_model
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, OutputError, ShapeError, TrainingError
from npfacenet.images import preprocessing, resize
from npfacenet.training import view_preparation
from npfacenet.training.drawn_codes import codes
from npfacenet.training.teacher_views import Views, unit_vectors
from npfacenet.training.view_batches import Source, ViewBatches
from npfacenet.training.view_folder import open_views
from npfacenet.training.view_preparation import Picture, joined, prepare_views

COUNT, SIZE = 11, 16


def draw(number: int) -> Picture:
    return np.asarray(draw_person(number % 5, number))


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_preparation, "TOGETHER", 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepare_views(tmp_path / "views", draw, COUNT, small_model(), SIZE)
    return tmp_path / "views"


def test_views_are_what_was_drawn_with_what_the_teacher_says(folder: Path) -> None:
    views = open_views(folder)
    expected = np.stack([resize(draw(i), SIZE, "bilinear") for i in range(COUNT)])
    np.testing.assert_array_equal(views.pictures, expected)
    embeddings = small_model().embed([draw(i) for i in range(COUNT)]).values
    np.testing.assert_allclose(views.targets, embeddings, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(views.targets, axis=1), 1, rtol=1e-6)


def test_the_answers_of_several_teachers_are_joined(tmp_path: Path) -> None:
    teachers = [small_model(1), small_model(2)]
    prepare_views(tmp_path / "two", draw, COUNT, teachers, SIZE)
    answers = [teacher.embed([draw(i) for i in range(COUNT)]).values for teacher in teachers]
    found = open_views(tmp_path / "two").targets
    np.testing.assert_allclose(found, np.concatenate(answers, axis=1) / 2**0.5, atol=1e-3)
    products = sum(answer @ answer.T for answer in answers) / 2
    np.testing.assert_allclose(found @ found.T, products, atol=1e-3)
    with pytest.raises(TrainingError, match="holds other views"):
        prepare_views(tmp_path / "two", draw, COUNT, teachers[::-1], SIZE)
    for wrong in ([], [small_model(), "x"]):
        with pytest.raises(ArgumentError, match="teacher"):
            prepare_views(tmp_path / "no", draw, COUNT, wrong, SIZE)  # type: ignore[arg-type]


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_joined_unit_vectors_are_unit_vectors(teachers: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers = [rng.normal(size=(count, 3 + i)).astype(np.float32) for i in range(teachers)]
    units = [unit_vectors(answer) for answer in answers]
    np.testing.assert_allclose(np.linalg.norm(joined(units), axis=1), 1, rtol=1e-5)
    assert np.array_equal(joined([units[0]]), units[0])


def test_a_teacher_is_shown_views_without_contrast(tmp_path: Path) -> None:
    prepare_views(
        tmp_path, lambda number: np.full((40, 40, 3), number, np.uint8), 5, small_model(), SIZE
    )
    assert len(open_views(tmp_path)) == 5


@pytest.mark.parametrize("stop", [1, 3, 4, 9])
def test_an_interrupted_preparation_goes_on(stop: int, folder: Path, tmp_path: Path) -> None:
    def interrupted(number: int) -> Picture:
        if number == stop:
            raise KeyboardInterrupt
        return draw(number)

    other = tmp_path / "other"
    with pytest.raises(KeyboardInterrupt):
        prepare_views(other, interrupted, COUNT, small_model(), SIZE)
    with pytest.raises(TrainingError, match=rf"holds \d+ of {COUNT} views: go on preparing"):
        open_views(other)
    with (other / "pictures.u8").open("ab") as file:
        file.write(b"half a view")
    drawn = []

    def noted(number: int) -> Picture:
        drawn.append(number)
        return draw(number)

    prepare_views(other, noted, COUNT, small_model(), SIZE)
    whole = stop // 4 * 4
    assert drawn.pop(0) == 0  # it is tried before anything is written
    assert sorted(drawn[: len(drawn) - (COUNT - whole)]) == sorted({0, whole - 1} if whole else [])
    assert drawn[len(drawn) - (COUNT - whole) :] == list(range(whole, COUNT))
    for name in ("pictures.u8", "embeddings.f16", "record.json"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("rows", [6, 4])
def test_a_batch_that_was_cut_off_is_made_anew(rows: int, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    prepare_views(other, draw, COUNT, small_model(), SIZE)
    for name, row in (("pictures.u8", SIZE * SIZE * 3), ("embeddings.f16", 16 * 2)):
        with (other / name).open("r+b") as file:
            file.truncate(rows * row)
            file.seek(4 * row)
            file.write(b"?" * (rows - 4) * row)  # of the second batch nothing is kept
    prepare_views(other, draw, COUNT, small_model(), SIZE)
    assert (other / "pictures.u8").read_bytes() == (folder / "pictures.u8").read_bytes()
    assert (other / "embeddings.f16").read_bytes() == (folder / "embeddings.f16").read_bytes()


def test_views_that_are_drawn_otherwise_by_now_are_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match="view 0 differs from what is drawn now"):
        prepare_views(folder, lambda number: draw(number + 1), COUNT, small_model(), SIZE)
    assert len(open_views(folder)) == COUNT


def test_an_error_of_drawing_is_its_own(tmp_path: Path) -> None:
    def missing(number: int) -> Picture:
        raise FileNotFoundError("no such picture")

    with pytest.raises(FileNotFoundError, match="no such picture"):
        prepare_views(tmp_path / "views", missing, COUNT, small_model(), SIZE)


@pytest.mark.parametrize(("count", "size"), [(0, 8), (-1, 8), (2.0, 8), (True, 8), (3, 0)])
def test_impossible_counts_leave_nothing_behind(count: int, size: int, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="a whole number of at least 1"):
        prepare_views(tmp_path / "views", draw, count, small_model(), size)
    assert not list(tmp_path.iterdir())


def test_two_at_a_time_do_not_mix_their_views(folder: Path, tmp_path: Path) -> None:
    def second(number: int) -> Picture:
        if number == 5:
            with pytest.raises(TrainingError, match="another process is preparing views"):
                prepare_views(tmp_path / "two", draw, COUNT, small_model(), SIZE)
        return draw(number)

    prepare_views(tmp_path / "two", second, COUNT, small_model(), SIZE)
    assert (tmp_path / "two" / "pictures.u8").read_bytes() == (folder / "pictures.u8").read_bytes()


def test_views_without_a_record_are_nobodys(folder: Path) -> None:
    (folder / "record.json").unlink()
    with pytest.raises(TrainingError, match="views without a record"):
        prepare_views(folder, draw, COUNT, small_model(1), SIZE)


def test_more_than_the_record_says_is_refused(folder: Path) -> None:
    with (folder / "pictures.u8").open("ab") as file:
        file.write(b"more")
    with pytest.raises(TrainingError, match="holds more than its 11 views"):
        open_views(folder)


def test_what_is_no_json_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="about is written as JSON"):
        prepare_views(tmp_path / "v", draw, 3, small_model(), SIZE, about={"path": tmp_path})
    assert not list(tmp_path.iterdir())


def test_folders_of_other_views_or_of_none_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds other views"):
        prepare_views(folder, draw, COUNT + 1, small_model(), SIZE)
    with pytest.raises(TrainingError, match="holds no views that can be used"):
        open_views(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        prepare_views(tmp_path / "file", draw, COUNT, small_model(), SIZE)
    with pytest.raises(ShapeError, match=r"uint8 \(N, S, S, 3\), received float32"):
        Views(np.zeros((2, 2, 2, 3), np.float32), np.zeros((2, 4), np.float32))
    with pytest.raises(ShapeError, match=r"float32 \(N, D\), received float32 \(2,\)"):
        Views(np.zeros((2, 2, 2, 3), np.uint8), np.zeros(2, np.float32))
    with pytest.raises(TrainingError, match="3 views with 2 embeddings"):
        Views(np.zeros((3, 2, 2, 3), np.uint8), np.zeros((2, 4), np.float32))


@pytest.mark.parametrize(
    "record",
    [
        *(
            "[]",
            "{",
            "{}",
            '{"count": 1e999}',
            '{"count": -1, "size": 1, "outputs": 1}',
            "[" * 10**5,
        ),
        *('{"count": true, "size": 1, "outputs": 1}', '{"count": 11, "size": 4, "outputs": 16}'),
    ],
    ids=range(8),
)
def test_a_damaged_record_is_refused(record: str, folder: Path) -> None:
    (folder / "record.json").write_text(record)
    with pytest.raises(TrainingError, match="views"):
        open_views(folder)


def test_numbers_that_are_not_finite_are_refused(folder: Path) -> None:
    with (folder / "embeddings.f16").open("r+b") as file:
        file.write(np.array([np.nan], "<f2").tobytes())
    with pytest.raises(TrainingError, match="not unit vectors"):
        open_views(folder)
    (folder / "embeddings.f16").write_bytes(bytes(COUNT * 16 * 2))
    with pytest.raises(TrainingError, match="not unit vectors"):
        open_views(folder)
    assert json.loads((folder / "record.json").read_text())["count"] == COUNT


@given(st.integers(2, 6), st.integers(1, 4), st.integers(0, 2**16))
def test_a_code_is_one_for_a_person_and_lacks_what_all_share(
    people: int, pictures: int, seed: int
) -> None:
    rows = np.random.default_rng(seed).standard_normal((people * pictures, 5)).astype(np.float32)
    found = codes(rows, pictures).reshape(people, pictures, 5)
    assert (found == found[:, :1]).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=2), 1, rtol=1e-5)
    np.testing.assert_allclose(
        codes(rows + np.float32(3), pictures), found.reshape(-1, 5), atol=1e-3
    )


def test_who_is_everybody_on_average_has_no_code() -> None:
    with pytest.raises(ArgumentError, match="no direction"):
        codes(np.ones((4, 3), np.float32), 2)


@pytest.mark.parametrize(("count", "pictures"), [(5, 2), (4, 4), (4, 0), (0, 1)])
def test_views_that_are_of_no_two_people_have_no_codes(count: int, pictures: int) -> None:
    with pytest.raises(ArgumentError, match="two or more people"):
        codes(np.ones((count, 3), np.float32), pictures)


def numbered(count: int) -> Views:
    """Views whose picture and target say their number."""
    numbers = np.arange(count, dtype=np.uint8)
    pictures = np.zeros((count, 2, 2, 3), np.uint8)
    pictures[:, :, 0], pictures[:, 0, 1, 0] = numbers[:, None, None], 255
    return Views(pictures, numbers.astype(np.float32)[:, None])


@given(st.integers(1, 9), st.integers(9, 30), st.integers(0, 99))
def test_every_view_comes_once_in_an_epoch(each: int, count: int, seed: int) -> None:
    source = Source(numbered(count), each)
    epoch = [source.chosen(number, [seed]) for number in range(count // each)]
    assert all(len(batch) == each for batch in epoch)
    assert len(set(np.concatenate(epoch).tolist())) == count // each * each
    assert np.array_equal(source.chosen(1, [seed]), source.chosen(1, [seed]))


def test_a_batch_takes_its_share_of_each_source_and_keeps_pictures_with_targets() -> None:
    feed = ViewBatches((Source(numbered(20), 6), Source(numbered(30), 9)), preprocessing("unit"), 5)
    batches = list(feed.batches(3, 6))
    assert [batch.images.shape for batch in batches] == [(15, 2, 2, 3)] * 3
    mirrored = 0
    for number, batch in enumerate(batches, start=3):
        assert batch.teacher is not None
        assert np.array_equal(batch.images, feed.batch(number).images)
        numbers = np.rint(255 * batch.images[:, 1].max(axis=(1, 2))).astype(int)
        assert numbers.tolist() == batch.teacher[:, 0].astype(int).tolist()
        assert numbers.tolist() != sorted(numbers.tolist())
        mirrored += int((batch.images[:, 0, 0, 0] == 1).sum())
    assert 10 < mirrored < 35
    with pytest.raises(ArgumentError, match="a whole number of 1 to 20 of these views, not 21"):
        Source(numbered(20), 21)
