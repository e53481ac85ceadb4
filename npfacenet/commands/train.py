"""`npfacenet train`: fine-tune a network, or train one from scratch, on a folder of people."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from importlib.util import find_spec
from typing import Literal

from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.run_origin import (
    begun_with,
    identity_folder,
    resumed_choices,
    starting_model,
    teaching_model,
)
from npfacenet.commands.train_options import FACES, HELP, add_options, choices
from npfacenet.errors import ArgumentError, printable
from npfacenet.faces import DETECTORS
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.models import Model
from npfacenet.training import Callbacks, StepReport, Trained, train
from npfacenet.training.identity_folder import OnError
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.validation import Split

EXAMPLE = "Example: npfacenet train people --run run1 --detect finder --steps 500"


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="fine-tune a network, or train one from scratch",
        description="Train on FOLDER, which holds NAME/*.jpg of each person. What is cut out of "
        "each picture, the face that a detector finds or the centre, is what the model's card says "
        "or these options choose; the card of the trained weights states it, so that verify, "
        "identify and embed do the same with photographs. The run's folder receives the "
        "configuration, a log, checkpoints, curves and the best weights, which --model takes. "
        "--resume continues an interrupted run.",
        epilog=EXAMPLE,
    )
    add_options(parser)
    parser.set_defaults(run=run, model=None)


def run(arguments: argparse.Namespace) -> int:
    """Train, draw the curves and print the result; return 0."""
    resumed = arguments.resume is not None
    if resumed == (arguments.run_folder is not None) or resumed == (arguments.folder is not None):
        raise ArgumentError(f"give FOLDER and --run DIR, or --resume DIR alone. {EXAMPLE}")
    folder = RunFolder(arguments.resume if resumed else arguments.run_folder)
    if resumed:
        configuration, about = resumed_choices(
            folder, arguments, [*HELP, *FACES, "loss", "augment", "plain"]
        )
    else:
        configuration, about = choices(arguments), begun_with(arguments)
    on_error: OnError = "skip" if about["skip_errors"] else "raise"
    with ProgressBar() as bar:

        def begins(split: Split) -> None:
            bar.erase()
            options.note(str(split))
            if arguments.validate is not None and not split.held_out:
                options.note(
                    "with nobody held out, --validate says how often the last weights are written"
                )

        def watch(report: StepReport) -> None:
            bar(step_line(report), report.step, report.steps)

        bar("loading", 0, None)
        trained = train(
            starting_model(about, configuration.seed),
            identity_folder(about),
            folder.path,
            configuration,
            teacher=teaching_model(about),
            resume=resumed,
            about=about,
            threads=arguments.threads,
            callbacks=Callbacks(watch, bar, begins),
            on_error=on_error,
        )
    draw_curves(folder)
    report(trained, folder, str(about["folder"]), configuration.detect, as_json=arguments.json)
    return 0


def step_line(report: StepReport) -> str:
    """Return one step in a few words, for the progress bar."""
    shares = [
        f"{name} {value:.0%}"
        for name, value in report.measures.items()
        if name in ("active", "accuracy", "cosine")
    ]
    return ", ".join(
        [f"loss {report.loss:.4f}", *shares, f"{report.images_per_second:.0f} images/s"]
    )


def draw_curves(folder: RunFolder) -> None:
    """Draw the curves of the log if matplotlib is installed; else say what is missing."""
    if find_spec("matplotlib") is None:
        options.note("no curves.png: it needs matplotlib (pip install 'npfacenet[plot]')")
        return
    from npfacenet.training.plots import plot_run

    with writing_in(folder.path), atomic_file(folder.curves) as file:
        plot_run(file, folder.entries(), folder.path.name)


def report(
    trained: Trained,
    folder: RunFolder,
    people: str,
    detect: str | Literal[False] | None,
    *,
    as_json: bool,
) -> None:
    """Print the result, for people or as JSON; `detect` is what found the faces."""
    found = trained.validation
    options.note_passed_over(people, trained.skipped)
    for remark in trained.remarks:
        options.note(remark)
    if as_json:
        result: dict[str, object] = {"step": trained.step, "ended": trained.ended}
        for name in ("validation", "start", "end", "split"):
            value = getattr(trained, name)
            result[name] = None if value is None else asdict(value)
        result |= {"remarks": trained.remarks, "skipped": [asdict(s) for s in trained.skipped]}
        options.print_json(
            result | {"weights": str(folder.best)} | options.model_keys(trained.model)
        )
        return
    print(f"ended: {trained.ended}")
    if found is not None:
        print(f"best at step {trained.step}: area under ROC {found.area:.4f}, accuracy ", end="")
        print(f"{found.accuracy:.4f} on pairs of held-out people")
    else:
        print("nobody was held out: these are the last weights, and nothing says how good they are")
    print(f"weights: {folder.best}")
    card = trained.model.card
    threshold = "" if card.threshold is not None else " --threshold D"
    # No name leads to a detector whose weights are not the public ones.
    own = card.preparation.detector is not None and card.preparation.detector not in DETECTORS
    by = f" --detect {detect}" if own and detect else ""
    print(f"use them: npfacenet verify A.jpg B.jpg --model {folder.best}{by}{threshold}")
    if threshold:
        print("their card has no threshold: too few held-out pairs to carry one")
    print(printable(seen_by(trained.model)))


def seen_by(model: Model) -> str:
    """Return a sentence on what a trained model sees of a photograph."""
    seen = model.card.preparation
    if seen.detector is not None:
        return (
            f"they know faces that {seen.detector} finds, aligned ({seen.alignment}); their card "
            "says so, and photographs are treated so"
        )
    if seen.crop is not None:
        return (
            f"they know faces by the central {seen.crop} pixels of such pictures; their card says "
            "so, and pictures are cropped so"
        )
    return "they know pictures that are cropped to the face, by their central square"
