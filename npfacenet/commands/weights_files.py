"""`npfacenet weights info | convert | add`: describing weight files, converting and adding them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from npfacenet.cards import Card
from npfacenet.commands import options
from npfacenet.commands.card_lines import card_lines
from npfacenet.commands.progress_bar import amount
from npfacenet.errors import WeightsError
from npfacenet.recipes.selection import choices_of

if TYPE_CHECKING:
    from npfacenet.zoo.description import Description

KINDS = ("missing", "unexpected", "mis_shaped", "not_finite", "untrained", "unreadable")

_CONVERT = """\
Convert a weight file to another layout: npfacenet (the library's own: fastest to
open, keeps the model's card, checksums every tensor), keras2-weights or
keras3-weights (called NAME.weights.h5, as Keras wants it). The result is read back
and compared. Only the first has room for the card: with the other two, variant and
preprocessing have to be stated when the file is loaded."""


def add_parsers(subparsers: options.Subparsers) -> None:
    """Add the three commands."""
    info = subparsers.add_parser(
        "info",
        help="say what a weight file holds",
        description="Say which layout and network a weight file has, with its tensors, card and "
        "fingerprint; of a file that is not a known network, what is missing, unexpected or "
        "mis-shaped. A child process reads it first. A detector's folder: each of its networks. "
        "Exit code 0: a known network, 1: not, 2: not a weight file.",
        epilog="example: npfacenet weights info facenet_keras.h5",
    )
    info.add_argument("file", metavar="FILE", help="a weight file or folder, or a name")
    info.add_argument("--tensors", action="store_true", help="list every tensor")
    info.set_defaults(run=run_info)

    convert = subparsers.add_parser(
        "convert",
        help="write a weight file in another layout",
        description=_CONVERT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: npfacenet weights convert facenet_keras.h5 facenet.h5 --half",
    )
    convert.add_argument("source", metavar="IN", help="a weight file or folder, or a name")
    convert.add_argument("target", metavar="OUT", help="the file to write")
    convert.add_argument("--layout", default="npfacenet", help="default: npfacenet")
    convert.add_argument("--half", action="store_true", help="store kernels as float16")
    convert.add_argument("--variant", help=choices_of("variant"))
    convert.add_argument("--preprocessing", help="for the card: unit, fixed or prewhiten")
    convert.set_defaults(run=run_convert)

    adding = subparsers.add_parser(
        "add",
        help="take a weight file into the cache under a name",
        description="Take a weight file into your cache folder, so that it can be loaded by name. "
        "A file that the manifest does not know is opened in a child process first. An ONNX file "
        "of a detector is rewritten in the library's own layout; YuNet's takes the name yunet. A "
        "folder of MTCNN's networks (pnet.onnx, rnet.onnx, onet.onnx) takes the name mtcnn.",
        epilog="example: npfacenet weights add ~/Downloads/my.h5 --name my-facenet",
    )
    adding.add_argument("file", metavar="FILE", help="a weight file, or MTCNN's folder")
    adding.add_argument("--name", help="default: the manifest's, else the file's own")
    adding.set_defaults(run=run_add)

    for command in (info, convert, adding):
        options.add_json(command)


def run_info(arguments: argparse.Namespace) -> int:
    """Print what a file, or each network of a detector's folder, holds.

    Returns 0 for known networks, 1 for others.
    """
    from npfacenet.checkpoints.isolation import require_harmless
    from npfacenet.zoo.description import describe_file
    from npfacenet.zoo.lookup import find, network_files

    path = find(arguments.file)
    files = network_files(path)
    described = []
    for file in files:
        require_harmless(file)
        described.append(describe_file(file))
    if arguments.json:
        each = [asdict(one) for one in described]
        options.print_json(each[0] if files == [path] else each)
    else:
        for number, one in enumerate(described):
            if number:
                options.say("")
            say_description(one, tensors=arguments.tensors)
    return 0 if all(one.complete for one in described) else 1


def say_description(described: Description, *, tensors: bool) -> None:
    """Print for people what a file holds, line by line; `tensors` adds a line for each."""
    options.say(f"file           {described.path}")
    options.say(f"layout         {described.layout}")
    options.say(f"network        {described.network}")
    options.say(f"tensors        {len(described.tensors)}, {described.numbers:,} numbers")
    if described.card is not None:
        for field in ("variant", "preprocessing", "source", "licence"):
            options.say(f"{field:14} {getattr(described.card, field) or 'none'}")
        for line in card_lines(described.card):
            options.say(line)
    if described.fingerprint is not None:
        options.say(f"fingerprint    {described.fingerprint}")
    for kind in KINDS:
        for line in getattr(described, kind):
            options.say(f"{kind.replace('_', '-'):14} {line}")
    for name, shape in described.tensors.items() if tensors else ():
        options.say(f"  {name:48} {'x'.join(map(str, shape))}")


def run_convert(arguments: argparse.Namespace) -> int:
    """Convert, read back, compare, print; 0 when done."""
    from npfacenet.checkpoints.conversion import (
        require_describable,
        require_target,
        unstored_choices,
        write_checkpoint,
    )
    from npfacenet.models import load

    target, layout, half = Path(arguments.target), arguments.layout, arguments.half
    require_target(target, layout, half=half)
    model = load(arguments.source, variant=arguments.variant, preprocessing=arguments.preprocessing)
    require_describable(model.card, layout)
    write_checkpoint(target, model.network, model.parameters, model.card, layout=layout, half=half)
    choices = unstored_choices(model.card, layout)
    written = load(
        target, variant=choices.get("variant"), preprocessing=choices.get("preprocessing")
    )
    if not half and written.fingerprint_of(model.card.preparation) != model.fingerprint:
        raise WeightsError(f"{target} does not hold what was written; the disk may be failing")
    size = target.stat().st_size
    if arguments.json:
        options.print_json(
            {
                "output": str(target),
                "layout": layout,
                "size": size,
                "fingerprint": written.fingerprint,
                "load_with": choices,
            }
        )
    else:
        rounded = ", kernels rounded to float16" if half else ""
        options.say(f"{target}: {layout}, {amount(size, 'bytes')}{rounded}")
    _note_losses(layout, model.card, written.card, choices)
    return 0


def _note_losses(layout: str, card: Card, kept: Card, choices: dict[str, str]) -> None:
    """Say what a converted file no longer holds, and what to state when it is loaded."""
    told = ("threshold", "other_thresholds", "licence", "trained_on", "preparation")
    lost = [name.replace("_", " ") for name in told if getattr(kept, name) != getattr(card, name)]
    if lost:
        options.note(
            f"the layout {layout} holds no card: {', '.join(lost)} stay behind; the "
            f"licence is: {card.licence}"
        )
    if kept.preparation != card.preparation:
        options.note(
            f"this model is for pictures prepared as {card.preparation}; without a card its file "
            f"prepares them as {kept.preparation}, unless --detect, --no-detect or --crop says "
            "otherwise"
        )
    if choices:
        stated = " ".join(f"--{name} {value}" for name, value in choices.items())
        options.note(
            f"the layout {layout} has no room for {' and '.join(choices)}: loaded "
            f"without {stated}, this file gives another model, with other embeddings"
        )


def run_add(arguments: argparse.Namespace) -> int:
    """Check a file and copy it into the cache; print where it is now."""
    from npfacenet.zoo.adding import add

    path = add(Path(arguments.file), arguments.name, remark=options.note)
    if arguments.json:
        options.print_json({"name": path.stem, "path": str(path)})
    else:
        print(path)
    return 0
