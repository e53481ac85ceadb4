"""Convolutions with batch norm, and residual blocks of two of them.

He et al. 2016, "Deep Residual Learning for Image Recognition", figure 2. Batch norm has an epsilon
of 1e-3; `momentum` is that of its moving statistics.
"""

from __future__ import annotations

from npfacenet.layers import BatchNorm, Convolution, ReLU, ResidualAdd
from npfacenet.networks import Builder

EPSILON = 1e-3


def convolution(
    build: Builder, x: str, name: str, filters: int, size: int, *, momentum: float, stride: int = 1
) -> str:
    """Add a convolution without bias, batch norm and ReLU; `same` padding."""
    x = build.add(name, Convolution(filters, size, stride, "same", bias=False), x)
    x = build.add(f"{name}_bn", BatchNorm(EPSILON, momentum=momentum), x)
    return build.add(f"{name}_relu", ReLU(), x)


def residual(build: Builder, x: str, name: str, channels: int, *, momentum: float) -> str:
    """Add two 3x3 convolutions, the second without ReLU, to x."""
    branch = convolution(build, x, f"{name}_first", channels, 3, momentum=momentum)
    branch = build.add(f"{name}_second", Convolution(channels, 3, 1, "same", bias=False), branch)
    branch = build.add(f"{name}_second_bn", BatchNorm(EPSILON, momentum=momentum), branch)
    total = build.add(f"{name}_sum", ResidualAdd(), x, branch)
    return build.add(f"{name}_relu", ReLU(), total)
