"""Inception-ResNet-v1: 160x160 pixels to 128 or 512 numbers.

Szegedy et al. 2016, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", figures 10 to 15 and 7, with the bottleneck and the residual
scales of davidsandberg/facenet's models/inception_resnet_v1.py. Names as in the Keras
FaceNet. 22,808,144 numbers with 128 outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from npfacenet.layers import (
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    MaxPool,
    ReLU,
    ResidualAdd,
)
from npfacenet.layers.window import Padding
from npfacenet.networks import Builder, Network
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.recipes.recipe import (
    ASSIGNMENT,
    CALIBRATED,
    CALIBRATED_BY_FINDER,
    CALIBRATED_FACES,
    CROPPED,
    LFW,
    LFW_CROP,
    ONE_PERCENT,
    Recipe,
    Threshold,
)

EPSILON = 1e-3
MOMENTUM = 0.995  # of moving statistics, as in davidsandberg/facenet
HALVING: tuple[int, Padding] = (2, "valid")
KEEPING: tuple[int, Padding] = (1, "same")
BLOCKS_17, BLOCKS_8 = 10, 5  # how many of each; one more Block8 follows, without ReLU


def inception_resnet_v1(outputs: int = 128) -> Network:
    """Return the network: (160, 160, 3) to numbers of unit length; last node `embedding`."""
    build = Builder("inception-resnet-v1", input_shape=(160, 160, 3))

    x = convolution(build, build.input, "Conv2d_1a_3x3", 32, 2, "valid")
    x = convolution(build, x, "Conv2d_2a_3x3", 32, 1, "valid")
    x = convolution(build, x, "Conv2d_2b_3x3", 64)
    x = build.add("MaxPool_3a_3x3", MaxPool(3, stride=2), x)
    x = convolution(build, x, "Conv2d_3b_1x1", 80, 1, "valid")
    x = convolution(build, x, "Conv2d_4a_3x3", 192, 1, "valid")
    x = convolution(build, x, "Conv2d_4b_3x3", 256, 2, "valid")

    for i in range(1, 6):
        x = residual(build, x, f"Block35_{i}", BLOCK_35, scale=0.17)
    x = reduction(build, x, "Mixed_6a", MIXED_6A)
    for i in range(1, BLOCKS_17 + 1):
        x = residual(build, x, f"Block17_{i}", BLOCK_17, scale=0.10)
    x = reduction(build, x, "Mixed_7a", MIXED_7A)
    for i in range(1, BLOCKS_8 + 1):
        x = residual(build, x, f"Block8_{i}", BLOCK_8, scale=0.20)
    x = residual(build, x, f"Block8_{BLOCKS_8 + 1}", BLOCK_8, scale=1.0, activated=False)

    x = build.add("AvgPool", GlobalAveragePool(), x)
    x = build.add("Dropout", Dropout(0.2), x)
    x = build.add("Bottleneck", Dense(outputs, bias=False), x)
    x = build.add("Bottleneck_BatchNorm", BatchNorm(EPSILON, scale=False, momentum=MOMENTUM), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


# A branch is a row of convolutions, each with its number of filters. The name says the
# size of the kernel; those called 1a halve the picture.
Branches = Sequence[Sequence[tuple[str, int]]]
BLOCK_35: Branches = (
    [("1x1", 32)],
    [("0a_1x1", 32), ("0b_3x3", 32)],
    [("0a_1x1", 32), ("0b_3x3", 32), ("0c_3x3", 32)],
)
BLOCK_17: Branches = (
    [("1x1", 128)],
    [("0a_1x1", 128), ("0b_1x7", 128), ("0c_7x1", 128)],
)
BLOCK_8: Branches = (
    [("1x1", 192)],
    [("0a_1x1", 192), ("0b_1x3", 192), ("0c_3x1", 192)],
)
MIXED_6A: Branches = (
    [("1a_3x3", 384)],
    [("0a_1x1", 192), ("0b_3x3", 192), ("1a_3x3", 256)],
)
MIXED_7A: Branches = (
    [("0a_1x1", 256), ("1a_3x3", 384)],
    [("0a_1x1", 256), ("1a_3x3", 256)],
    [("0a_1x1", 256), ("0b_3x3", 256), ("1a_3x3", 256)],
)


def _deepface_names() -> dict[str, str]:
    """Return, by their names here, the names that deepface's Facenet and Facenet512 give layers.

    There the second branch of the N-th residual block is called `Branch_N`, in all blocks 17
    and 8 except the very last.

    >>> _deepface_names()["Block17_3_Branch_1_Conv2d_0a_1x1"]
    'Block17_3_Branch_3_Conv2d_0a_1x1'
    """
    names = {}
    for kind, rows, count in (("Block17", BLOCK_17, BLOCKS_17), ("Block8", BLOCK_8, BLOCKS_8)):
        for number in range(2, count + 1):
            for convolved, _ in rows[1]:
                for layer in (f"Conv2d_{convolved}", f"Conv2d_{convolved}_BatchNorm"):
                    here = f"{kind}_{number}_Branch_1_{layer}"
                    names[here] = f"{kind}_{number}_Branch_{number}_{layer}"
    return names


def convolution(
    build: Builder, x: str, name: str, filters: int, stride: int = 1, padding: Padding = "same"
) -> str:
    """Convolution without bias, batch norm without gamma, ReLU; the name says the kernel's size."""
    height, width = map(int, name.rsplit("_", 1)[-1].split("x"))
    x = build.add(name, Convolution(filters, (height, width), stride, padding, bias=False), x)
    x = build.add(f"{name}_BatchNorm", BatchNorm(EPSILON, scale=False, momentum=MOMENTUM), x)
    return build.add(f"{name}_Activation", ReLU(), x)


