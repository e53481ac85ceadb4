"""The layouts that are read, and those that are written."""

from __future__ import annotations

from collections.abc import Sequence

from npfacenet.checkpoints.container import Container
from npfacenet.checkpoints.keras2 import KerasModel, KerasWeights, write_keras_weights
from npfacenet.checkpoints.keras3 import Keras3Weights, write_keras3_weights
from npfacenet.checkpoints.layout import Layout, Writer
from npfacenet.checkpoints.native import Native, write_native
from npfacenet.checkpoints.onnx_order import MtcnnOnnx, OnnxInOrder
from npfacenet.checkpoints.openface_csv import OpenfaceCsv
from npfacenet.errors import WeightsError

KERAS_3 = ".weights.h5"

LAYOUTS: tuple[type[Layout], ...] = (
    Native,
    KerasModel,
    KerasWeights,
    Keras3Weights,
    OpenfaceCsv,
    MtcnnOnnx,
    OnnxInOrder,
)
"""In the order in which they are tried: a file can have the marks of several."""

WRITERS: tuple[Writer, ...] = (
    Writer(
        Native.name,
        (".h5", ".hdf5"),
        lambda path, it: write_native(path, it.network, it.parameters, it.card, half=it.half),
        any_case=True,
        stores_half=True,
        keeps_card=True,
    ),
    Writer(
        KerasWeights.name,
        (".h5", ".hdf5"),
        lambda path, it: write_keras_weights(path, it.parameters, it.network),
        taken_for={KERAS_3: Keras3Weights.name},
    ),
    Writer(
        Keras3Weights.name,
        (KERAS_3,),
        lambda path, it: write_keras3_weights(path, it.parameters, it.network),
    ),
)


def recognised(container: Container, layouts: Sequence[type[Layout]] | None = None) -> Layout:
    """Return an open container as the first of `layouts` (None: the table) that recognises it.

    Raises WeightsError if none does, or if the container contradicts that layout.
    """
    for layout in LAYOUTS if layouts is None else layouts:
        if layout.recognises(container):
            return layout(container)
    raise WeightsError(f"{container.path} is {container.kind}, {container.unrecognised}")
