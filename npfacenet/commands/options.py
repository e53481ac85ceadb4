"""Options that several commands share, and printing results and remarks."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from npfacenet.commands.streams import say_error as say_error
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    listed,
    printable,
    quoted,
    shortened,
)
from npfacenet.faces import DETECTORS
from npfacenet.faces.choice import ONE_OF, Choice
from npfacenet.models import Embeddings, Model, load
from npfacenet.models.embeddings import Skipped
from npfacenet.models.face_options import FaceChoices as FaceChoices
from npfacenet.recipes.preparation import Preparation
from npfacenet.recognition.people_folder import first_few
from npfacenet.zoo.packaged import DEFAULT_MODEL

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add `--model` and the options of a model."""
    group = add_weights(parser, "model")
    group.add_argument(
        "--preprocessing", help="unit, fixed or prewhiten, instead of what the model's card says"
    )


def add_weights(parser: argparse.ArgumentParser, title: str) -> argparse._ArgumentGroup:
    """Add a group with `--model`, `--variant` and `--untrusted`, and return it."""
    group = parser.add_argument_group(title)
    group.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME|FILE",
        help="npfacenet-small (the default), nn4.small2, inception-resnet-v1 or a weight file",
    )
    group.add_argument("--variant", help="of nn4.small2: course (default) or openface")
    group.add_argument(
        "--untrusted",
        action="store_true",
        help="read the weight file in a child process with limits on time and memory",
    )
    return group


def add_faces(
    parser: argparse.ArgumentParser,
    choices: Sequence[Choice] = ONE_OF,
    default: Choice = "largest",
) -> None:
    """Add the options that say which part of a photograph is embedded."""
    group = parser.add_argument_group(
        "faces",
        "Some models are for faces that a detector has found, others for pictures that are cropped "
        "to the face already. The model's card says which (npfacenet weights info MODEL); these "
        "options choose otherwise. Only pictures prepared in the same way can be compared, each "
        "way with a threshold of its own.",
    )
    group.add_argument(
        "--detect",
        metavar="NAME|PATH",
        help=f"find and align faces with this detector: {_detectors()}, or the path of its weights",
    )
    group.add_argument(
        "--no-detect",
        action="store_true",
        help="the pictures are cropped to the face already: use the central square of each",
    )
    group.add_argument(
        "--crop",
        type=int,
        metavar="N",
        help="use the central N x N pixels of each picture, without a detector",
    )
    group.add_argument(
        "--choose",
        metavar="WHICH",
        help=f"which face of a photograph that shows several: {_explained(choices, default)}",
    )
    add_smallest_face(group)
    group.add_argument(
        "--least-score",
        type=float,
        metavar="P",
        help="faces with lower scores do not count (default: 0.65 for finder, 0.85 for mtcnn, "
        "0.7 for yunet)",
    )


def _detectors() -> str:
    first, *others = DETECTORS
    return f"{first} (which comes with npfacenet), {', '.join(others)}"


def _explained(choices: Sequence[Choice], default: Choice) -> str:
    meaning = {
        "largest": "largest",
        "central": "central (nearest to the middle of the picture)",
        "only": "only (it is an error if there are several)",
        "all": "all (each face for itself)",
    }
    explained = meaning[default]
    meaning[default] = (
        f"{explained[:-1]}; the default)" if "(" in explained else f"{explained} (the default)"
    )
    *some, last = (meaning[choice] for choice in choices)
    return f"{', '.join(some)} or {last}"


