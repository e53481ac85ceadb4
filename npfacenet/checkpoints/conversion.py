"""Writing weight files in any layout, and what has to be stated when they are loaded again."""

from __future__ import annotations

from pathlib import Path

from npfacenet.cards import Card
from npfacenet.checkpoints.layout import Contents, Writer
from npfacenet.checkpoints.layouts import WRITERS
from npfacenet.checkpoints.native import Native
from npfacenet.errors import ArgumentError, quoted
from npfacenet.files.atomic import require_writable
from npfacenet.networks import Network, NetworkParameters, Outputs
from npfacenet.recipes import recipes
from npfacenet.recipes.catalogue import all_recipes

SUFFIXES = {writer.layout: writer.suffixes for writer in WRITERS}
"""The suffixes that files of each writable layout may have."""
WRITABLE = tuple(SUFFIXES)


def write_checkpoint(
    path: Path,
    network: Network[Outputs],
    parameters: NetworkParameters,
    card: Card,
    *,
    layout: str = Native.name,
    half: bool = False,
) -> None:
    """Write a weight file in one of the layouts `WRITABLE`, whole or not at all.

    Only "npfacenet" keeps the card and can store kernels in `half` precision; `unstored_choices`
    tells what to repeat when another one is loaded. Raises ArgumentError for another layout or a
    suffix that is not the layout's, OutputError if the file cannot be written.
    """
    require_layout(path, layout, half=half)
    _writer(layout).write(path, Contents(network, parameters, card, half))


def require_layout(path: Path, layout: str = Native.name, *, half: bool = False) -> None:
    """Raise ArgumentError unless a file of this layout can have this name: before long work.

    Keras tells its two layouts apart by the suffix alone. With `half`, a layout that cannot store
    half precision is refused too.
    """
    writer = _writer(layout)
    if half and not writer.stores_half:
        able = " and ".join(other.layout for other in WRITERS if other.stores_half)
        raise ArgumentError(f"only {able} stores half precision, not {layout}")
    name = path.name.lower() if writer.any_case else path.name
    if not name.endswith(writer.suffixes) or name in writer.suffixes:
        raise ArgumentError(
            f"{quoted(str(path))} cannot be a file of the layout {layout}, which is called "
            f"{' or '.join(f'NAME{suffix}' for suffix in writer.suffixes)}"
        )
    for suffix, other in writer.taken_for.items():
        if name.endswith(suffix):
            raise ArgumentError(
                f"{quoted(str(path))}: Keras would take a file called NAME{suffix} for one of the "
                f"layout {other}, not {layout}; call it NAME{writer.suffixes[0]}"
            )


def require_describable(card: Card, layout: str) -> None:
    """Raise ArgumentError if a file of this layout would hold a network that nothing recognises."""
    stated = (card.architecture, card.outputs)
    known = any((one.architecture, one.outputs) == stated for one in all_recipes())
    if not known and not _writer(layout).keeps_card:
        able = " and ".join(other.layout for other in WRITERS if other.keeps_card)
        raise ArgumentError(
            f"{quoted(card.architecture)} is in no catalogue, and a file of the layout {layout} "
            f"does not describe its network: write {able}, or register it "
            "(npfacenet.recipes.register)"
        )


def require_target(path: Path, layout: str = Native.name, *, half: bool = False) -> None:
    """Raise unless `write_checkpoint` can write there: ArgumentError or OutputError."""
    require_layout(path, layout, half=half)
    require_writable(path)


def unstored_choices(card: Card, layout: str) -> dict[str, str]:
    """Return the arguments of `load` without which a file of this layout gives another model.

    >>> from npfacenet.models import load
    >>> unstored_choices(load(preprocessing="unit").card, "keras2-weights")
    {'preprocessing': 'unit'}
    """
    if _writer(layout).keeps_card:
        return {}
    chosen: dict[str, str] = {}
    read_as = recipes(card.architecture, outputs=card.outputs)[0]
    if card.variant is not None and card.variant != read_as.variant:
        chosen["variant"] = card.variant
        read_as = recipes(card.architecture, card.variant, card.outputs)[0]
    if card.preprocessing != read_as.preprocessing:
        chosen["preprocessing"] = card.preprocessing
    return chosen


def _writer(layout: str) -> Writer:
    for writer in WRITERS:
        if writer.layout == layout:
            return writer
    raise ArgumentError(f"{quoted(layout)} is not written; there are {', '.join(WRITABLE)}")
