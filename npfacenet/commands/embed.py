"""`npfacenet embed IMAGES... -o out.npz`: turn pictures into vectors in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from npfacenet.commands import options
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, OutputError, quoted
from npfacenet.files.atomic import atomic_file, require_writable, writing_in
from npfacenet.models import Embeddings


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "embed",
        help="turn pictures into vectors",
        description="Turn pictures of faces into vectors of unit length and write them to a NumPy "
        "file: `embeddings` float32 (N, D), `sources` (N,), `fingerprint` of the model.",
        epilog="Example: npfacenet embed people/*.jpg -o people.npz",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="pictures of faces")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT.npz", help="the file to write"
    )
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures that cannot be read, instead of stopping",
    )
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Embed, write the file and print a summary; return 0."""
    target = Path(arguments.output)
    if target.suffix != ".npz":  # or `embed -o *.jpg` would overwrite a picture
        raise OutputError(f"the output must be called NAME.npz, not {quoted(arguments.output)}")
    require_writable(target)
    model = options.load_model(arguments)
    with ProgressBar() as progress:
        embeddings = model.embed(
            arguments.images,
            on_error="skip" if arguments.skip_errors else "raise",
            progress=progress,
        )
    for skipped in embeddings.skipped:
        options.note(f"skipped: {skipped.reason}")
    if not len(embeddings):
        raise ArgumentError("none of the pictures could be read; nothing was written")
    write(embeddings, target)
    if arguments.json:
        options.print_json(
            {
                "output": str(target),
                "count": len(embeddings),
                "skipped": [skipped.as_json() for skipped in embeddings.skipped],
                **options.model_keys(model),
            }
        )
    else:
        numbers = embeddings.values.shape[1]
        print(f"{len(embeddings)} pictures, {numbers} numbers each, written to {target}")
    return 0


def write(embeddings: Embeddings, target: Path) -> None:
    """Write embeddings to a NumPy file that appears whole or not at all."""
    with writing_in(target.parent), atomic_file(target) as file:
        np.savez(
            file,
            embeddings=embeddings.values,
            sources=np.array(embeddings.sources),
            fingerprint=np.array(embeddings.fingerprint),
        )
