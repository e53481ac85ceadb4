"""`npfacenet train`: fine-tune a network, or train one from scratch, on a folder of people."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from importlib.util import find_spec
from pathlib import Path

from npfacenet.cards import derived_card
from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.commands.run_origin import begun_with, identity_folder, resumed_choices
from npfacenet.errors import ArgumentError
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.models import Model, load
from npfacenet.recipes import recipes
from npfacenet.training import (
    Augmentation,
    Callbacks,
    Configuration,
    StepReport,
    Trained,
    train,
)
from npfacenet.training.identity_folder import OnError
from npfacenet.training.objectives import LOSSES
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.validation import Split

DEFAULTS = Configuration()
EXAMPLE = "Example: npfacenet train people --run run1 --crop 150 --steps 500"
HELP = {
    "margin": "of the triplet loss (default 0.2) or the angular margin (0.3)",
    "identities": "people in a batch",
    "pictures": "pictures of each, at most",
    "steps": "how many batches",
    "optimizer": "adam or sgd",
    "learning_rate": "its largest value",
    "momentum": "of sgd; of adam beta1",
    "weight_decay": "decoupled from the gradient",
    "schedule": "of the learning rate: constant, cosine or steps",
    "warm_up": "steps in which the learning rate grows",
    "clip": "the largest norm of a gradient; 0: any",
    "statistics": "of batch norm: batch, or moving (kept as they are)",
    "learn_from": "the first layer or block that learns (default: all do)",
    "average": "decay of a moving average of the weights, e.g. 0.99; 0: none",
    "crop": "pixels a side taken from the centre of each picture",
    "held_out": "share of the people on whom the run is validated",
    "validate": "steps between validations",
    "patience": "end after so many validations without a better one; 0: never",
    "shards": "parts of a batch that are worked on side by side",
    "save": "steps between checkpoints",
    "seed": "of all that is drawn",
}


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="fine-tune a network, or train one from scratch",
        description="Train on FOLDER, which holds NAME/*.jpg of each person, cropped to the face. "
        "The run's folder receives the configuration, a log, checkpoints, curves and the best "
        "weights, which --model takes. Interrupted runs go on with --resume.",
        epilog=EXAMPLE,
    )
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="holds NAME/*.jpg")
    parser.add_argument("--run", dest="run_folder", metavar="DIR", help="the new run's folder")
    parser.add_argument("--resume", metavar="DIR", help="go on with the run in this folder")
    parser.add_argument("--people", metavar="FILE", help="only the people named in it, one a line")
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="leave out pictures that cannot be read, and say which, instead of stopping",
    )
    parser.add_argument(
        "--fresh", metavar="NAME", help="begin with drawn weights of nn4.small2 or another network"
    )
    parser.add_argument("--teacher", metavar="NAME|FILE", help="whose embeddings to match")
    parser.add_argument(
        "--loss",
        action="append",
        metavar="NAME[:WEIGHT]",
        help=f"{', '.join(LOSSES)}, or triplet, which is semi-hard; may be given several times "
        f"(default: {DEFAULTS.loss[0]})",
    )
    parser.add_argument(
        "--plain", action="store_true", help="show every picture as it is, without augmentation"
    )
    parser.add_argument(
        "--augment", action="append", metavar="NAME=N", help="e.g. rotation=3, erase=0, shift=0.1"
    )
    parser.add_argument("--threads", type=int, help="shards at a time (default: the cores)")
    group = parser.add_argument_group("choices")
    for name, about in HELP.items():
        default = getattr(DEFAULTS, name)
        shown = "" if default is None else f" (default: {default})"
        kind = float if name == "margin" else int if name == "crop" else str
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind if default is None else type(default),
            metavar="NAME" if isinstance(default, str) or name == "learn_from" else "N",
            help=about + shown,
        )
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run, model=None)


def run(arguments: argparse.Namespace) -> int:
    """Train, draw the curves, say what came out; 0 when done."""
    resumed = arguments.resume is not None
    if resumed == (arguments.run_folder is not None) or resumed == (arguments.folder is not None):
        raise ArgumentError(f"give FOLDER and --run DIR, or --resume DIR alone. {EXAMPLE}")
    folder = RunFolder(arguments.resume if resumed else arguments.run_folder)
    if resumed:
        configuration, about = resumed_choices(
            folder, arguments, [*HELP, "loss", "augment", "plain"]
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
    report(trained, folder, str(about["folder"]), configuration.crop, as_json=arguments.json)
    return 0


def choices(arguments: argparse.Namespace) -> Configuration:
    """The configuration that the options state."""
    given = {name: getattr(arguments, name) for name in HELP}
    stated = {name: value for name, value in given.items() if value is not None}
    if arguments.loss is not None:
        stated["loss"] = tuple(arguments.loss)
    plain = Augmentation.none() if arguments.plain else Augmentation()
    stated["augmentation"] = asdict(plain) | augmented(arguments.augment or [])
    return replace(DEFAULTS, **stated)


def augmented(texts: Sequence[str]) -> dict[str, float]:
    """The fields and values in "rotation=3"; ArgumentError for anything else."""
    known = [field.name for field in fields(Augmentation) if isinstance(field.default, float)]
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = float("nan")
        if name not in known or found[name] != found[name]:
            raise ArgumentError(f"--augment takes NAME=NUMBER of {', '.join(known)}, not {text!r}")
    return found


def starting_model(about: Mapping[str, object], seed: int) -> Model:
    """The model to begin with: loaded, or with drawn weights."""
    names = ("fresh", "model", "variant", "preprocessing")
    fresh, name, variant, scaling = (_text(about[key]) for key in names)
    if fresh is None:
        untrusted = bool(about["untrusted"])
        return load(str(name), variant=variant, preprocessing=scaling, untrusted=untrusted)
    recipe = recipes(fresh, variant)[0]
    network = recipe.build()
    card = derived_card(recipe, network.input_shape[0], Path("drawn weights"))
    card = replace(card, threshold=None, source=f"drawn weights, seed {seed}")
    if scaling is not None:
        card = replace(card, preprocessing=scaling)
    return Model(network, network.initialise(seed), card)


def teaching_model(about: Mapping[str, object]) -> Model | None:
    """The model whose embeddings are to be matched, if there is one."""
    name = _text(about["teacher"])
    return None if name is None else load(name, untrusted=bool(about["untrusted"]))


def step_line(report: StepReport) -> str:
    """One step in a few words."""
    shares = [
        f"{name} {value:.0%}"
        for name, value in report.measures.items()
        if name in ("active", "accuracy", "cosine")
    ]
    return ", ".join(
        [f"loss {report.loss:.4f}", *shares, f"{report.images_per_second:.0f} images/s"]
    )


def draw_curves(folder: RunFolder) -> None:
    """Draw the log, where matplotlib is installed."""
    if find_spec("matplotlib") is None:
        options.note("no curves.png: that needs matplotlib (pip install 'npfacenet[plot]')")
        return
    from npfacenet.training.plots import plot_run

    with writing_in(folder.path), atomic_file(folder.curves) as file:
        plot_run(file, folder.entries(), folder.path.name)


def report(
    trained: Trained, folder: RunFolder, people: str, crop: int | None, *, as_json: bool
) -> None:
    """What came out, for people or programs."""
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
    threshold = "" if trained.model.card.threshold is not None else " --threshold D"
    print(f"use them: npfacenet verify A.jpg B.jpg --model {folder.best}{threshold}")
    if threshold:
        print("their card has no threshold: too few held-out pairs to carry one")
    if crop is not None:
        print(f"they know faces by the central {crop} pixels of such pictures: crop others so")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
