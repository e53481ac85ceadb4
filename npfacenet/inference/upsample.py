"""Nearest-neighbour enlarging: each pixel is copied to its places."""

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
from npfacenet.layers import Shape, UpsampleNearest


@dataclass(frozen=True, eq=False)
class Upsample(Operation):
    """Every pixel `factor` times in both directions."""

    factor: int

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """One call."""
        numbers = self.factor**2 * batch * prod(inputs[0])
        return SimpleOperation("enlarging", self._calls, costs.gathering(numbers))

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        source, target, factor = inputs[0].array(), outputs[0], self.factor
        batch, height, width, channels = source.shape
        picture, row, column, channel = target.strides
        copies = Region(
            target.memory,
            target.offset,
            (batch, height, factor, width, factor, channels),
            (picture, factor * row, row, factor * column, column, channel),
        )
        return [partial(np.copyto, copies.array(), source[:, :, None, :, None])]


def fold_upsample_nearest(_: Folding, site: Site[UpsampleNearest]) -> Operation:
    """One operation for one layer."""
    return Upsample(site.inputs, site.outputs, site.layer.factor)
