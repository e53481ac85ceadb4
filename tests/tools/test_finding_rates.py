"""How well detectors find faces in whole pictures: the truth, the counts, and the table."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_detector import Drawn, faces_in, pasted
from finding_faces import BOX, FAR, archive, face_at
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tool_modules import tool

from npfacenet.errors import EvaluationError
from npfacenet.faces import Faces

rates = tool("finding_rates")
reported = tool("finding_report")
shown = tool("finding_table")
truths = tool("finding_truth")


def moved(found: Faces, by: float) -> Faces:
    shift = np.float32(by)
    return replace(found, boxes=found.boxes + shift, landmarks=found.landmarks + shift)


# The table


@given(st.integers(1, 500), st.floats(0, 1))
def test_a_share_lies_in_its_interval(trials: int, part: float) -> None:
    found = round(part * trials)
    words = shown.share(found, trials)
    assert words.startswith(f"{found} of {trials}: {found / trials:.3f} (")
    low, high = (float(word) for word in words.split("(")[1].rstrip(")").split(" to "))
    assert 0 <= low <= found / trials + 0.0005
    assert found / trials - 0.0005 <= high <= 1
    assert low < high


def test_counts_in_words() -> None:
    assert shown.share(52, 57) == "52 of 57: 0.912 (0.811 to 0.962)"
    assert shown.share(300, 300) == "300 of 300: 1.000 (0.990 to 1.000)"
    assert shown.share(0, 300) == "0 of 300: 0.000 (0.000 to 0.010)"
    assert shown.share(0, 0) == "0 of 0"
    assert shown.false_faces([0, 2, 0, 1]) == "3, in 2 of 4: 0.500 (0.150 to 0.850)"


def test_a_quantile_has_the_order_statistics_around_it() -> None:
    values = np.random.default_rng(1).permutation(1001) / 1000
    assert shown.quantile(values, 0.5) == "50.00 % (46.80 to 53.20)"
    assert shown.quantile(values, 0.95) == "95.00 % (93.60 to 96.40)"
    assert shown.quantile(values[:1] * 0, 0.5) == "0.00 % (0.00 to 0.00)"
    assert shown.quantile(values[:0], 0.5) == "of none"


def test_a_row_is_printed_when_it_is_measured() -> None:
    def rows() -> Iterator[Any]:
        yield shown.Row("found", {"b": "2", "a": "1"})
        pytest.fail("the next row was measured before the first was printed")

    lines = shown.table(rows(), ["a", "b"])
    title, first = next(lines), next(lines)
    assert title.split() == ["a", "b"]
    assert first.split() == ["found", "1", "2"]
    assert first.index("1") == title.index("a")


# The truth


def test_teachers_agree_on_what_both_see() -> None:
    mtcnn, yunet = faces_in(BOX, FAR), moved(faces_in((200, 200, 240, 240), BOX), 4)
    (face,) = truths.agreed(mtcnn, yunet)
    np.testing.assert_allclose(face.box, np.array(BOX) + 2)
    np.testing.assert_allclose(face.landmarks, mtcnn.landmarks[0] + 2)
    np.testing.assert_allclose(face.of_each[1] - face.of_each[0], 4, atol=1e-4)
    assert face.size == pytest.approx(np.sqrt(60 * 90))
    assert face.between_the_eyes == pytest.approx(0.4 * 60)
    assert truths.agreed(mtcnn, faces_in()) == truths.agreed(faces_in(), mtcnn) == []


def test_a_face_that_one_teacher_sees_twice_is_one() -> None:
    left, wide, right = (0.0, 0, 60, 40), (0.0, 0, 80, 40), (20.0, 0, 80, 40)
    assert len(truths.agreed(faces_in(left, right), faces_in(wide))) == 1
    assert len(truths.agreed(faces_in(left, right), faces_in(wide, right))) == 2


def test_the_central_face_is_the_nearest_around_the_middle() -> None:
    faces = [face_at(box) for box in (FAR, (100.0, 100.0, 240.0, 240.0), BOX)]
    assert truths.central(faces) is faces[2]
    assert truths.central(faces[:1]) is None


def test_errors_of_landmarks_are_shares_of_the_distance_of_the_eyes() -> None:
    mtcnn, yunet = faces_in(BOX), faces_in(BOX)
    lower = np.array([(0, 0), (0, 30), (0, 0), (0, 0), (0, 0)], np.float32)
    yunet = replace(yunet, landmarks=yunet.landmarks + lower)
    (face,) = truths.agreed(mtcnn, yunet)
    found = truths.landmark_errors(mtcnn.landmarks[0], face)
    eyes = np.hypot(24, 15)
    assert found == pytest.approx((3 / eyes, 0, 6 / eyes), abs=1e-6)


def test_faces_that_no_other_shows_are_alone() -> None:
    found = faces_in(BOX, FAR, (100, 80, 160, 170))
    assert rates.alone(found, [faces_in(), faces_in(BOX)]) == [1]
    assert rates.alone(found, [faces_in(), faces_in()]) == [0, 1, 2]
    assert rates.alone(faces_in(), [faces_in(BOX), faces_in()]) == []


# Rates of whole pictures


def test_every_fifth_background_by_name_is_kept(tmp_path: Path) -> None:
    names = [f"{number:02}.jpg" for number in range(12)]
    grey = {name: np.full((8, 8, 3), 20 * i, np.uint8) for i, name in enumerate(names)}
    archive(tmp_path / "backgrounds.zip", dict(sorted(grey.items(), reverse=True)))
    kept = [np.asarray(Image.open(io.BytesIO(each))).max() for each in rates.held_out(tmp_path)]
    assert kept == [20 * 4, 20 * 9]
    (tmp_path / "backgrounds.zip").write_bytes(b"no archive")
    with pytest.raises(EvaluationError, match=r"backgrounds\.zip cannot be read"):
        rates.held_out(tmp_path)


def test_false_faces_and_their_scores() -> None:
    detectors = {"sees": Drawn(boxes=(BOX, FAR), best=0.95), "not": Drawn(best=0.4)}
    data = io.BytesIO()
    Image.fromarray(pasted(250)).save(data, "PNG")
    rows = list(rates.of_backgrounds(detectors, [data.getvalue()] * 2, 1))
    assert rows[0].cells == {
        "sees": "4, in 2 of 2: 1.000 (0.000 to 1.000)",
        "not": "0, in 0 of 2: 0.000 (0.000 to 1.000)",
    }
    assert rows[2].cells == {"sees": "0.900 0.900 0.800", "not": "none"}
    assert rows[3].cells == {"sees": "0.950 0.950", "not": "0.400 0.400"}


def test_found_faces_of_photographs(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        Image.fromarray(pasted(250)).save(path)
    teachers = truths.Teachers(Drawn(boxes=(FAR, BOX)), Drawn(boxes=(BOX,)))
    half_off = (90.0, 100.0, 150.0, 190.0)  # overlap 70 / 110
    far_off = (90.0, 115.0, 150.0, 205.0)  # overlap 55 / 125
    detectors = {
        "same": Drawn(boxes=(FAR, BOX)), "near": Drawn(boxes=(half_off,)),
        "far": Drawn(boxes=(far_off,)), "blind": Drawn(),
    }  # fmt: skip
    close, same, *landmarks = rates.of_photographs(detectors, paths, teachers)
    counts = {name: cell.split()[0] for name, cell in close.cells.items()}
    assert counts == {"same": "3", "near": "3", "far": "0", "blind": "0"}
    assert same.cells["far"].split()[0] == "3"
    for row in landmarks:
        assert row.cells["same"] == "0.00 % (0.00 to 0.00)"
        assert row.cells["near"].startswith("83.33 %")  # 20 of 24 pixels
        assert row.cells["blind"] == "of none"


# The command


def test_columns_are_told_apart() -> None:
    assert reported.label("yunet", {}) == "yunet"
    assert reported.label("runs/a/weights.h5", {}) == "weights"
    assert reported.label("runs/b/weights.h5", {"weights": 1}) == "b/weights"
    assert reported.label("weights.h5", {"weights": 1}) == "weights.h5"


def test_the_whole_table_of_a_few_pictures(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = photographs
    file = shared / "weights/yunet_n.onnx"
    for needed in (
        file,
        shared / "lfw/pairs_dev.txt",
        shared / "faces.zip",
        shared / "backgrounds.zip",
    ):
        if not needed.exists():
            pytest.skip(f"needs {needed.name} in ../shared, which does not ship with the project")
    plan = reported.Plan(
        shared, ("yunet", str(file)), ("reference", "backgrounds", "lfw"), most=1, kept=tmp_path
    )
    reported.report(plan)
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.split() == ["yunet", "yunet_n"]
    assert len(lines) == 12
    for line in lines:
        cells = line[44:]
        assert cells[: shown.WIDTH] == cells[shown.WIDTH :].ljust(shown.WIDTH)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mtcnn.npz", "yunet.npz"]
