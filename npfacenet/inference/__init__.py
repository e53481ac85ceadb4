"""Inference: how a network is run fast.

`Plan` is what `Model.embed` uses: batch norm folded into kernels, one block of memory, Winograd's
filtering, and all cores. It computes what `Network.forward` computes, to rounding.
"""

from npfacenet.inference.costs import Costs
from npfacenet.inference.plan import Plan

__all__ = ["Costs", "Plan"]


def __dir__() -> list[str]:
    return sorted(__all__)
