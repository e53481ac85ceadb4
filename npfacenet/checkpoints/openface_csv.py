"""The layout of the course's folder of CSV files: one file for each tensor of nn4.small2.

`conv1_w.csv` holds a kernel as filters x channels x height x width (OIHW), `conv1_b.csv` a
bias; of a batch norm `_w` is gamma, `_b` beta, `_m` and `_v` the moving statistics;
`dense_w.csv` is (128, 736). As read by the assignment's `fr_utils.load_weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np

from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.csv_folder import CsvFolder
from npfacenet.checkpoints.layout import Layout, Tensor
from npfacenet.layers import Array, BatchNorm, Shape
from npfacenet.networks import Network, Outputs, ParameterName

# Two files that belong to no layer lie in every copy of the folder.
STRAYS = ("inception_5a_3x3_conv2_m.csv", "inception_5a_3x3_conv2_v.csv")
BATCH_NORM = {"gamma": "w", "beta": "b", "moving_mean": "m", "moving_variance": "v"}
OTHERS = {"kernel": "w", "bias": "b"}


class OpenfaceCsv(Layout):
    """LAYER_LETTER.csv, with kernels as Torch has them."""

    name: ClassVar[str] = "openface-csv"

    def __init__(self, container: Container) -> None:
        self.path = container.path
        self._entries = {entry.name: entry for entry in container.entries(skip=STRAYS.__contains__)}

    @classmethod
    def recognises(cls, container: Container) -> bool:
        """Whether it is a folder of CSV files, for which there is no other layout."""
        return isinstance(container, CsvFolder)

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        """Return every file by the parameter that its name stands for.

        Its shape is taken to be the parameter's; reading fails if the size is not.
        """
        left = dict(self._entries)
        named: dict[ParameterName, Tensor] = {}
        for node in network.nodes:
            letters = BATCH_NORM if isinstance(node.layer, BatchNorm) else OTHERS
            for parameter, spec in node.parameters.items():
                for layer in (node.name, other_names.get(node.name, node.name)):
                    file = f"{layer}_{letters.get(parameter, parameter)}.csv"
                    if file in left and (node.name, parameter) not in named:
                        read = partial(_read, left.pop(file))
                        named[node.name, parameter] = Tensor(spec.shape, read)
        for name, entry in left.items():
            named[name, ""] = Tensor((), entry.read)
        return named


def stored_shape(shape: Shape) -> Shape:
    """Return the shape in which a tensor is stored: kernels OIHW, dense kernels (out, in)."""
    if len(shape) == 4:
        return (shape[3], shape[2], shape[0], shape[1])
    return shape[::-1]


def _read(entry: Entry, output: Array) -> None:
    """Fill an array of the network's shape with the numbers of a file."""
    stored = np.empty(stored_shape(output.shape), np.float32)
    entry.read(stored)
    np.copyto(output, stored.transpose(2, 3, 1, 0) if output.ndim == 4 else stored.T)
