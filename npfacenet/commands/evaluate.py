"""`npfacenet evaluate lfw`: a model's error rates on labelled pairs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from npfacenet.cards import Threshold
from npfacenet.checkpoints.conversion import require_target, write_checkpoint
from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, quoted, shortened
from npfacenet.files.atomic import atomic_file, require_writable, writing_in
from npfacenet.models import Model
from npfacenet.networks import NetworkParameters
from npfacenet.recognition.calibration import Calibration, calibrate, carried_errors, errors_at
from npfacenet.recognition.distance import is_for_distances, limit_of
from npfacenet.recognition.evaluation import Distances, Evaluation, evaluate
from npfacenet.recognition.lfw import Fold, choose_folds, genuine_flags, read_pairs
from npfacenet.recognition.pair_distances import pair_distances
from npfacenet.recognition.plots import plot_evaluation, require_matplotlib

EXAMPLE = "Example: npfacenet evaluate lfw --images lfw --pairs pairs.txt --crop 150"


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
        "that is best on the other folds.",
        epilog=EXAMPLE,
    )
    lfw.add_argument("--images", required=True, metavar="DIR", help="holds NAME/NAME_0001.jpg")
    lfw.add_argument("--pairs", required=True, metavar="FILE", help="in the format of pairs.txt")
    lfw.add_argument(
        "--crop", type=int, metavar="N", help="take N x N pixels from the centre of each picture"
    )
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
        help="with --calibrate: write the weights with a card that has this threshold",
    )
    options.add_model(lfw)
    options.add_json(lfw)
    lfw.set_defaults(run=run_lfw)


def run_lfw(arguments: argparse.Namespace) -> int:
    """Embed every picture once, compute the rates and print them; return 0."""
    plot = checked_plot(arguments.plot)
    if arguments.save is not None:
        if arguments.calibrate is None:
            raise ArgumentError("--save needs --calibrate RATE, which chooses the threshold")
        require_target(Path(arguments.save))
    folds = choose_folds(read_pairs(arguments.pairs), fold_numbers(arguments.folds))
    labels = genuine_flags(folds)
    if arguments.calibrate is not None:  # before the work, not after it
        carried_errors(arguments.calibrate, sum(int((~genuine).sum()) for genuine in labels))
    model = options.load_model(arguments)
    warn_of_training(model, folds)
    # Held while pictures are embedded, whatever happens to the file meanwhile.
    kept = dict(model.parameters) if arguments.save is not None else {}
    with ProgressBar() as progress:
        distances = pair_distances(
            model, arguments.images, folds, crop=arguments.crop, progress=progress
        )
    evaluation = evaluate(distances, labels)
    genuine = np.concatenate([d[g] for d, g in zip(distances, labels, strict=True)])
    impostors = np.concatenate([d[~g] for d, g in zip(distances, labels, strict=True)])
    at = error_rates(model, genuine, impostors, arguments.calibrate)
    if arguments.save is not None:
        save(model, kept, at["calibrated"], Path(arguments.pairs).name, Path(arguments.save))
    if plot is not None:
        decided = at["card"].threshold if "card" in at else None
        title = f"{model.card.architecture}, {model.card.preprocessing}"
        with writing_in(plot.parent), atomic_file(plot) as file:
            plot_evaluation(file, evaluation, genuine, impostors, title, decided)
    if arguments.json:
        thresholds = {"thresholds": {name: errors.as_json() for name, errors in at.items()}}
        options.print_json(evaluation.as_json() | thresholds | options.model_keys(model))
    else:
        print_evaluation(evaluation)
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
    model: Model, genuine: Distances, impostors: Distances, calibrated_to: float | None
) -> dict[str, Calibration]:
    """Return the error rates at the card's threshold ("card") and at a calibrated one.

    Either is left out if there is none. A card's threshold for other distances is left out with a
    remark.
    """
    at: dict[str, Calibration] = {}
    threshold = model.card.threshold
    if threshold is not None and is_for_distances(threshold):
        at["card"] = errors_at(limit_of(threshold), genuine, impostors)
    elif threshold is not None:
        options.note(
            f"the card's threshold, {threshold.value:g}, is for distances that are "
            f"{shortened(threshold.metric, 60)}, so its error rates are not measured"
        )
    if calibrated_to is not None:
        at["calibrated"] = calibrate(genuine, impostors, calibrated_to)
    return at


def save(
    model: Model, parameters: NetworkParameters, calibration: Calibration, pairs: str, path: Path
) -> None:
    """Write the model's parameters with a card that has the calibrated threshold."""
    evidence = f"chosen on the pairs of {pairs} themselves: {calibration}"
    card = replace(model.card, threshold=Threshold(calibration.threshold, evidence))
    write_checkpoint(path, model.network, parameters, card)


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


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the rates with the numbers of pairs behind them."""
    accuracy = evaluation.accuracy
    print(f"pairs               {evaluation.genuine_pairs} genuine, ", end="")
    print(f"{evaluation.impostor_pairs} impostor, in {len(accuracy.folds)} folds")
    print(f"accuracy            {accuracy.mean:.4f} +- {accuracy.std:.4f} over the folds")
    thresholds = ", ".join(f"{threshold:.3f}" for threshold in accuracy.thresholds)
    print(f"thresholds          {thresholds}")
    print(f"area under ROC      {evaluation.area:.4f}")
    print(f"equal error rate    {evaluation.equal_error_rate:.4f}")
    for rate in evaluation.true_accept_rates:
        measured = (
            f"not measurable (n = {rate.impostor_pairs})"
            if rate.rate is None
            else f"{rate.rate:.4f} (n = {rate.impostor_pairs}, threshold {rate.threshold:.3f})"
        )
        print(f"TAR at FAR {rate.false_accept_rate:<8g} {measured}")


def print_error_rates(at: Mapping[str, Calibration]) -> None:
    """Print each threshold with its error rates."""
    for name, errors in at.items():
        print(f"{name + ' threshold':21} {errors.threshold:.3f}")
        print(f"  false match       {errors.false_match}")
        print(f"  false non-match   {errors.false_non_match}")
