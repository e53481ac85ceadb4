"""Folding convolutions and dense layers into filter banks; joining 1x1 ones with one input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from npfacenet.inference.convolve import Convolve
from npfacenet.inference.epilogue import Member
from npfacenet.inference.filter_bank import FilterBank, side_by_side
from npfacenet.inference.fold_state import Folding, Site, owned
from npfacenet.inference.operation import Operation
from npfacenet.layers import Array, Convolution, Dense, Window
from npfacenet.layers.window import NO_MARGINS, ONE_PIXEL


def fold_convolution(_: Folding, site: Site[Convolution]) -> Operation:
    """Fold a convolution into a bank of its filters."""
    return _convolve(site, site.parameters["kernel"], site.layer.window)


def fold_dense(_: Folding, site: Site[Dense]) -> Operation:
    """Fold a dense layer into a convolution of pictures of one pixel."""
    return _convolve(site, site.parameters["kernel"][None, None], ONE_PIXEL)


def joined(operations: Sequence[Operation]) -> list[Operation]:
    """Join convolutions of one pixel with the same input, in the place of the first.

    No kernel changes after that, so those that are still a caller's are copied.
    """
    families: dict[str, list[Convolve]] = {}
    for operation in operations:
        if isinstance(operation, Convolve) and operation.bank.window == ONE_PIXEL:
            families.setdefault(operation.inputs[0], []).append(operation)
    found: list[Operation] = []
    for operation in operations:
        family = families.get(operation.inputs[0], []) if isinstance(operation, Convolve) else []
        if operation not in family:
            family = [operation] if isinstance(operation, Convolve) else []
        if not family:
            found.append(operation)
        elif operation is family[0]:
            found.append(_joined(family))
    return found


def _joined(family: Sequence[Convolve]) -> Convolve:
    (bank, *others), names = (one.bank for one in family), (one.outputs for one in family)
    bank = side_by_side([bank, *others]) if others else bank
    bank = replace(bank, kernel=owned(bank.kernel))
    return Convolve(family[0].inputs, tuple(name for one in names for name in one), bank)


def _convolve(site: Site[Convolution] | Site[Dense], kernel: Array, window: Window) -> Convolve:
    if window.size == window.stride == (1, 1) and window.margins(1, 1) == NO_MARGINS:
        window = ONE_PIXEL  # however its padding was written
    own: Mapping[str, Array] = site.parameters
    bias = owned(own["bias"]) if "bias" in own else None
    kernel = np.ascontiguousarray(kernel, np.float32)
    bank = FilterBank(kernel, bias, window, (Member(kernel.shape[3]),))
    return Convolve(site.inputs, site.outputs, bank)
