"""`npfacenet summary MODEL`: the layers of a network."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

from npfacenet.cards import Card, derived_card, input_size_of, with_known_thresholds
from npfacenet.commands import options
from npfacenet.commands.card_lines import card_lines
from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers import Shape
from npfacenet.models import load
from npfacenet.networks import Network, OpenShape, Outputs, Summary, summarise
from npfacenet.recipes import recipes
from npfacenet.recipes.selection import architectures, choices_of

LONGEST_SIZE = 13


def add_parser(subparsers: options.Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "summary",
        help="list a network's layers, shapes, parameters and multiply-adds",
        description="List the layers of a network with the shape of their output, the numbers "
        "they hold and the multiply-adds they cost for one picture; how photographs are prepared "
        "for it, and the thresholds that were measured. A name needs no weights.",
        epilog="Example: npfacenet summary nn4.small2 --variant openface",
    )
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", help=f"{', '.join(architectures())} or a file"
    )
    parser.add_argument("--model", dest="named", metavar="MODEL", help="the same, as an option")
    parser.add_argument("--variant", help=choices_of("variant"))
    parser.add_argument("--outputs", type=int, help=choices_of("outputs"))
    parser.add_argument(
        "--size",
        metavar="HEIGHTxWIDTH",
        help="of the pictures to count for, such as 320x320, for a network that takes any",
    )
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build the network, or load it from its file, and print its table."""
    model = described(arguments)
    summary = summarise(model.network, picture_shape(arguments.size))
    if arguments.json:
        totals = {"parameters": summary.parameters, "multiply_adds": total_cost(summary)}
        layers = [asdict(row) for row in summary.rows]
        about = {
            "name": summary.name,
            "input_shape": summary.input_shape,
            "outputs": summary.outputs,
        }
        options.print_json(about | totals | thresholds(model.card) | {"layers": layers})
    else:
        print_table(summary)
        for line in card_lines(model.card):
            options.say(line)
    return 0


@dataclass(frozen=True, eq=False)
class Described:
    """A network, and what is known of it."""

    network: Network[Outputs]
    card: Card


def described(arguments: argparse.Namespace) -> Described:
    """Return the network with this name of an architecture, or the one in this file."""
    name = arguments.model if arguments.named is None else arguments.named
    if name is None or (arguments.model and arguments.named):
        raise ArgumentError(f"summary takes one MODEL: {', '.join(architectures())} or a file")
    if name in architectures():
        recipe = recipes(name, arguments.variant, arguments.outputs)[0]
        network = recipe.build()
        card = derived_card(recipe, input_size_of(network), Path(name))
        return Described(network, with_known_thresholds(card, recipe, measured=True))
    parts = [known for known in architectures() if known.startswith(f"{name}-")]
    if len(parts) > 1:
        raise ArgumentError(f"{name} is {len(parts)} networks, {', '.join(parts)}: name one")
    if arguments.outputs is not None:
        raise ArgumentError("--outputs is for a name; the outputs of a file are fixed")
    model = load(name, variant=arguments.variant)
    return Described(model.network, model.card)


def thresholds(card: Card) -> dict[str, object]:
    """Return the preparation and the thresholds for programs; nothing without embeddings."""
    if card.purpose != "embedding":
        return {}
    each = [{"preparation": str(m.preparation), **asdict(m.threshold)} for m in card.measured]
    return {"preparation": str(card.preparation), "thresholds": each}


def print_table(summary: Summary) -> None:
    """Print the table for people: a line for each layer, totals at the end."""
    width = max(len(row.name) for row in summary.rows)
    print(f"{summary.name}: {shape(summary.input_shape)} pixels in")
    longest = max(12, *(len(shape(row.output_shape)) for row in summary.rows))
    print(f"{'':{width}}  {'output':>{longest}}  {'numbers':>10}  {'multiply-adds':>13}")
    for row in summary.rows:
        numbers = f"{row.parameters:,}" if row.parameters else ""
        cost = f"{row.multiply_adds:,}" if row.multiply_adds else ""
        size = shape(row.output_shape)
        print(f"{row.name:{width}}  {size:>{longest}}  {numbers:>10}  {cost:>13}  {row.layer}")
    total = total_cost(summary)
    cost = "depends: --size" if total is None else f"{total:,}"
    print(f"{'total':{width}}  {'':>{longest}}  {summary.parameters:>10,}  {cost:>13}".rstrip())
    if len(summary.outputs) > 1:
        print(f"outputs: {', '.join(summary.outputs)}")


def total_cost(summary: Summary) -> int | None:
    """Return the multiply-adds for one picture; None where they depend on its size."""
    known = all(row.multiply_adds is not None for row in summary.rows)
    return summary.multiply_adds if known else None


def picture_shape(size: str | None) -> Shape | None:
    """Return the shape (height, width, 3) that --size states; ArgumentError if it is not one."""
    if size is None:
        return None
    height, _, width = size.partition("x")
    if not (height.isdecimal() and width.isdecimal() and len(size) <= LONGEST_SIZE):
        raise ArgumentError(f"--size is HEIGHTxWIDTH in pixels, not {quoted(size)}")
    return int(height), int(width), 3


def shape(sizes: OpenShape) -> str:
    """Return a shape as people write it: 96x96x3, or any x any x 3 for any height and width."""
    between = " x " if None in sizes else "x"
    return between.join("any" if size is None else str(size) for size in sizes)
