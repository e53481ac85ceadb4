"""`npfacenet evaluate lfw`: a model's error rates on labelled pairs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from npfacenet.cards import Card, Measured, Preparation, Threshold
from npfacenet.checkpoints.conversion import require_target, write_checkpoint
from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, quoted, shortened
from npfacenet.faces import DETECTORS
from npfacenet.faces.choice import Choice
from npfacenet.files.atomic import atomic_file, require_writable, writing_in
from npfacenet.models import Model
from npfacenet.recognition.calibration import Calibration, calibrate, carried_errors, errors_at
from npfacenet.recognition.distance import is_for_distances, limit_of
from npfacenet.recognition.evaluation import Evaluation, evaluate
from npfacenet.recognition.labelled_pairs import Distances, Failures
from npfacenet.recognition.lfw import Fold, choose_folds, genuine_flags, read_pairs
from npfacenet.recognition.pair_distances import PairDistances, measure_pairs
from npfacenet.recognition.plots import plot_evaluation, require_matplotlib

EXAMPLE = "Example: npfacenet evaluate lfw --images lfw --pairs pairs.txt --detect finder"
CHOICES: Sequence[Choice] = ("central", "largest", "only")


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a model's error rates",
        description="Measure a model's error rates on labelled pairs of pictures.",
        epilog=EXAMPLE,
    )
    below = parser.add_subparsers(title="protocols", metavar="PROTOCOL", required=True)
    lfw = below.add_parser(
        "lfw",
        help="Labeled Faces in the Wild",
        description="LFW's protocol (image-restricted): decide every fold's pairs by the threshold "
        "that is best on the other folds. Pairs with a picture in which no face is found count as "
        "errors.",
        epilog=EXAMPLE,
    )
    lfw.add_argument("--images", required=True, metavar="DIR", help="holds NAME/NAME_0001.jpg")
    lfw.add_argument("--pairs", required=True, metavar="FILE", help="in the format of pairs.txt")
    lfw.add_argument("--folds", metavar="3,4", help="use only these folds (default: all)")
    lfw.add_argument("--plot", metavar="FILE.png", help="draw ROC, DET and distances (matplotlib)")
    lfw.add_argument(
        "--calibrate",
        type=float,
        metavar="RATE",
        help="also choose a threshold that allows this share of false matches, such as 0.01",
    )
    lfw.add_argument(
        "--save",
        metavar="OUT.h5",
        help="with --calibrate: write the weights with a card that has this threshold, and "
        "prepares photographs as they were prepared here",
    )
    options.add_model(lfw)
    options.add_faces(lfw, CHOICES, default="central")
    options.add_json(lfw)
    lfw.set_defaults(run=run_lfw)


def run_lfw(arguments: argparse.Namespace) -> int:
    """Embed every picture once, compute the rates and print them; return 0."""
    plot = checked_plot(arguments.plot)
    if arguments.save is not None:
        if arguments.calibrate is None:
            raise ArgumentError("--save needs --calibrate RATE, which chooses the threshold")
        require_target(Path(arguments.save))
    faces = options.face_choices(arguments, CHOICES)
    folds = choose_folds(read_pairs(arguments.pairs), fold_numbers(arguments.folds))
    labels = genuine_flags(folds)
    if arguments.calibrate is not None:  # before the work, not after it
        carried_errors(arguments.calibrate, sum(int((~genuine).sum()) for genuine in labels))
    model = options.load_model(arguments)
    warn_of_training(model, folds)
    # Held while pictures are embedded, whatever happens to the file meanwhile.
    kept = dict(model.parameters) if arguments.save is not None else {}
    with ProgressBar() as progress:
        pairs = measure_pairs(model, arguments.images, folds, **faces, progress=progress)
    evaluation = evaluate(pairs.distances, labels, failed=pairs.failed)
    genuine, impostors, failed = kinds = pairs.by_kind(labels)
    at = error_rates(model.card, pairs.preparation, kinds, arguments.calibrate)
    if arguments.save is not None:
        chosen = at["calibrated"]
        threshold = Threshold(chosen.threshold, evidence(chosen, pairs, Path(arguments.pairs)))
        card = calibrated(model.card, pairs.preparation, threshold)
        write_checkpoint(Path(arguments.save), model.network, kept, card)
    if plot is not None:
        title = f"{model.card.architecture}, {model.card.preprocessing}, {pairs.preparation}"
        with writing_in(plot.parent), atomic_file(plot) as file:
            decided = at["card"].threshold if "card" in at else None
            plot_evaluation(file, evaluation, genuine, impostors, title, decided, failed)
    if arguments.json:
        thresholds = {name: errors.as_json() for name, errors in at.items()}
        more = {"thresholds": thresholds, "failures_to_detect": failures_as_json(pairs)}
        keys = options.model_keys(model, pairs.preparation)
        options.print_json(evaluation.as_json() | more | keys)
    else:
        print_evaluation(evaluation, pairs)
        print_error_rates(at)
    return 0


def checked_plot(name: str | None) -> Path | None:
    """Return the path of the figure, checked before the work and not after it; None without one."""
    if name is None:
        return None
    plot = Path(name)
    if plot.suffix != ".png":
        raise ArgumentError(f"the figure must be called NAME.png, not {quoted(name)}")
    require_matplotlib()
    require_writable(plot)
    return plot


def error_rates(
    card: Card,
    preparation: Preparation,
    kinds: tuple[Distances, Distances, Failures],
    calibrated_to: float | None,
) -> dict[str, Calibration]:
    """Return the error rates at the card's threshold ("card") and at a calibrated one.

    `kinds` are distances of genuine pairs, of impostors, and how many failed. Either is left out if
    there is none. The card's is left out with a remark if it was not measured for pictures that
    are prepared so, or is for other distances.
    """
    genuine, impostors, failed = kinds
    at: dict[str, Calibration] = {}
    threshold = card.threshold_for(preparation)
    if threshold is None:
        options.note(
            f"the card has no threshold for pictures prepared so ({preparation}), so no error "
            "rates are given at one; --calibrate 0.01 chooses one"
        )
    elif is_for_distances(threshold):
        at["card"] = errors_at(limit_of(threshold), genuine, impostors, failed)
    else:
        options.note(
            f"the card's threshold, {threshold.value:g}, is for distances that are "
            f"{shortened(threshold.metric, 60)}, so its error rates are not measured"
        )
    if calibrated_to is not None:
        at["calibrated"] = calibrate(genuine, impostors, calibrated_to, failed)
    return at


def evidence(calibration: Calibration, pairs: PairDistances, file: Path) -> str:
    """Return in words what a calibrated threshold was chosen on."""
    failures = (
        f"; {len(pairs.skipped)} of {pairs.pictures} pictures, in which no face was found, make "
        f"{pairs.failed_pairs} pairs errors"
        if pairs.skipped
        else ""
    )
    return f"chosen on the pairs of {file.name} themselves: {calibration}{failures}"


def calibrated(card: Card, preparation: Preparation, threshold: Threshold) -> Card:
    """Return the card with a threshold for a preparation, which becomes the card's own.

    Thresholds for other preparations are kept. A detector that cannot be loaded by its name, as
    its weights are not the public ones, does not become the card's.
    """
    others = (each for each in card.measured if each.preparation != preparation)
    measured, own = (*others, Measured(preparation, threshold)), preparation
    if preparation.detector is not None and preparation.detector not in DETECTORS:
        own = card.preparation
        options.note(
            f"the card still says {own}: the detector's weights are not the public ones, so name "
            "them (--detect PATH) wherever the threshold is to be used"
        )
    return replace(card, threshold=None, other_thresholds=measured).with_preparation(own)


def failures_as_json(pairs: PairDistances) -> dict[str, int] | None:
    """Return the failures to detect a face; None if no detector was used."""
    if pairs.preparation.detector is None:
        return None
    return {
        "pictures": len(pairs.skipped),
        "of": pairs.pictures,
        "pairs": pairs.failed_pairs,
    }


def warn_of_training(model: Model, folds: Sequence[Fold]) -> None:
    """Print a remark if the model was trained on people in these pairs: its rates are too good."""
    people = {name for fold in folds for pair in fold for name, _ in (pair.a, pair.b)}
    known = people & set(model.card.trained_on)
    if known:
        options.note(
            f"the model was trained on {len(known)} of the {len(people)} people in these pairs "
            f"({min(known)}, ...); the rates are better than for strangers"
        )


def fold_numbers(text: str | None) -> list[int] | None:
    """Return the numbers in "3,4"; raise ArgumentError for anything else."""
    if text is None:
        return None
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ArgumentError(f"--folds takes numbers such as 3,4, not {quoted(text)}") from None


def print_evaluation(evaluation: Evaluation, pairs: PairDistances) -> None:
    """Print the rates with the numbers of pairs behind them."""
    accuracy = evaluation.accuracy
    print(f"preparation         {pairs.preparation}")
    print(f"pairs               {evaluation.genuine_pairs} genuine, ", end="")
    print(f"{evaluation.impostor_pairs} impostor, in {len(accuracy.folds)} folds")
    if pairs.preparation.detector is not None:
        print(f"failures to detect  {len(pairs.skipped)} of {pairs.pictures} pictures, ", end="")
        print(f"{pairs.failed_pairs} pairs, which count as errors")
    print(f"accuracy            {accuracy.mean:.4f} +- {accuracy.std:.4f} over the folds")
    thresholds = ", ".join(f"{threshold:.3f}" for threshold in accuracy.thresholds)
    print(f"thresholds          {thresholds}")
    print(f"area under ROC      {evaluation.area:.4f}")
    print(f"equal error rate    {evaluation.equal_error_rate:.4f}")
    for rate in evaluation.true_accept_rates:
        if rate.rate is None:
            measured = f"not measurable (n = {rate.impostor_pairs})"
        else:
            at = "none" if rate.threshold is None else f"{rate.threshold:.3f}"
            measured = f"{rate.rate:.4f} (n = {rate.impostor_pairs}, threshold {at})"
        print(f"TAR at FAR {rate.false_accept_rate:<8g} {measured}")


def print_error_rates(at: Mapping[str, Calibration]) -> None:
    """Print each threshold with its error rates."""
    for name, errors in at.items():
        print(f"{name + ' threshold':21} {errors.threshold:.3f}")
        print(f"  false match       {errors.false_match}")
        print(f"  false non-match   {errors.false_non_match}")
