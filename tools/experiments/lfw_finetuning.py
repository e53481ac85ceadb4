"""Fine-tuning on LFW's training people, and its measures: the work of `finetune_lfw.py`."""

from __future__ import annotations

import argparse
import statistics
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
    read_pairs,
)
from npfacenet.recognition.pair_distances import pair_distances, pair_embeddings
from npfacenet.recognition.pair_head import Similarity
from npfacenet.recognition.reliability import reliability
from npfacenet.training import Callbacks, Configuration, IdentityFolder, StepReport, train
from npfacenet.training.pair_fitting import fit_pair_head
from npfacenet.training.people import read_people
from npfacenet.training.validation import draw_pairs

CROP = 150
CHOICES = Configuration(crop=CROP, steps=500, learning_rate=3e-4, statistics="moving")


def measure(model: npfacenet.Model, lfw: Path, folds: tuple[Fold, ...]) -> Evaluation:
    """Evaluate a model by LFW's protocol on these folds."""
    distances = pair_distances(model, lfw / "images", folds, crop=CROP)
    return evaluate(distances, genuine_flags(folds))


def rates(evaluation: Evaluation) -> str:
    """Return the rates in one line."""
    return (
        f"accuracy {evaluation.accuracy.mean:.4f}, area {evaluation.area:.4f}, equal error rate "
        f"{evaluation.equal_error_rate:.4f}"
    )


def fine_tuned(
    start: npfacenet.Model, people: IdentityFolder, run: Path, seed: int, steps: int
) -> npfacenet.Model:
    """Train the model of this seed, or continue its run."""

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


def report(arguments: argparse.Namespace) -> None:
    """Fine-tune once for each seed; print the rates, their gain, and the pair heads' reliability.

    Raises NpfacenetError for pictures, lists, weights or runs that cannot be used.
    """
    names = read_people(arguments.lfw / "train_people.txt")
    people = IdentityFolder.of(arguments.lfw / "images", names).with_at_least(2)
    folds = choose_folds(read_pairs(arguments.lfw / "pairs_dev.txt"), [3, 4])
    start = npfacenet.load(arguments.model, variant=arguments.variant)
    before = measure(start, arguments.lfw, folds)
    print(f"{len(people.names)} people, {len(people.paths)} pictures", flush=True)
    print(f"before: {rates(before)}", flush=True)
    steps = CHOICES.steps if arguments.steps is None else arguments.steps
    gains = []
    for seed in range(arguments.seeds):
        run = arguments.runs / f"{arguments.variant}-{seed}"
        model = fine_tuned(start, people, run, seed, steps)
        after = measure(model, arguments.lfw, folds)
        gains.append(after.accuracy.mean - before.accuracy.mean)
        print(f"seed {seed}: {rates(after)}, gain {gains[-1]:+.4f}", flush=True)
    spread = statistics.stdev(gains) if len(gains) > 1 else 0.0
    print(f"gain: {statistics.mean(gains):+.4f}, standard deviation over seeds {spread:.4f}")
    report_heads(model, people, arguments.lfw, folds)
