"""Convolutions with batch norm, and residual blocks of two of them.

He et al. 2016, "Deep Residual Learning for Image Recognition", figure 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.layers import BatchNorm, Convolution, ReLU, ResidualAdd
from npfacenet.networks import Builder

EPSILON = 1e-3


@dataclass(frozen=True)
class ResidualBlocks:
    """Adds convolutions and blocks to a network that is being built.

    `momentum` is that of batch norm's moving statistics; its epsilon is 1e-3. Each method adds to
    the node `x`, gives the new nodes names that begin with `name`, and returns the last one's.
    """

    build: Builder
    momentum: float

    def convolution(self, x: str, name: str, filters: int, size: int, stride: int = 1) -> str:
        """Add a convolution without bias, batch norm and ReLU; `same` padding."""
        x = self.build.add(name, Convolution(filters, size, stride, "same", bias=False), x)
        return self.build.add(f"{name}_relu", ReLU(), self.normalised(x, name))

    def residual(self, x: str, name: str, channels: int) -> str:
        """Add two 3x3 convolutions, the second without ReLU, to x."""
        branch = self.convolution(x, f"{name}_first", channels, 3)
        second = f"{name}_second"
        branch = self.build.add(second, Convolution(channels, 3, 1, "same", bias=False), branch)
        total = self.build.add(f"{name}_sum", ResidualAdd(), x, self.normalised(branch, second))
        return self.build.add(f"{name}_relu", ReLU(), total)

    def normalised(self, x: str, name: str) -> str:
        """Add batch norm, called NAME_bn."""
        return self.build.add(f"{name}_bn", BatchNorm(EPSILON, momentum=self.momentum), x)