def branches(build: Builder, x: str, block: str, rows: Branches) -> list[str]:
    """Add several rows of convolutions over the same input; return their ends."""
    ends = []
    for number, row in enumerate(rows):
        end = x
        for name, filters in row:
            full_name = f"{block}_Branch_{number}_Conv2d_{name}"
            stride, padding = HALVING if name.startswith("1a") else KEEPING
            end = convolution(build, end, full_name, filters, stride, padding)
        ends.append(end)
    return ends


def residual(
    build: Builder, x: str, block: str, rows: Branches, scale: float, activated: bool = True
) -> str:
    """Figures 10, 11 and 13: branches, projected to the channels of x, scaled, added to x."""
    with build.block(block):
        ends = branches(build, x, block, rows)
        mixed = build.add(f"{block}_Concatenate", Concatenate(), *ends)
        projected = build.add(f"{block}_Conv2d_1x1", Convolution(build.channels(x)), mixed)
        total = build.add(f"{block}_ScaleSum", ResidualAdd(scale), x, projected)
        return build.add(f"{block}_Activation", ReLU(), total) if activated else total


def reduction(build: Builder, x: str, block: str, rows: Branches) -> str:
    """Figures 7 and 12: branches that halve the picture, beside a max pooling that does."""
    with build.block(block):
        ends = branches(build, x, block, rows)
        name = f"{block}_Branch_{len(rows)}_MaxPool_1a_3x3"
        pooled = build.add(name, MaxPool(3, stride=2), x)
        return build.add(block, Concatenate(), *ends, pooled)


# By detector. Measured on LFW folds 1 to 4 (tools/experiments/alignment.py), with a margin of 32,
# which FaceNet's own faces had, and without: MTCNN 0.992 and 0.992, YuNet 0.991 and 0.995, the
# finder 0.993 (0.994 with 16) and 0.991. Pair by pair, the finder with 32 is better than MTCNN with
# 32 by 0.12 points (95 % -0.17 to 0.42), which needs a download, so that it is the cards'.
ALIGNMENTS = {"mtcnn": "margin-32", "yunet": "margin-0", "finder": "margin-32"}
FOUND_BY = {
    detector: Preparation(detector, alignment) for detector, alignment in ALIGNMENTS.items()
}

# Measured with the public weights, which give 128 numbers; nothing is known of 512.
_ASSIGNMENT = Threshold(
    0.7,
    f"{ASSIGNMENT}; {LFW}: no false match (rate below 0.0025 by the rule of three), "
    "false non-match rate 0.588",
)
THRESHOLDS = {
    ("prewhiten", LFW_CROP): Threshold(
        1.115,
        f"{CALIBRATED}: false match rate 0.010 (12 pairs; 95 % 0.006 to 0.017), "
        "false non-match rate 0.018",
    ),
    ("prewhiten", FOUND_BY["mtcnn"]): Threshold(
        1.154, f"{CALIBRATED_FACES}: {ONE_PERCENT}, false non-match rate 0.005"
    ),
    ("prewhiten", FOUND_BY["yunet"]): Threshold(
        1.143, f"{CALIBRATED_FACES}: {ONE_PERCENT}, false non-match rate 0.003"
    ),
    ("prewhiten", FOUND_BY["finder"]): Threshold(
        1.150, f"{CALIBRATED_BY_FINDER}: {ONE_PERCENT}, false non-match rate 0.007"
    ),
    ("unit", CENTRAL_SQUARE): replace(_ASSIGNMENT, evidence=f"{_ASSIGNMENT.evidence}; {CROPPED}"),
    ("unit", LFW_CROP): _ASSIGNMENT,
}
INCEPTION_RESNET_V1 = tuple(
    Recipe(
        "inception-resnet-v1",
        None,
        outputs,
        partial(inception_resnet_v1, outputs),
        other_names=_deepface_names(),
        preprocessing="prewhiten",
        preparation=FOUND_BY["finder"],
        alignments=ALIGNMENTS,
        thresholds=THRESHOLDS if outputs == 128 else {},
        known_as=(
            *("facenet", "inceptionresnet", "inceptionresnetv1"),
            "inceptionresnetv2",  # deepface's function for v1 was called so
            *("vggface2", "casiawebface"),  # in facenet-pytorch, as the next two
            *("20180402114759", "20180408102900"),
        ),
    )
    for outputs in (128, 512)
)
