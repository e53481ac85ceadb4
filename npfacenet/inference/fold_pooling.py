"""Poolings; bias and activation of a convolution go behind a max pooling: to fewer numbers."""

from __future__ import annotations

from dataclasses import replace

from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation
from npfacenet.inference.pooling import Pooling
from npfacenet.layers import AveragePool, L2Pool, MaxPool


def fold_max_pool(folding: Folding, site: Site[MaxPool]) -> Operation:
    """The largest number, with the bias and the activation of the convolution before it.

    The largest of numbers plus a bias is the largest number plus the bias; likewise for an
    activation that rises everywhere.
    """
    pool = Pooling(site.inputs, site.outputs, "max", site.layer.window)
    before = folding.only_read_here(site.inputs[0])
    parts = None if before is None else before.bare()
    if parts is None or not parts[2].rises:
        return pool
    folding.operations[site.inputs[0]], bias, activation = parts
    return replace(pool, bias=bias, activation=activation)


def fold_average_pool(_: Folding, site: Site[AveragePool]) -> Operation:
    """One operation for one layer."""
    return Pooling(site.inputs, site.outputs, "average", site.layer.window)


def fold_l2_pool(_: Folding, site: Site[L2Pool]) -> Operation:
    """One operation for one layer."""
    return Pooling(site.inputs, site.outputs, "l2", site.layer.window)
