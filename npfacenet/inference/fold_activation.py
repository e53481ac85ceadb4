"""Folding activations into the operation before them, if it can take them."""

from __future__ import annotations

from dataclasses import replace

from npfacenet.inference.activation import RELU, Activation
from npfacenet.inference.elementwise import Affine
from npfacenet.inference.fold_state import Folding, Site, owned
from npfacenet.inference.operation import Operation
from npfacenet.layers import PReLU, ReLU


def fold_relu(folding: Folding, site: Site[ReLU]) -> Operation:
    """Fold ReLU: max(x, 0)."""
    return _activated(folding, site, RELU)


def fold_prelu(folding: Folding, site: Site[PReLU]) -> Operation:
    """Fold PReLU: x where it is positive, alpha * x elsewhere."""
    return _activated(folding, site, Activation("prelu", owned(site.parameters["alpha"])))


def _activated(
    folding: Folding, site: Site[ReLU] | Site[PReLU], activation: Activation
) -> Operation:
    before = folding.only_read_here(site.inputs[0])
    active = None if before is None else before.activated(activation)
    if active is None:
        return Affine(site.inputs, site.outputs, activation=activation)
    folding.operations.pop(site.inputs[0])
    return replace(active, outputs=site.outputs)
