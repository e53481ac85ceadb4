"""Error rates against brute force, and LFW's protocol on drawn files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from npfacenet.commands.main import main
from npfacenet.errors import EvaluationError
from npfacenet.recognition.calibration import calibrate, errors_at, interval
from npfacenet.recognition.evaluation import (
    area,
    best_threshold,
    equal_error_rate,
    evaluate,
    true_accept_rate,
)
from npfacenet.recognition.lfw import choose_folds, picture_path, read_pairs

Distances = npt.NDArray[np.float64]

# Few values, so that ties are frequent.
some = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 1.5]), min_size=1, max_size=12)
distances = some.map(lambda values: np.array(values))


def right(threshold: float, genuine: Distances, impostors: Distances) -> int:
    return int((genuine <= threshold).sum() + (impostors > threshold).sum())


@given(distances, distances)
def test_the_best_threshold_is_as_good_as_any(genuine: Distances, impostors: Distances) -> None:
    both = np.concatenate([genuine, impostors])
    labels = np.arange(len(both)) < len(genuine)
    threshold = best_threshold(both, labels)
    tried = [-1.0, *(both + 1e-9), *(both - 1e-9), 9.0]
    # Nobody at all cannot be refused where a pair is at distance 0: a threshold is >= 0.
    best = max(right(t, genuine, impostors) for t in tried if t >= 0)
    assert right(threshold, genuine, impostors) == best
    assert threshold >= 0


@given(distances, distances)
def test_the_area_is_the_chance_that_a_genuine_pair_is_nearer(
    genuine: Distances, impostors: Distances
) -> None:
    nearer = [(g < i) + (g == i) / 2 for g in genuine for i in impostors]
    assert area(genuine, impostors) == pytest.approx(np.mean(nearer))
    assert area(impostors, genuine) == pytest.approx(1 - np.mean(nearer))


@given(distances, distances)
def test_the_equal_error_rate_lies_between_the_errors_around_it(
    genuine: Distances, impostors: Distances
) -> None:
    rate = equal_error_rate(genuine, impostors)
    thresholds = [-1.0, *np.unique(np.concatenate([genuine, impostors]))]
    worst = [max((impostors <= t).mean(), (genuine > t).mean()) for t in thresholds]
    best = [min((impostors <= t).mean(), (genuine > t).mean()) for t in thresholds]
    assert max(best) - 1e-12 <= rate <= min(worst) + 1e-12


def test_the_equal_error_rate_of_known_distances() -> None:
    assert equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 0
    assert equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 1
    genuine, impostors = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.2, 0.8, 0.9, 1.0])
    assert equal_error_rate(genuine, impostors) == pytest.approx(0.25)


@given(st.integers(0, 2**16), st.sampled_from([0.01, 0.05, 0.1]))
def test_the_true_accept_rate_keeps_the_false_accept_rate(seed: int, wanted: float) -> None:
    rng = np.random.default_rng(seed)
    genuine, impostors = rng.normal(0.7, 0.2, 200), rng.normal(1.3, 0.2, 400)
    found = true_accept_rate(genuine, impostors, wanted)
    assert found.threshold is not None
    assert (impostors <= found.threshold).mean() <= wanted
    assert found.rate == (genuine <= found.threshold).mean()
    larger = impostors[impostors > found.threshold].min()
    assert (impostors <= larger).mean() > wanted


@pytest.mark.parametrize(("pairs", "measurable"), [(299, False), (300, True), (1200, True)])
def test_rates_that_the_pairs_cannot_carry_are_not_measured(pairs: int, measurable: bool) -> None:
    found = true_accept_rate(np.zeros(5), np.linspace(1, 2, pairs), 0.01)
    assert (found.rate is not None) == measurable
    assert found.impostor_pairs == pairs


def test_each_fold_is_decided_by_the_threshold_of_the_others() -> None:
    # The second fold's distances are shifted, so a threshold of its own would be perfect.
    folds = [[0.2, 0.4, 1.0, 1.2], [0.9, 1.1, 1.6, 1.8]]
    labels = [[True, True, False, False]] * 2
    accuracy = evaluate(folds, labels).accuracy
    assert accuracy.thresholds == pytest.approx((1.35, 0.7))
    assert accuracy.folds == (0.5, 0.5)
    assert accuracy.mean == 0.5
    assert accuracy.std == 0
    spread = evaluate([[0.2, 1.0], [0.3, 1.1], [0.9, 0.1]], [[True, False]] * 3).accuracy
    assert spread.std == pytest.approx(np.std(spread.folds, ddof=1))


@pytest.mark.parametrize(
    ("folds", "labels", "said"),
    [
        ([[0.1, 0.9]], [[True, False]], "two folds"),
        ([[0.1], [0.2]], [[True], [True]], "both needed"),
        ([[0.1, 0.2], [0.3]], [[True], [False]], "as many labels"),
        ([[], [0.3]], [[], [False]], "as many labels"),
        ([[np.nan], [0.3]], [[True], [False]], "NaN or infinite"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    folds: list[list[float]], labels: list[list[bool]], said: str
) -> None:
    with pytest.raises(EvaluationError, match=said):
        evaluate(folds, labels)


@given(st.integers(0, 2**16), st.sampled_from([0.01, 0.03, 0.1]), st.booleans())
def test_a_calibrated_threshold_keeps_its_rate(seed: int, rate: float, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    genuine, impostors = rng.normal(0.7, 0.2, 100), rng.normal(1.3, 0.2, 400)
    if ties:
        impostors = np.round(impostors, 1)
    found = calibrate(genuine, impostors, rate)
    assert found.false_match.rate <= rate
    assert found == errors_at(found.threshold, genuine, impostors)
    farther = impostors[impostors > found.threshold].min()
    assert (impostors <= farther).mean() > rate


@given(st.integers(0, 400), st.integers(1, 400))
def test_intervals_hold_their_rate(errors: int, trials: int) -> None:
    assume(errors <= trials)
    low, high = interval(errors, trials)
    assert 0 <= low <= errors / trials <= high + 1e-9 <= 1 + 2e-9


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"no threshold keeps a false match rate of 0\.01"):
        calibrate([0.5], [0.0] * 300, 0.01)
    for genuine, impostors in (([0.5], [np.nan] * 300), ([], [1.0] * 300), ([0.5], [])):
        with pytest.raises(EvaluationError, match="finite numbers that is not empty"):
            calibrate(genuine, impostors, 0.01)


def test_the_rule_of_three() -> None:
    assert interval(0, 1200) == (0.0, 0.0025)
    assert interval(0, 2) == (0.0, 1.0)
    with pytest.raises(EvaluationError, match=r"1200 impostor pairs cannot carry .* 3000 could"):
        calibrate([0.5], np.linspace(1, 2, 1200), 0.001)
    for rate in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(EvaluationError, match="between 0 and 1"):
            calibrate([0.5], np.linspace(1, 2, 1200), rate)


def test_wilsons_interval() -> None:
    # Wilson 1927; 10 of 100 as in R's prop.test(10, 100, correct = FALSE).
    assert interval(10, 100) == pytest.approx((0.05522914, 0.1743657), abs=1e-6)


# LFW's files.

PAIRS = "2\t1\nAda\t1\t2\nAda\t1\tBob\t1\nBob\t1\t2\nCyd\t1\tAda\t2\n"


@pytest.fixture
def lfw(tmp_path: Path, rng: np.random.Generator) -> Path:
    (tmp_path / "pairs.txt").write_text(PAIRS)
    for picture in (("Ada", 1), ("Ada", 2), ("Bob", 1), ("Bob", 2), ("Cyd", 1)):
        path = picture_path(tmp_path / "images", picture)
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rng.integers(0, 256, (120, 120, 3), np.uint8)).save(path, quality=95)
    return tmp_path


def test_pairs_are_read(lfw: Path) -> None:
    first, second = read_pairs(lfw / "pairs.txt")
    assert [pair.genuine for pair in first] == [True, False]
    assert first[1].b == ("Bob", 1)
    assert second[1].a == ("Cyd", 1)
    assert choose_folds((first, second), [2, 1]) == (second, first)
    for numbers, said in (([3, 1], "there is no fold 3"), ([1], "two folds"), ([1, 1], "two")):
        with pytest.raises(EvaluationError, match=said):
            choose_folds((first, second), numbers)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n", "line 1: must be 'FOLDS PAIRS'"),
        ("ten 300\n", "line 1"),
        ("1 1\nAda 1 2\n", "announces 1 folds of 2 x 1 pairs, but 1 follow"),
        (PAIRS.replace("Ada\t1\t2", "Ada\tone\t2"), "line 2: 'Ada one 2' is neither"),
        (PAIRS.replace("Ada\t1\t2", "Ada"), "line 2: 'Ada' is neither"),
        ("\x00\xff", "line 1"),
    ],
)
def test_malformed_pairs_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=said):
        read_pairs(path)
    with pytest.raises(EvaluationError, match="is a folder, not a file of pairs"):
        read_pairs(tmp_path)


def command(lfw: Path, drawn_file: Path, *more: str) -> list[str]:
    where = ["--images", str(lfw / "images"), "--pairs", str(lfw / "pairs.txt")]
    return ["evaluate", "lfw", *where, "--model", str(drawn_file), *more]


def test_the_command(lfw: Path, drawn_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(lfw, drawn_file, "--crop", "96")) == 0
    out = capsys.readouterr().out
    assert "2 genuine, 2 impostor, in 2 folds" in out
    assert "not measurable (n = 2)" in out
    assert main(command(lfw, drawn_file, "--folds", "2,1", "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["accuracy"]) == {"mean", "std", "folds", "thresholds"}
    assert told["true_accept_rates"][0]["rate"] is None
    errors = told["thresholds"]["card"]["false_match"]
    assert set(errors) == {"errors", "trials", "rate", "interval"}
    assert errors["trials"] == 2


def test_figures_are_drawn(lfw: Path, drawn_file: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = lfw / "curves.png"
    assert main(command(lfw, drawn_file, "--plot", str(plot))) == 0
    with PIL.Image.open(plot) as image:
        assert image.format == "PNG"
        assert image.width > 800


def test_without_matplotlib_the_remedy_is_told_at_once(
    lfw: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("npfacenet.recognition.plots.find_spec", lambda name: None)
    assert main(command(lfw, Path("nowhere.h5"), "--plot", str(lfw / "curves.png"))) == 2
    assert "pip install 'npfacenet[plot]'" in capsys.readouterr().err


def test_a_calibrated_threshold_goes_into_a_card(
    tmp_path: Path, drawn_file: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    import npfacenet

    people = [f"P{i}" for i in range(8)]
    for person in people:
        path = picture_path(tmp_path, (person, 1))
        path.parent.mkdir()
        PIL.Image.fromarray(rng.integers(0, 256, (96, 96, 3), np.uint8)).save(path)
    rows = [f"{p}\t1\t1" for p in people[:4]] + [f"P{i}\t1\tP{i + 4}\t1" for i in range(4)]
    (tmp_path / "pairs.txt").write_text("2\t4\n" + "\n".join(rows * 2) + "\n")
    saved = tmp_path / "saved.h5"
    run = ["evaluate", "lfw", "--images", str(tmp_path), "--pairs", str(tmp_path / "pairs.txt")]
    run += ["--model", str(drawn_file), "--save", str(saved)]
    assert main(run) == 2
    assert "--save needs --calibrate" in capsys.readouterr().err
    assert main([*run, "--calibrate", "0.5"]) == 0
    threshold = npfacenet.load(saved).card.threshold
    assert threshold is not None
    assert threshold.evidence.startswith("chosen on the pairs of pairs.txt themselves: false match")
    assert "95 %" in threshold.evidence


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--folds", "one"], "--folds takes numbers such as 3,4"),
        (["--folds", "1"], "at least two folds"),
        (["--crop", "999"], "cannot be cut out"),
        (["--calibrate", "0.01"], "2 impostor pairs cannot carry"),
        (["--calibrate", "0.01", "--model", "missing.h5"], "2 impostor pairs cannot carry"),
        (["--calibrate", "nan", "--model", "missing.h5"], "a rate is a number between 0 and 1"),
        (["--crop", "0"], "crop is a whole number of pixels"),
        (["--plot", "curves.txt"], "must be called NAME.png"),
    ],
)
def test_the_command_refuses(
    lfw: Path, drawn_file: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(lfw, drawn_file, *options)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_missing_pictures_are_counted(
    lfw: Path, drawn_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture_path(lfw / "images", ("Cyd", 1)).unlink()
    assert main(command(lfw, drawn_file)) == 2
    assert "1 of 5 pictures are missing, the first: " in capsys.readouterr().err


def test_people_who_were_trained_on_are_told(
    lfw: Path, drawn_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    import npfacenet
    from npfacenet.checkpoints.conversion import write_checkpoint

    model = npfacenet.load(drawn_file)
    card = replace(model.card, trained_on=("Bob", "Zoe"))
    path = lfw / "trained.h5"
    write_checkpoint(path, model.network, model.parameters, card)
    assert main(command(lfw, path)) == 0
    assert "note: the model was trained on 1 of the 3 people in these pairs" in (
        capsys.readouterr().err
    )


@pytest.mark.slow
def test_accuracy_on_lfw(
    nn4_file: Path, inception_resnet_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """About 12 minutes: folds 1 to 4, faces cropped by the centre, and found by both detectors."""
    from conftest import shared

    lfw = shared("lfw")
    mtcnn, yunet = (str(shared(f"weights/{name}")) for name in ("mtcnn", "yunet_n.onnx"))
    where = ["--images", str(lfw / "images"), "--pairs", str(lfw / "pairs_dev.txt")]
    for model, options, least, most in (
        (nn4_file, ["--crop", "150", "--variant", "course"], 0.64, 0.66),
        (nn4_file, ["--crop", "150", "--variant", "openface"], 0.65, 0.6701),
        (inception_resnet_file, ["--crop", "150"], 0.983, 1.0),
        (nn4_file, ["--detect", mtcnn, "--variant", "openface"], 0.912, 0.93),
        (nn4_file, ["--detect", yunet, "--variant", "openface"], 0.9, 0.93),
        (nn4_file, ["--detect", mtcnn, "--variant", "course"], 0.888, 0.91),
        (nn4_file, ["--detect", yunet, "--variant", "course"], 0.885, 0.91),
        (inception_resnet_file, ["--detect", mtcnn], 0.99, 1.0),
        (inception_resnet_file, ["--detect", yunet], 0.988, 1.0),
    ):
        assert main(["evaluate", "lfw", *where, "--json", "--model", str(model), *options]) == 0
        assert least <= json.loads(capsys.readouterr().out)["accuracy"]["mean"] <= most
