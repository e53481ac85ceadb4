"""Folding poolings; a convolution's bias and activation move behind a max pooling.

There they have fewer numbers to work on.
"""

from __future__ import annotations

from dataclasses import replace

from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation
from npfacenet.inference.pooling import Pooling
from npfacenet.layers import AveragePool, L2Pool, MaxPool


def fold_max_pool(folding: Folding, site: Site[MaxPool]) -> Operation:
    """Fold max pooling, with the bias and the activation of the convolution before it.

    The largest of numbers plus a bias is the largest number plus the bias; likewise for an
    activation that never falls.
    """
    pool = Pooling(site.inputs, site.outputs, "max", site.layer.window)
    before = folding.only_read_here(site.inputs[0])
    parts = None if before is None else before.bare()
    if parts is None or not parts[2].rises:
        return pool
    folding.operations[site.inputs[0]], bias, activation = parts
    return replace(pool, bias=bias, activation=activation)


def fold_average_pool(_: Folding, site: Site[AveragePool]) -> Operation:
    """Fold average pooling into an operation of its own."""
    return Pooling(site.inputs, site.outputs, "average", site.layer.window)


def fold_l2_pool(_: Folding, site: Site[L2Pool]) -> Operation:
    """Fold L2 pooling into an operation of its own."""
    return Pooling(site.inputs, site.outputs, "l2", site.layer.window)
