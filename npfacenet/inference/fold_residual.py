"""Folding the scale of a residual into the operation that computes it, if it can take it."""

from __future__ import annotations

import numpy as np

from npfacenet.inference.elementwise import Add
from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation
from npfacenet.layers import ResidualAdd


def fold_residual_add(folding: Folding, site: Site[ResidualAdd]) -> Operation:
    """Fold x + scale * residual: a plain sum if the residual's operation takes the scale."""
    residual = site.inputs[1]
    before = folding.only_read_here(residual)
    scaled = None if before is None else before.scaled(np.float32(site.layer.scale), None)
    if scaled is None:
        return Add(site.inputs, site.outputs, site.layer.scale)
    folding.operations[residual] = scaled
    return Add(site.inputs, site.outputs)
