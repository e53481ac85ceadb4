"""`npfacenet embed IMAGES... -o out.npz`: turn pictures into vectors in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from npfacenet.commands import options
from npfacenet.commands.embedding_parts import PICTURES, EmbeddingParts, pictures_in
from npfacenet.commands.face_notes import faces_as_json, note_choices, note_skipped
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import ArgumentError, OutputError, quoted
from npfacenet.faces.choice import CHOICES
from npfacenet.files.atomic import require_writable


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "embed",
        help="turn pictures into vectors",
        description="Turn pictures of people into vectors of unit length and write them to a NumPy "
        "file: `embeddings` float32 (N, D), one row for each face; `sources` (N,), its picture, "
        "and `positions` (N,), that picture's place among the arguments, from 0; `fingerprint` "
        "and `preparation`, text, which must be the same for vectors that are compared. If a "
        "detector found the faces: `boxes` (N, 4), left, top, right and bottom in pixels of the "
        "upright picture, `scores` (N,), `landmarks` (N, 5, 2), and `face_indices` and "
        "`face_counts` (N,), which face of how many it is. `facts`, JSON, has the threshold and "
        "what was skipped. npfacenet.Embeddings.load reads all of it. Of more than 1,000 pictures, "
        "each thousand is saved when it is done: the same command goes on after a stop.",
        epilog="Examples: npfacenet embed people/*.jpg -o people.npz; "
        "npfacenet embed archive/ -o archive.npz --skip-errors",
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE",
        help="pictures of people, or folders: all pictures in them and below",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT.npz", help="the file to write"
    )
    parser.add_argument(
        "--skip-errors",
        action="store_true",
        help="skip and report pictures that cannot be used, instead of stopping",
    )
    options.add_faces(parser, CHOICES)
    options.add_model(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Embed, write the file and print a summary; return 0."""
    target = Path(arguments.output)
    if target.suffix != ".npz":  # or `embed -o *.jpg` would overwrite a picture
        raise OutputError(f"the output must be called NAME.npz, not {quoted(arguments.output)}")
    require_writable(target)
    choices = options.face_choices(arguments, CHOICES)
    model = options.load_model(arguments)
    on_error: Literal["raise", "skip"] = "skip" if arguments.skip_errors else "raise"
    sources = pictures_in(arguments.images)
    parts = EmbeddingParts(target, model, choices, on_error, sources)
    with ProgressBar() as progress:
        if len(sources) > PICTURES:
            embeddings = parts.embed(progress)
        else:
            embeddings = model.embed(sources, **choices, on_error=on_error, progress=progress)
    note_skipped(embeddings.skipped)
    if not len(embeddings):
        raise ArgumentError("none of the pictures could be used; nothing was written")
    embeddings.save(target)
    parts.remove()
    note_choices(embeddings, arguments.choose)
    if arguments.json:
        options.print_json(
            {
                "output": str(target),
                "count": len(embeddings),
                "sources": list(embeddings.sources),
                "positions": list(embeddings.positions),
                "faces": faces_as_json(embeddings),
                "skipped": [skipped.as_json() for skipped in embeddings.skipped],
                **options.model_keys(model, embeddings.preparation),
            }
        )
    else:
        numbers = embeddings.values.shape[1]
        counted = options.counted(len(set(embeddings.positions)), "picture")
        if arguments.choose == "all":
            counted = f"{options.counted(len(embeddings), 'face')} of {counted}"
        print(f"{counted}, {numbers} numbers each, written to {target}")
    return 0
