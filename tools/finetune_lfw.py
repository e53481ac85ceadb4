"""Fine-tune nn4.small2 on LFW's training people, and measure it on folds 3 and 4.

    python tools/finetune_lfw.py --lfw ../shared/lfw --model ../shared/weights/nn4_small2_v1.h5

LFW's folder holds images/NAME/NAME_0001.jpg, train_people.txt (nobody of whom is in folds 3 and 4)
and pairs_dev.txt. For each seed: semi-hard triplets, then the accuracy on folds 3 and 4 with a
plain centre crop before and after; at last a pair head for each similarity, fitted to pairs of the
training people, and how reliable its probabilities are on those folds. About 4 minutes a seed on
two cores. Interrupted runs go on where they were when the command is given again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

import npfacenet
from npfacenet.images import centre_crop, read
from npfacenet.recognition.evaluation import Evaluation, evaluate
from npfacenet.recognition.lfw import (
    Fold,
    choose_folds,
    genuine_flags,
    pair_distances,
    pair_embeddings,
    read_pairs,
)
from npfacenet.recognition.pair_head import Similarity
from npfacenet.recognition.reliability import reliability
from npfacenet.training import Callbacks, Configuration, IdentityFolder, StepReport, train
from npfacenet.training.pair_fitting import fit_pair_head
from npfacenet.training.people import read_people
from npfacenet.training.validation import draw_pairs

CROP = 150
CHOICES = Configuration(crop=CROP, steps=500, learning_rate=3e-4, statistics="moving")


def measure(model: npfacenet.Model, lfw: Path, folds: tuple[Fold, ...]) -> Evaluation:
    """LFW's protocol on these folds."""
    distances = pair_distances(model, lfw / "images", folds, crop=CROP)
    return evaluate(distances, genuine_flags(folds))


def rates(evaluation: Evaluation) -> str:
    """The rates in a line."""
    return (
        f"accuracy {evaluation.accuracy.mean:.4f}, area {evaluation.area:.4f}, equal error rate "
        f"{evaluation.equal_error_rate:.4f}"
    )


def fine_tuned(
    start: npfacenet.Model, people: IdentityFolder, run: Path, seed: int, steps: int
) -> npfacenet.Model:
    """Train, or go on with, the run of this seed."""

    def watch(progress: StepReport) -> None:
        if progress.validation is not None:
            area = progress.validation.area
            print(f"  seed {seed}, step {progress.step}: held-out area {area:.4f}", flush=True)

    choices = replace(CHOICES, seed=seed, steps=steps)
    resume = (run / "checkpoint.h5").is_file()
    return train(start, people, run, choices, resume=resume, callbacks=Callbacks(watch=watch)).model


def report_heads(
    model: npfacenet.Model, people: IdentityFolder, lfw: Path, folds: tuple[Fold, ...]
) -> None:
    """Fit both heads on training people; print their reliability on the folds."""
    crops = (centre_crop(read(path), CROP) for path in people.paths)
    known = model.embed(crops)
    pairs = draw_pairs(people.labels, seed=0, most=5000)
    unknown = pair_embeddings(model, lfw / "images", folds, crop=CROP)
    genuine = [pair.genuine for fold in folds for pair in fold]
    for similarity in get_args(Similarity):
        head = fit_pair_head(
            known[pairs.a.tolist()], known[pairs.b.tolist()], pairs.genuine, similarity
        )
        table = reliability(np.concatenate([head.probability(*p) for p in unknown]), genuine)
        print(
            f"\npair head, {similarity}: accuracy {table.accuracy:.4f}, Brier score "
            f"{table.brier:.4f}, calibration error {table.calibration_error:.4f} "
            f"({len(genuine)} pairs)"
        )
        print("  probability  pairs  predicted  observed")
        for each in table.bins:
            print(
                f"   {each.low:.1f} to {each.high:.1f}  {each.pairs:5}  {each.predicted:9.3f}  "
                f"{each.observed:8.3f}"
            )


def main() -> None:
    """Fine-tune once for each seed, and print everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lfw", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", default="nn4.small2", metavar="NAME|FILE")
    parser.add_argument("--variant", default="course")
    parser.add_argument("--runs", type=Path, default=Path("runs/finetune_lfw"), metavar="DIR")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=CHOICES.steps)
    arguments = parser.parse_args()
    names = read_people(arguments.lfw / "train_people.txt")
    people = IdentityFolder.of(arguments.lfw / "images", names).with_at_least(2)
    folds = choose_folds(read_pairs(arguments.lfw / "pairs_dev.txt"), [3, 4])
    start = npfacenet.load(arguments.model, variant=arguments.variant)
    before = measure(start, arguments.lfw, folds)
    print(f"{len(people.names)} people, {len(people.paths)} pictures", flush=True)
    print(f"before: {rates(before)}", flush=True)
    gains = []
    for seed in range(arguments.seeds):
        run = arguments.runs / f"{arguments.variant}-{seed}"
        model = fine_tuned(start, people, run, seed, arguments.steps)
        after = measure(model, arguments.lfw, folds)
        gains.append(after.accuracy.mean - before.accuracy.mean)
        print(
            f"seed {seed}: {rates(after)}, gain {gains[-1]:+.4f}",
            flush=True,
        )
    spread = statistics.stdev(gains) if len(gains) > 1 else 0.0
    print(f"gain: {statistics.mean(gains):+.4f}, standard deviation over seeds {spread:.4f}")
    report_heads(model, people, arguments.lfw, folds)


if __name__ == "__main__":
    try:
        main()
    except npfacenet.errors.NpfacenetError as error:
        sys.exit(f"error: {error}")
