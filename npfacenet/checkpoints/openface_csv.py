"""The course's folder of CSV files: one file for each tensor of nn4.small2.

`conv1_w.csv` holds a kernel as filters x channels x height x width (OIHW), `conv1_b.csv` a
bias; of a batch norm `_w` is gamma, `_b` beta, `_m` and `_v` the moving statistics;
`dense_w.csv` is (128, 736). As read by the assignment's `fr_utils.load_weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from npfacenet.checkpoints.layout import Layout, Tensor
from npfacenet.checkpoints.signature import open_weights
from npfacenet.errors import WeightsError
from npfacenet.layers import Array, BatchNorm, ParameterSpec, Shape
from npfacenet.networks import Network, ParameterName
from npfacenet.recipes.nn4_small2 import OTHER_NAMES

# Two files that belong to no layer lie in every copy of the folder.
STRAYS = ("inception_5a_3x3_conv2_m.csv", "inception_5a_3x3_conv2_v.csv")
BATCH_NORM = {"gamma": "w", "beta": "b", "moving_mean": "m", "moving_variance": "v"}
OTHERS = {"kernel": "w", "bias": "b"}
LONGEST_NUMBER = 32  # characters of a number in text, the comma included
NUMBER_CHARACTERS = b"0123456789+-.eE, \t\r\nnaifNAIF"


class OpenfaceCsv(Layout):
    """A folder of CSV files."""

    layout: ClassVar[str] = "openface-csv"

    def __init__(self, folder: Path) -> None:
        from npfacenet.checkpoints.other_formats import folder_advice, visible  # as in signature.py

        self.path = folder
        try:
            self._files = {p.name: p for p in visible(folder, "*.csv") if p.name not in STRAYS}
            strange = [path for path in self._files.values() if not path.is_file()]
            instead = "" if self._files else folder_advice(folder)
        except OSError as error:
            raise WeightsError(f"{folder} cannot be read: {error.strerror or error}") from error
        if strange:  # a pipe would be waited for
            raise WeightsError(f"{strange[0]} is not a regular file")
        if not self._files:
            raise WeightsError(f"{folder} is a folder without CSV files; {instead}")

    def tensors(self, network: Network) -> Mapping[ParameterName, Tensor]:
        """Every file by the parameter that it would be of; its size in numbers as its shape."""
        left = dict(self._files)
        named: dict[ParameterName, Tensor] = {}
        for node in network.nodes:
            letters = BATCH_NORM if isinstance(node.layer, BatchNorm) else OTHERS
            for parameter, spec in node.parameters.items():
                for layer in (node.name, OTHER_NAMES.get(node.name, node.name)):
                    file = f"{layer}_{letters.get(parameter, parameter)}.csv"
                    if file in left and (node.name, parameter) not in named:
                        read = partial(_read, left.pop(file), spec.shape)
                        named[node.name, parameter] = Tensor(spec.shape, read)
        for name, path in left.items():
            named[name, ""] = Tensor((), partial(_read, path, ()))
        return named


def stored_shape(shape: Shape) -> Shape:
    """How a tensor of this shape is stored: kernels OIHW, dense kernels (out, in)."""
    if len(shape) == 4:
        return (shape[3], shape[2], shape[0], shape[1])
    return shape[::-1]


def _read(path: Path, shape: Shape, output: Array) -> None:
    """Read a file of numbers to an array of the network's shape."""
    count = ParameterSpec(shape, "zeros").size
    try:
        with open_weights(path) as file:
            text = file.read(count * LONGEST_NUMBER + LONGEST_NUMBER + 1)
    except OSError as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    text = text.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"<":
        raise WeightsError(f"{path} is a web page, not numbers; download the file itself")
    if strange := text.translate(None, NUMBER_CHARACTERS):
        raise WeightsError(f"{path} holds {strange[:8]!r}, which is not a number")
    words = text.replace(b",", b" ").split()
    if len(words) != count:
        raise WeightsError(f"{path} holds {len(words):,} numbers instead of {count:,}")
    try:
        numbers = np.array(words, dtype=np.float64).astype(np.float32)
    except ValueError as error:
        raise WeightsError(f"{path} holds what is not a number: {error}") from error
    stored = numbers.reshape(stored_shape(shape))
    np.copyto(output, stored.transpose(2, 3, 1, 0) if len(shape) == 4 else stored.T)
