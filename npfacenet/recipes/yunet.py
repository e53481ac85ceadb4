"""YuNet: a face detector of 73,840 numbers, for pictures of any size.

Wu, Peng and Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector", figures 2 and 3; the network
YuNet_n of libfacedetection.train. A unit is a 1x1 convolution and a depthwise 3x3 one. The
backbone halves the picture five times. Its maps at an eighth, a sixteenth and a thirty-second of
the size are added up from the coarsest to the finest, and each sum predicts one face per cell of 8,
16 or 32 pixels.

Pictures are BGR, 0 to 255, their sides multiples of 32. The outputs, for stride s in 8, 16, 32:

- `cls_s` and `obj_s`: how likely a face is, and how well its box would fit, 0 to 1
- `bbox_s`: x and y of the centre from the cell's top left corner, and the logarithms of width and
  height, all in cells
- `kps_s`: x and y of five landmarks from the cell's top left corner, in cells: eyes, nose, corners
  of the mouth, the one at the left of the picture first
"""

from __future__ import annotations

from npfacenet.layers import (
    Convolution,
    DepthwiseConvolution,
    MaxPool,
    ReLU,
    ResidualAdd,
    Sigmoid,
    UpsampleNearest,
)
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.recipes.recipe import Recipe

STRIDES = (8, 16, 32)
CHANNELS = 64
HEADS = {"cls": 1, "bbox": 4, "obj": 1, "kps": 10}
"""Numbers per cell of each output."""


def yunet() -> Network[Outputs]:
    """Build the network: (height, width, 3) to the maps `cls_8`, `cls_16`, ..., `kps_32`."""
    build = Builder("yunet", input_shape=(None, None, 3))

    x = build.add("stem", Convolution(16, 3, stride=2, padding=1), build.input)
    x = build.add("stem_relu", ReLU(), x)
    x = unit(build, x, "stage0", 16)
    x = build.add("pool0", MaxPool(2), x)
    x = unit(build, x, "stage1_first", 16)
    x = unit(build, x, "stage1_second", CHANNELS)
    x = two_units(build, x, "stage2")
    x = build.add("pool2", MaxPool(2), x)
    finest = two_units(build, x, "stage3")
    x = build.add("pool3", MaxPool(2), finest)
    middle = two_units(build, x, "stage4")
    x = build.add("pool4", MaxPool(2), middle)
    coarsest = two_units(build, x, "stage5")

    coarsest = unit(build, coarsest, "neck_32", CHANNELS)
    middle = unit(build, enlarged_onto(build, coarsest, middle, "16"), "neck_16", CHANNELS)
    finest = unit(build, enlarged_onto(build, middle, finest, "8"), "neck_8", CHANNELS)

    maps = dict(zip(STRIDES, (finest, middle, coarsest), strict=True))
    shared = {s: unit(build, x, f"shared_{s}", CHANNELS) for s, x in maps.items()}
    outputs = [
        head(build, shared[s], f"{name}_{s}", numbers, squashed=name in ("cls", "obj"))
        for name, numbers in HEADS.items()
        for s in STRIDES
    ]
    return build.network(outputs=outputs)


def two_units(build: Builder, x: str, name: str) -> str:
    """Add two units, one after the other."""
    return unit(build, unit(build, x, f"{name}_first", CHANNELS), f"{name}_second", CHANNELS)


def unit(build: Builder, x: str, name: str, filters: int) -> str:
    """Add a 1x1 convolution, a depthwise convolution and ReLU."""
    with build.block(name):
        x = build.add(f"{name}_pointwise", Convolution(filters, 1), x)
        x = build.add(f"{name}_depthwise", DepthwiseConvolution(3, padding="same"), x)
        return build.add(f"{name}_relu", ReLU(), x)


def enlarged_onto(build: Builder, coarse: str, fine: str, stride: str) -> str:
    """Add the coarse map, enlarged twice, to the fine one."""
    coarse = build.add(f"enlarged_{stride}", UpsampleNearest(2), coarse)
    return build.add(f"sum_{stride}", ResidualAdd(), fine, coarse)


def head(build: Builder, x: str, name: str, numbers: int, *, squashed: bool) -> str:
    """Add a unit without ReLU; if `squashed`, a sigmoid follows."""
    x = build.add(f"{name}_pointwise", Convolution(numbers, 1), x)
    depthwise = f"{name}_depthwise" if squashed else name
    x = build.add(depthwise, DepthwiseConvolution(3, padding="same"), x)
    return build.add(name, Sigmoid(), x) if squashed else x


YUNET = Recipe(
    "yunet",
    None,
    len(HEADS) * len(STRIDES),
    yunet,
    purpose="detection",
    preprocessing="raw",
    known_as=("yunet_n", "face_detection_yunet_2023mar"),
)
