"""From one layout of weight files to another."""

from __future__ import annotations

from pathlib import Path

from npfacenet.checkpoints.card import Card
from npfacenet.checkpoints.keras2 import KerasWeights, write_keras_weights
from npfacenet.checkpoints.keras3 import Keras3Weights, write_keras3_weights
from npfacenet.checkpoints.native import Native, write_native
from npfacenet.errors import ArgumentError
from npfacenet.networks import Network, NetworkParameters

WRITABLE = (Native.layout, KerasWeights.layout, Keras3Weights.layout)


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

    Only "npfacenet" keeps the card and can store kernels in `half` precision. Raises
    ArgumentError for another layout, OutputError if the file cannot be written.
    """
    if layout not in WRITABLE:
        raise ArgumentError(f"{layout!r} is not written; there are {', '.join(WRITABLE)}")
    if half and layout != Native.layout:
        raise ArgumentError(f"only {Native.layout} stores half precision, not {layout}")
    if layout == Native.layout:
        write_native(path, parameters, card, half=half)
    elif layout == KerasWeights.layout:
        write_keras_weights(path, parameters)
    else:
        write_keras3_weights(path, parameters, network)
