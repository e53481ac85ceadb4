"""A network and its parameters as the fewest operations that compute the same.

Batch norm and the scale of a residual go into the kernel before them, an activation into the
operation before it, bias and activation behind the max pooling that follows them; convolutions of
one pixel that read the same input become one. `HANDLERS` says what becomes of each type of layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from npfacenet.inference.assemble import fold_concatenate, fold_zero_padding
from npfacenet.inference.depthwise import fold_depthwise_convolution
from npfacenet.inference.elementwise import fold_l2_normalize
from npfacenet.inference.fold_activation import fold_prelu, fold_relu
from npfacenet.inference.fold_batch_norm import fold_batch_norm
from npfacenet.inference.fold_convolution import fold_convolution, fold_dense, joined
from npfacenet.inference.fold_pooling import fold_average_pool, fold_l2_pool, fold_max_pool
from npfacenet.inference.fold_residual import fold_residual_add
from npfacenet.inference.fold_state import Folding, Site, read_only
from npfacenet.inference.global_mean import fold_global_average_pool
from npfacenet.inference.operation import Operation
from npfacenet.inference.probabilities import fold_sigmoid, fold_softmax
from npfacenet.inference.readable import fold_as_readable
from npfacenet.inference.upsample import fold_upsample_nearest
from npfacenet.layers import (
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    Layer,
    MaxPool,
    PReLU,
    ReLU,
    ResidualAdd,
    Sigmoid,
    Softmax,
    UpsampleNearest,
    ZeroPadding,
)
from npfacenet.networks import Network, NetworkParameters, Outputs

Handler: TypeAlias = Callable[[Folding, Site[Any]], Operation]


HANDLERS: Mapping[type[Layer], Handler | None] = {
    AveragePool: fold_average_pool,
    BatchNorm: fold_batch_norm,
    Concatenate: fold_concatenate,
    Convolution: fold_convolution,
    Dense: fold_dense,
    DepthwiseConvolution: fold_depthwise_convolution,
    Dropout: None,
    GlobalAveragePool: fold_global_average_pool,
    L2Normalize: fold_l2_normalize,
    L2Pool: fold_l2_pool,
    MaxPool: fold_max_pool,
    PReLU: fold_prelu,
    ReLU: fold_relu,
    ResidualAdd: fold_residual_add,
    Sigmoid: fold_sigmoid,
    Softmax: fold_softmax,
    UpsampleNearest: fold_upsample_nearest,
    ZeroPadding: fold_zero_padding,
}
"""What becomes of a layer of exactly this type (a class derived from it may compute otherwise);
None where it changes nothing. All other layers run through their own `forward`."""


@dataclass(frozen=True, eq=False)
class FoldedNetwork:
    """Operations in an order in which each finds its inputs, and the tensor of each output."""

    operations: tuple[Operation, ...]
    outputs: Mapping[str, str]

    @property
    def tensors(self) -> list[str]:
        """The names of all tensors that are left, the input's first."""
        written = (name for operation in self.operations for name in operation.outputs)
        return [Network.INPUT, *written]


def fold(network: Network[Outputs], parameters: NetworkParameters) -> FoldedNetwork:
    """Fold a network with parameters that fit it (`Network.require`)."""
    handlers = {
        node.name: HANDLERS.get(type(node.layer), fold_as_readable) for node in network.nodes
    }
    same = {node.name: node.inputs[0] for node in network.nodes if handlers[node.name] is None}
    folding = Folding(network.nodes, same, network.outputs)
    with np.errstate(all="ignore"):  # what overflows makes outputs that are not finite
        for node in network.nodes:
            if (handler := handlers[node.name]) is not None:
                own = {name: read_only(parameters[node.name, name]) for name in node.parameters}
                inputs = tuple(map(folding.name_of, node.inputs))
                site = Site(node.layer, inputs, (node.name,), own)
                folding.operations[node.name] = handler(folding, site)
    operations = tuple(joined([*folding.operations.values()]))
    tensors = {name: folding.name_of(name) for name in network.outputs}
    return FoldedNetwork(operations, tensors)