def add_smallest_face(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add `--smallest-face`."""
    parser.add_argument(
        "--smallest-face",
        type=float,
        metavar="N",
        help="side in pixels of the smallest face that counts (default: about 20, or a fortieth of "
        "the picture's longer side if that is more)",
    )


def face_choices(arguments: argparse.Namespace, choices: Sequence[Choice] = ONE_OF) -> FaceChoices:
    """Return what the options of `add_faces` say; raise ArgumentError if they contradict."""
    stated = {
        "--detect": arguments.detect is not None,
        "--no-detect": arguments.no_detect,
        "--crop": arguments.crop is not None,
    }
    if len(both := [name for name, given in stated.items() if given]) > 1:
        raise ArgumentError(f"{both[0]} and {both[1]} exclude each other: give one of them")
    if arguments.choose is not None and arguments.choose not in choices:
        raise ArgumentError(
            f"--choose takes one of {', '.join(choices)} here, not {quoted(arguments.choose)}"
        )
    return {
        "detect": False if arguments.no_detect else arguments.detect,
        "crop": arguments.crop,
        "choose": arguments.choose,
        "smallest_face": arguments.smallest_face,
        "least_score": arguments.least_score,
    }


def face_words(arguments: argparse.Namespace) -> list[str]:
    """Return the options of `add_faces` that were given, as words of a command."""
    words = ["--no-detect"] if arguments.no_detect else []
    for name in ("detect", "crop", "choose", "smallest_face", "least_score"):
        value = getattr(arguments, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """Add `--threshold`."""
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="D",
        help="the largest distance that counts as the same person (default: what the model's card "
        "says for pictures prepared in this way)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def model_options(arguments: argparse.Namespace) -> list[str]:
    """Return the options of `add_model` that were given, as words of a command."""
    words = []
    for name in ("model", "variant", "preprocessing"):
        value = getattr(arguments, name)
        if value is not None and value != (DEFAULT_MODEL if name == "model" else None):
            words += [f"--{name}", str(value)]
    return [*words, "--untrusted"] if arguments.untrusted else words


def load_model(arguments: argparse.Namespace) -> Model:
    """Load the model that the options name."""
    return load(
        arguments.model,
        variant=arguments.variant,
        preprocessing=arguments.preprocessing,
        untrusted=arguments.untrusted,
    )


def print_json(result: Mapping[str, object] | Sequence[object]) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(result, indent=2))


def say(line: str) -> None:
    """Print one line on standard output, without control characters."""
    print(printable(line))


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return a number of things in words.

    >>> counted(1, "picture"), counted(2, "picture"), counted(0, "person", "people")
    ('1 picture', '2 pictures', '0 people')
    """
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def note_passed_over(folder: str | os.PathLike[str], passed_over: Sequence[Skipped]) -> None:
    """Print one remark on the files of a folder that were passed over, if there are any."""
    if passed_over:
        where = os.fsdecode(folder)
        note(f"passed over {len(passed_over)} in {where}: {first_few(passed_over, folder)}")


def note(sentence: str) -> None:
    """Print a remark for people on standard error."""
    say_error(f"note: {sentence}")


def model_keys(model: Model, preparation: Preparation | None = None) -> dict[str, object]:
    """Return what every JSON result states about its model, and how pictures were prepared.

    `preparation` is that of this call; None stands for the card's.
    """
    used = model.card.preparation if preparation is None else preparation
    return {
        "model": {
            "architecture": model.card.architecture,
            "variant": model.card.variant,
            "preprocessing": model.card.preprocessing,
            "fingerprint": model.fingerprint_of(used),
        },
        "preparation": str(used),
    }


def require_threshold(model: Model, threshold: float | None, compared: Embeddings) -> None:
    """Raise EmbeddingError if no threshold is stated, and none was measured for this preparation.

    The message says which the card has.
    """
    if threshold is not None or compared.threshold is not None:
        return
    card = model.card
    known = [f"{m.threshold.value:g} for {m.preparation}" for m in card.measured]
    measured = f" (known are: {listed(known)})" if known else ""
    raise EmbeddingError(
        f"the card of {shortened(card.architecture, 40)} has no threshold for pictures prepared "
        f"as {compared.preparation}{measured}: state one with --threshold, prepare them otherwise "
        "(--detect, --no-detect, --crop), or measure one (npfacenet evaluate lfw --help)"
    )


def evidence(threshold: float | None, compared: Embeddings) -> str:
    """Return the evidence of the threshold: the command line, or the card for this preparation."""
    if threshold is not None:
        return "stated on the command line"
    return "none" if compared.threshold is None else printable(compared.threshold.evidence)
