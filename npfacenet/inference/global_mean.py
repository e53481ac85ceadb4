"""The mean of each channel over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation, SimpleOperation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import GlobalAveragePool, Shape


@dataclass(frozen=True, eq=False)
class GlobalMean(Operation):
    """The mean of each channel over a picture, as a product with a row of equal shares."""

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """One call."""
        return SimpleOperation("mean", self._calls, costs.calls(1, batch * prod(inputs[0])))

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        images, output = inputs[0], outputs[0].array()
        pixels = images.part(0, 0, 1).rows()
        if pixels is None:
            return [partial(np.mean, images.array(), (1, 2), None, output)]
        count = pixels.shape[0]
        strides = (images.strides[0], *pixels.strides)
        stack = Region(images.memory, images.offset, (images.shape[0], *pixels.shape), strides)
        share = np.full((1, count), 1 / count, np.float32)
        return [partial(np.matmul, share, stack.array(), output[:, None, :])]


def fold_global_average_pool(_: Folding, site: Site[GlobalAveragePool]) -> Operation:
    """Fold global average pooling into an operation of its own."""
    return GlobalMean(site.inputs, site.outputs)
