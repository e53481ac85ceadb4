"""npfacenet-finder: this library's own face detector, for pictures of any size.

Dense 3x3 convolutions throughout, because the plan filters those of stride 1 by Winograd's
algorithm and does all else by few, large matrix products. The first three convolutions halve the
picture at once, so that little is computed at full size. Residual blocks (He et al. 2016, figure 2)
follow at an eighth, a sixteenth and a thirty-second of the size; the maps are added up from the
coarsest to the finest (Lin et al. 2017, "Feature Pyramid Networks", figure 3), and each sum
predicts one face per cell of 8, 16 or 32 pixels, without anchors.

Pictures are RGB, scaled to -1 to 1 ("fixed"), their sides multiples of 32. The outputs, for stride
s in 8, 16, 32, are encoded as YuNet's (`recipes/yunet.py`):

- `cls_s`: how likely a face is and how well its box fits, 0 to 1
- `bbox_s`: x and y of the centre from the cell's top left corner, and the logarithms of width and
  height, all in cells
- `kps_s`: x and y of five landmarks from the cell's top left corner, in cells
"""

from __future__ import annotations

from npfacenet.layers import Convolution, ResidualAdd, Sigmoid, UpsampleNearest
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.recipes.recipe import Recipe
from npfacenet.recipes.residual_blocks import ResidualBlocks

STRIDES = (8, 16, 32)
HEADS = {"cls": 1, "bbox": 4, "kps": 10}
"""Numbers per cell of each output."""
STEM = (16, 24)  # channels at a half and a quarter of the size
CHANNELS = {8: 32, 16: 48, 32: 48}
HIDDEN = 24  # channels of the heads
MOMENTUM = 0.97  # of moving statistics


def npfacenet_finder() -> Network[Outputs]:
    """Build the network: (height, width, 3) to the maps `cls_8`, `cls_16`, ..., `kps_32`."""
    build = Builder("npfacenet-finder", input_shape=(None, None, 3))
    blocks = ResidualBlocks(build, MOMENTUM)
    x = build.input
    for number, channels in enumerate(STEM, start=1):
        x = blocks.convolution(x, f"stem{number}", channels, 3, stride=2)
    maps: dict[int, str] = {}
    for stride, channels in CHANNELS.items():
        with build.block(f"stage{stride}"):
            x = blocks.convolution(x, f"stage{stride}_halving", channels, 3, stride=2)
            maps[stride] = x = blocks.residual(x, f"stage{stride}", channels)
    for coarse, fine in ((32, 16), (16, 8)):
        maps[fine] = enlarged_onto(blocks, maps[coarse], maps[fine], fine)
    hidden = {s: blocks.convolution(maps[s], f"head_{s}", HIDDEN, 3) for s in STRIDES}
    outputs = [
        head(build, hidden[s], f"{name}_{s}", numbers)
        for name, numbers in HEADS.items()
        for s in STRIDES
    ]
    return build.network(outputs=outputs)


def enlarged_onto(blocks: ResidualBlocks, coarse: str, fine: str, stride: int) -> str:
    """Add the coarse map, brought to as many channels and to twice its size, to the fine one."""
    name, build = f"enlarged_{stride}", blocks.build
    coarse = blocks.convolution(coarse, name, build.channels(fine), 1)
    coarse = build.add(f"{name}_twice", UpsampleNearest(2), coarse)
    return build.add(f"sum_{stride}", ResidualAdd(), fine, coarse)


def head(build: Builder, x: str, name: str, numbers: int) -> str:
    """Add a 1x1 convolution; a sigmoid follows that of the scores, `NAME_logits`."""
    if not name.startswith("cls"):
        return build.add(name, Convolution(numbers, 1), x)
    return build.add(name, Sigmoid(), build.add(f"{name}_logits", Convolution(numbers, 1), x))


NPFACENET_FINDER = Recipe(
    "npfacenet-finder",
    None,
    len(HEADS) * len(STRIDES),
    npfacenet_finder,
    purpose="detection",
    preprocessing="fixed",
    known_as=("finder",),
)
