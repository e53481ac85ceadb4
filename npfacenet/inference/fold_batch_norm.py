"""Folding batch norm into the operation before it, if it can take it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from npfacenet.inference.elementwise import Affine
from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation
from npfacenet.layers import BatchNorm


def fold_batch_norm(folding: Folding, site: Site[BatchNorm]) -> Operation:
    """Fold the moving statistics into a float32 factor and shift, computed in float64."""
    wide = {name: tensor.astype(np.float64) for name, tensor in site.parameters.items()}
    factor, shift = (x.astype(np.float32) for x in site.layer.factor_and_shift(wide))
    before = folding.only_read_here(site.inputs[0])
    scaled = None if before is None else before.scaled(factor, shift)
    if scaled is None:
        return Affine(site.inputs, site.outputs, factor, shift)
    folding.operations.pop(site.inputs[0])
    return replace(scaled, outputs=site.outputs)
