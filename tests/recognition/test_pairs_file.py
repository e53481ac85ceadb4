"""LFW's file of pairs, as it is, and as it should not be."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from npfacenet.commands.main import main
from npfacenet.errors import ArgumentError, EvaluationError
from npfacenet.models import Model
from npfacenet.recognition.lfw import Pair, choose_folds, read_pairs
from npfacenet.recognition.pair_distances import pair_distances

PAIRS = "2\t1\nAda\t1\t2\nAda\t1\tBob\t1\nBob\t1\t2\nCyd\t1\tAda\t2\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "pairs.txt"
    path.write_bytes(text.encode())
    return path


def test_byte_order_marks_and_other_line_ends_are_read_over(tmp_path: Path) -> None:
    plain = read_pairs(written(tmp_path, PAIRS))
    for text in ("\ufeff" + PAIRS, PAIRS.replace("\n", "\r\n"), PAIRS.replace("\n", "\n\n")):
        assert read_pairs(written(tmp_path, text)) == plain


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Ada\t-1\t2", "line 2: 'Ada -1 2' is neither"),
        ("Ada\t1\t99999999999", "line 2"),
        ("Ada\t1\t" + "9" * 5000, "line 2"),
        ("Ada\t1.0\t2", "line 2"),
        ("Ada\t1_0\t2", "line 2"),
        ("Ada\t\u0661\t2", "line 2"),
        ("Ada\t1\tBob\t-3", "line 2"),
        ("../Ada\t1\t2", "line 2: '../Ada' is not the name of a person's folder"),
        ("/etc\t1\t2", "line 2"),
        ("..\t1\t2", "line 2"),
        ("x" * 60_000, "line 2"),
    ],
    ids=lambda text: text[:20],
)
def test_lines_that_name_no_pictures_are_refused_in_short(
    tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(EvaluationError) as raised:
        read_pairs(written(tmp_path, PAIRS.replace("Ada\t1\t2", line, 1)))
    assert said in str(raised.value)
    assert len(str(raised.value)) < 600


def test_the_line_is_that_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="line 5: 'Ada one 2'"):
        read_pairs(
            written(tmp_path, PAIRS.replace("\n", "\n\n\n\n", 1).replace("1\t2", "one\t2", 1))
        )


@pytest.mark.parametrize("first", ["-2 1", "2 1 1", "2", "two one", "9" * 5000 + " 1", "2 1.0"])
def test_first_lines_that_count_nothing_are_refused(tmp_path: Path, first: str) -> None:
    with pytest.raises(EvaluationError, match="line 1"):
        read_pairs(written(tmp_path, PAIRS.replace("2\t1", first, 1)))


def test_only_regular_files_of_a_sensible_size_are_read(
    tmp_path: Path, drawn_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 1 << 40)
    for path in (tmp_path / "pipe", huge, Path("/dev/zero"), tmp_path, tmp_path / "missing"):
        with pytest.raises(EvaluationError, match=r"file of pairs|does not exist"):
            read_pairs(path)
        command = ["evaluate", "lfw", "--images", str(tmp_path), "--pairs", str(path)]
        assert main([*command, "--model", str(drawn_file)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_two_spellings_in_unicode_are_one_person() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    assert Pair((composed, 1), (decomposed, 2)).genuine


def test_pictures_that_cannot_be_there_are_missing(tmp_path: Path, nobody: Model) -> None:
    (tmp_path / "Ada").mkdir()
    os.mkfifo(tmp_path / "Ada" / "Ada_0001.jpg")
    for name in ("Ada", "x" * 300):
        fold = (Pair((name, 1), (name, 1)),)
        with pytest.raises(EvaluationError, match="1 of 1 pictures are missing"):
            pair_distances(nobody, tmp_path, [fold])
    for crop in (0, -1, 2.5, True, "150", 10**400):
        with pytest.raises(ArgumentError, match="crop is a whole number"):
            pair_distances(nobody, tmp_path, [fold], crop=crop)  # type: ignore[arg-type]  # the fault
    for images in (None, "", 3):
        with pytest.raises(EvaluationError, match="folder of pictures has a path"):
            pair_distances(nobody, images, [fold])  # type: ignore[arg-type]  # the fault under test


def test_folds_are_chosen_by_whole_numbers() -> None:
    for numbers in ([1, 2.0], [1, "2"], [True, 2], [1, None], [1, -1], 3, "12"):
        with pytest.raises(EvaluationError):
            choose_folds([(), ()], numbers)  # type: ignore[arg-type]  # the fault under test


@pytest.fixture
def nobody(drawn_file: Path) -> Model:
    from npfacenet.models import load

    return load(drawn_file)
