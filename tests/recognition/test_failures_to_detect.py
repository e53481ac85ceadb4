"""Pairs in which no face is found: errors at every threshold, reported apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from drawn_detector import faces_in
from drawn_people import small_model
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, EvaluationError, ImageError
from npfacenet.faces import Detector, Faces
from npfacenet.recipes.preparation import Preparation
from npfacenet.recognition.calibration import calibrate, errors_at
from npfacenet.recognition.evaluation import (
    area,
    best_threshold,
    equal_error_rate,
    evaluate,
    roc,
    true_accept_rate,
)
from npfacenet.recognition.labelled_pairs import Failures
from npfacenet.recognition.lfw import Fold, Pair, genuine_flags, picture_path
from npfacenet.recognition.pair_distances import measure_pairs, pair_distances

DARK = 60


@dataclass(frozen=True, eq=False)
class SeesBright(Detector):
    """Finds one face in the middle of bright pictures, and another one in a corner."""

    name: ClassVar[str] = "bright"

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in() if picture.mean() < DARK else faces_in((0, 0, 70, 70), (40, 40, 90, 90))


# Rates. Failed pairs are drawn among the others; what they count as is computed pair by pair.

Drawn = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def drawn(seed: int, share: float, pairs: int = 40) -> list[Drawn]:
    rng = np.random.default_rng(seed)
    folds = []
    for _ in range(3):
        genuine = np.arange(pairs) % 2 == 0
        distances = np.round(rng.normal(np.where(genuine, 0.8, 1.1), 0.2).clip(0.01, 2), 2)
        failed = rng.random(pairs) < share
        failed[:2] = False
        folds.append((distances, genuine, failed))
    return folds


def wrong(threshold: float, fold: Drawn) -> int:
    """The errors of a threshold, counted pair by pair."""
    errors = 0
    for distance, same, without in zip(*fold, strict=True):
        errors += bool(without) or (distance <= threshold) != same
    return errors


def kinds(folds: list[Drawn]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Failures]:
    distances, genuine, failed = (np.concatenate(each) for each in zip(*folds, strict=True))
    counts = Failures(int((genuine & failed).sum()), int((~genuine & failed).sum()))
    return distances[genuine & ~failed], distances[~genuine & ~failed], counts


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.4]))
def test_accuracy_counts_them_as_errors(seed: int, share: float) -> None:
    folds = drawn(seed, share)
    distances, genuine, failed = (list(each) for each in zip(*folds, strict=True))
    unknown = [np.where(f, np.nan, d) for d, _, f in folds]
    found = evaluate(unknown, genuine, failed=failed)
    for i, (rate, threshold) in enumerate(
        zip(found.accuracy.folds, found.accuracy.thresholds, strict=True)
    ):
        assert rate == pytest.approx(1 - wrong(threshold, folds[i]) / len(distances[i]))
        others = [fold for j, fold in enumerate(folds) if j != i]
        here = sum(wrong(threshold, fold) for fold in others)
        tried = np.unique(np.concatenate([d for d, _, _ in others]))
        assert here == min(sum(wrong(t, fold) for fold in others) for t in (0, *tried))
    assert (found.genuine_pairs, found.impostor_pairs) == (60, 60)


@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.4]), st.floats(0, 9))
def test_a_failed_pair_is_wrong_at_every_threshold(
    seed: int, share: float, threshold: float
) -> None:
    genuine, impostors, failed = kinds(drawn(seed, share))
    without, there = errors_at(threshold, genuine, impostors), errors_at(
        threshold, genuine, impostors, failed
    )  # fmt: skip
    assert there.false_match.errors == without.false_match.errors + failed.impostors
    assert there.false_non_match.errors == without.false_non_match.errors + failed.genuine
    assert there.false_match.trials == 60
    assert there.false_non_match.trials == 60
    for false, true, limit in zip(*roc(genuine, impostors, failed), strict=True):
        at = errors_at(max(limit, 0.0), genuine, impostors, failed)
        assert false == pytest.approx(at.false_match.rate)
        assert true == pytest.approx(1 - at.false_non_match.rate)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.4]))
def test_area_and_equal_errors_are_those_of_the_worst_distances(seed: int, share: float) -> None:
    genuine, impostors, failed = kinds(drawn(seed, share))
    worst = np.concatenate([genuine, [1e6] * failed.genuine])
    nearest = np.concatenate([impostors, [0.0] * failed.impostors])
    assert area(genuine, impostors, failed) == pytest.approx(area(worst, nearest))
    same = equal_error_rate(worst, nearest)
    assert equal_error_rate(genuine, impostors, failed) == pytest.approx(same)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.4]))
def test_a_calibrated_threshold_counts_them(seed: int, share: float) -> None:
    genuine, impostors, failed = kinds(drawn(seed, share))
    allowed = 6
    if failed.impostors > allowed:
        with pytest.raises(EvaluationError, match=f"no face was found in {failed.impostors} of 60"):
            calibrate(genuine, impostors, 0.1, failed)
        assert true_accept_rate(genuine, impostors, 0.1, failed).rate == 0
        assert true_accept_rate(genuine, impostors, 0.1, failed).threshold is None
        return
    found = calibrate(genuine, impostors, 0.1, failed)
    assert found.false_match.errors <= allowed
    assert found == errors_at(found.threshold, genuine, impostors, failed)
    more = np.sort(impostors[impostors > found.threshold])[0]
    assert errors_at(more, genuine, impostors, failed).false_match.errors > allowed
    rate = true_accept_rate(genuine, impostors, 0.1, failed)
    assert rate.threshold is not None
    there = errors_at(rate.threshold, genuine, impostors, failed)
    assert there.false_match.errors <= allowed
    assert rate.rate == pytest.approx(1 - there.false_non_match.rate)


def test_without_failures_nothing_changes() -> None:
    folds = drawn(3, 0.0)
    distances, genuine, failed = (list(each) for each in zip(*folds, strict=True))
    assert evaluate(distances, genuine) == evaluate(distances, genuine, failed=failed)


def test_a_fold_may_fail_as_a_whole() -> None:
    folds = drawn(4, 0.0)
    distances, genuine, failed = (list(each) for each in zip(*folds, strict=True))
    failed[1] = ~failed[1]
    found = evaluate(distances, genuine, failed=failed).accuracy
    assert found.folds[1] == 0
    assert found.thresholds[0] == best_threshold(distances[2], genuine[2])
    with pytest.raises(
        EvaluationError, match="a face was missing in every pair of the other folds"
    ):
        evaluate(distances, genuine, failed=[np.ones(40, np.bool_)] * 3)
    with pytest.raises(EvaluationError, match="3 folds of distances and 2 of failures"):
        evaluate(distances, genuine, failed=failed[:2])
    with pytest.raises(EvaluationError, match="as many distances as labels and failures"):
        evaluate(distances, genuine, failed=[failed[0][:-1], *failed[1:]])


# Pictures.

PICTURES = [(name, number) for name in ("Ada", "Bob", "Cyd") for number in (1, 2, 3)]
FOLDS: tuple[Fold, ...] = tuple(
    (
        Pair(("Ada", 1), ("Ada", number)),
        Pair(("Bob", 1), ("Bob", number)),
        Pair(("Ada", number), ("Bob", 1)),
        Pair(("Cyd", 1), ("Cyd", number)),
        Pair(("Cyd", 1), ("Bob", number)),
    )
    for number in (2, 3)
)


def written(folder: Path, dark: Sequence[tuple[str, int]] = ()) -> Path:
    rng = np.random.default_rng(5)
    for picture in PICTURES:
        path = picture_path(folder, picture)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (120, 120, 3), np.uint8)
        PIL.Image.fromarray(pixels // (8 if picture in dark else 1)).save(path, quality=95)
    return folder


def test_pictures_without_a_face_fail_with_their_pairs(tmp_path: Path) -> None:
    model, dark = small_model(), [("Bob", 1), ("Cyd", 3)]
    found = measure_pairs(model, written(tmp_path, dark), FOLDS, detect=SeesBright())
    assert [s.source for s in found.skipped] == [str(picture_path(tmp_path, p)) for p in dark]
    assert found.pictures == 9
    assert found.preparation == Preparation("bright", "margin-32")
    for fold, distances, failed in zip(FOLDS, found.distances, found.failed, strict=True):
        for pair, distance, without in zip(fold, distances, failed, strict=True):
            assert without == (pair.a in dark or pair.b in dark)
            if without:
                assert np.isnan(distance)
                continue
            a, b = (picture_path(tmp_path, picture) for picture in (pair.a, pair.b))
            both = model.embed([a, b], detect=SeesBright(), choose="central").values
            assert distance == pytest.approx(np.linalg.norm(both[0] - both[1]), abs=1e-6)
    assert found.failed_pairs == 5
    genuine, impostors, failed_pairs = found.by_kind(genuine_flags(FOLDS))
    assert (len(genuine), len(impostors)) == (3, 2)
    assert failed_pairs == Failures(3, 2)
    with pytest.raises(EvaluationError, match="2 labels for 10 pairs"):
        found.by_kind([np.array([True]), np.array([False])])


def test_without_failures_distances_are_the_same(tmp_path: Path) -> None:
    model, images = small_model(), written(tmp_path)
    for options in (
        {"detect": SeesBright()},
        {"detect": SeesBright(), "choose": "largest"},
        {"detect": SeesBright(), "smallest_face": 30},
        {"crop": 90},
        {"detect": False},
        {},
    ):
        found = measure_pairs(model, images, FOLDS, **options)
        expected = pair_distances(model, images, FOLDS, **options)
        assert not found.skipped
        assert not np.concatenate(found.failed).any()
        for distances, others in zip(found.distances, expected, strict=True):
            np.testing.assert_array_equal(distances, others)


def test_the_central_face_is_used_unless_another_is_asked_for(tmp_path: Path) -> None:
    model, images = small_model(), written(tmp_path)
    by_default = measure_pairs(model, images, FOLDS, detect=SeesBright())
    central = measure_pairs(model, images, FOLDS, detect=SeesBright(), choose="central")
    largest = measure_pairs(model, images, FOLDS, detect=SeesBright(), choose="largest")
    np.testing.assert_array_equal(central.distances, by_default.distances)
    assert not np.array_equal(largest.distances, by_default.distances)
    with pytest.raises(ArgumentError, match="choose one of them, not all"):
        measure_pairs(model, images, FOLDS, detect=SeesBright(), choose="all")


def test_other_faults_are_no_failures_to_detect(tmp_path: Path) -> None:
    images = written(tmp_path, [("Bob", 1)])
    picture_path(images, ("Cyd", 2)).write_bytes(b"no picture")
    with pytest.raises(ImageError, match="Cyd_0002"):
        measure_pairs(small_model(), images, FOLDS, detect=SeesBright())
    with pytest.raises(ImageError, match=r"Bob_0001\.jpg' shows no face"):
        pair_distances(small_model(), images, FOLDS, detect=SeesBright())
