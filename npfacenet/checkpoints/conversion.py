"""From one layout of weight files to another."""

from __future__ import annotations

from pathlib import Path

from npfacenet.cards import PREPROCESSING, Card
from npfacenet.checkpoints.keras2 import KerasWeights, write_keras_weights
from npfacenet.checkpoints.keras3 import Keras3Weights, write_keras3_weights
from npfacenet.checkpoints.native import Native, write_native
from npfacenet.errors import ArgumentError, quoted
from npfacenet.files.atomic import require_writable
from npfacenet.networks import Network, NetworkParameters
from npfacenet.recipes import recipes

KERAS_3 = ".weights.h5"
SUFFIXES = {
    Native.layout: (".h5", ".hdf5"),
    KerasWeights.layout: (".h5", ".hdf5"),
    Keras3Weights.layout: (KERAS_3,),
}
"""What the files of each layout that is written are called."""
WRITABLE = tuple(SUFFIXES)


def write_checkpoint(
    path: Path,
    network: Network,
    parameters: NetworkParameters,
    card: Card,
    *,
    layout: str = Native.layout,
    half: bool = False,
) -> None:
    """Write a weight file in one of the layouts `WRITABLE`, whole or not at all.

    Only "npfacenet" keeps the card and can store kernels in `half` precision; `unstored_choices`
    says what has to be repeated when another one is loaded. Raises ArgumentError for another
    layout or a suffix that is not the layout's, OutputError if the file cannot be written.
    """
    require_layout(path, layout, half=half)
    if layout == Native.layout:
        write_native(path, parameters, card, half=half)
    elif layout == KerasWeights.layout:
        write_keras_weights(path, parameters, network)
    else:
        write_keras3_weights(path, parameters, network)


def require_layout(path: Path, layout: str = Native.layout, *, half: bool = False) -> None:
    """Raise ArgumentError unless a file of this layout can be called so: before long work.

    Keras tells its two layouts apart by the suffix alone. With `half`, a layout that cannot store
    half precision is refused too.
    """
    if layout not in WRITABLE:
        raise ArgumentError(f"{quoted(layout)} is not written; there are {', '.join(WRITABLE)}")
    if half and layout != Native.layout:
        raise ArgumentError(f"only {Native.layout} stores half precision, not {layout}")
    name, suffixes = path.name, SUFFIXES[layout]
    if layout == Native.layout:
        name = name.lower()
    if not name.endswith(suffixes) or name in suffixes:
        raise ArgumentError(
            f"{quoted(str(path))} cannot be a file of the layout {layout}, which is called "
            f"{' or '.join(f'NAME{suffix}' for suffix in suffixes)}"
        )
    if layout == KerasWeights.layout and name.endswith(KERAS_3):
        raise ArgumentError(
            f"{quoted(str(path))}: Keras would take a file called NAME{KERAS_3} for one of the "
            f"layout {Keras3Weights.layout}, not {layout}; call it NAME.h5"
        )


def require_target(path: Path, layout: str = Native.layout, *, half: bool = False) -> None:
    """Raise unless `write_checkpoint` can write there: ArgumentError or OutputError."""
    require_layout(path, layout, half=half)
    require_writable(path)


def unstored_choices(card: Card, layout: str) -> dict[str, str]:
    """The arguments of `load` without which a file of this layout gives another model.

    >>> from npfacenet.models import load
    >>> unstored_choices(load(preprocessing="unit").card, "keras2-weights")
    {'preprocessing': 'unit'}
    """
    if layout == Native.layout:
        return {}
    chosen: dict[str, str] = {}
    default = recipes(card.architecture, outputs=card.outputs)[0]
    if card.variant is not None and card.variant != default.variant:
        chosen["variant"] = card.variant
    if card.preprocessing != PREPROCESSING[card.architecture]:
        chosen["preprocessing"] = card.preprocessing
    return chosen
