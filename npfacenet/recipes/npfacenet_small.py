"""npfacenet-small: this library's own network, 96x96 pixels to 128 numbers.

Residual blocks of two 3x3 convolutions (He et al. 2016, "Deep Residual Learning for Image
Recognition", figure 2), because the plan filters 3x3 convolutions of stride 1 by Winograd's
algorithm and does all else by few, large matrix products. The last map is not averaged but
seen by a kernel of its own size, so that an embedding knows where in the face a feature lies
(Deng et al. 2019, "ArcFace", section 3.2.1, option E, with fewer channels). About 114 million
floating point operations for a face, 973,160 numbers.
"""

from __future__ import annotations

from npfacenet.layers import Convolution, GlobalAveragePool, L2Normalize
from npfacenet.networks import Builder, Network
from npfacenet.recipes.recipe import Recipe
from npfacenet.recipes.residual_blocks import ResidualBlocks

MOMENTUM = 0.95  # of moving statistics
CHANNELS = (32, 80, 160)  # at 24, 12 and 6 pixels a side
LAST_SIDE = 6
REDUCED = 48


def npfacenet_small() -> Network:
    """Return the network: (96, 96, 3) to 128 numbers of unit length; last node `embedding`."""
    build = Builder("npfacenet-small", input_shape=(96, 96, 3))
    blocks = ResidualBlocks(build, MOMENTUM)
    x = blocks.convolution(build.input, "stem", 24, 3, stride=2)
    for number, channels in enumerate(CHANNELS, start=1):
        with build.block(f"stage{number}"):
            x = blocks.convolution(x, f"stage{number}_halving", channels, 3, stride=2)
            x = blocks.residual(x, f"stage{number}", channels)
    x = blocks.convolution(x, "reduced", REDUCED, 1)
    x = build.add("whole_face", Convolution(128, LAST_SIDE, bias=False), x)
    x = blocks.normalised(x, "whole_face")
    x = build.add("vector", GlobalAveragePool(), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


# The threshold belongs to the weights, so their card states it, not the recipe.
NPFACENET_SMALL = (
    Recipe(
        "npfacenet-small",
        None,
        128,
        npfacenet_small,
        preprocessing="prewhiten",
        alignments={"mtcnn": "npfacenet", "yunet": "npfacenet", "finder": "npfacenet"},
        known_as=("npfacenet", "small"),
    ),
)
