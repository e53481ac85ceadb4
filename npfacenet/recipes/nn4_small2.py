"""nn4.small2: OpenFace's small inception network, 96x96 pixels to 128 numbers.

Amos, Ludwiczuk and Satyanarayanan 2016, "OpenFace: A general-purpose face recognition
library with mobile applications", section 3.2; the parent network NN4 is that of Schroff
et al. 2015, "FaceNet".
Two variants take the same 3,743,280 numbers:

- `course`, the Keras code of the deeplearning.ai assignment: average pooling for L2
  pooling, no local response normalisation, and Keras' default epsilon in `bn1`.
- `openface`, the network as it was trained (OpenFace's models/openface/nn4.small2.def.lua).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from npfacenet.errors import ArgumentError
from npfacenet.layers import (
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    Layer,
    LocalResponseNorm,
    MaxPool,
    ReLU,
    ZeroPadding,
)
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

Branch: TypeAlias = Callable[[Builder, str, str], str]  # (build, block, input) to output
VARIANTS = ("course", "openface")
MOMENTUM = 0.9  # of moving statistics; Torch writes it as 0.1, the share of the new ones


def nn4_small2(variant: str = "course") -> Network:
    """Return the network: (96, 96, 3) to 128 numbers of unit length; last node `embedding`.

    Raises ArgumentError for a variant other than `course` and `openface`.
    """
    if variant not in VARIANTS:
        raise ArgumentError(f"nn4.small2 has the variants {', '.join(VARIANTS)}, not {variant!r}")
    course = variant == "course"
    largest = MaxPool(3, stride=2)
    typical = AveragePool(3) if course else L2Pool(3)

    build = Builder("nn4.small2", input_shape=(96, 96, 3))
    x = convolution(build, build.input, "", 64, 7, "1", 2, 3, epsilon=1e-3 if course else 1e-5)
    x = build.add("pool1", MaxPool(3, stride=2, padding=1), x)
    x = x if course else build.add("norm1", LocalResponseNorm(5, alpha=1e-4, beta=0.75), x)
    x = convolution(build, x, "", 64, 1, "2")
    x = convolution(build, x, "", 192, 3, "3", padding=1)
    x = x if course else build.add("norm3", LocalResponseNorm(5, alpha=1e-4, beta=0.75), x)
    x = build.add("pool3", MaxPool(3, stride=2, padding=1), x)

    def inception(name: str, x: str, *branches: Branch) -> str:
        block = f"inception_{name}"
        with build.block(block):
            ends = (branch(build, block, x) for branch in branches)
            return build.add(block, Concatenate(), *ends)

    x = inception("3a", x, at(3, 96, 128), at(5, 16, 32), pool(largest, 32, (3, 4)), at1(64))
    x = inception("3b", x, at(3, 96, 128), at(5, 32, 64), pool(typical, 64, (4, 4)), at1(64))
    x = inception("3c", x, at(3, 128, 256, 2), at(5, 32, 64, 2), pool(largest, 0, (0, 1)))
    x = inception("4a", x, at(3, 96, 192), at(5, 32, 64), pool(typical, 128, (2, 2)), at1(256))
    x = inception("4e", x, at(3, 160, 256, 2), at(5, 64, 128, 2), pool(largest, 0, (0, 1)))
    x = inception("5a", x, at(3, 96, 384), pool(typical, 96, (1, 1)), at1(256))
    x = inception("5b", x, at(3, 96, 384), pool(largest, 96, (1, 1)), at1(256))

    x = build.add("average", GlobalAveragePool(), x)
    x = build.add("dense_layer", Dense(128), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


def at1(filters: int) -> Branch:
    """A branch of 1x1 convolutions."""
    return lambda build, block, x: convolution(build, x, f"{block}_1x1_", filters, 1)


def at(size: int, reduced: int, filters: int, stride: int = 1) -> Branch:
    """A branch that reduces the channels by 1x1 convolutions, then looks at size x size."""

    def branch(build: Builder, block: str, x: str) -> str:
        prefix = f"{block}_{size}x{size}_"
        x = convolution(build, x, prefix, reduced, 1, "1")
        return convolution(build, x, prefix, filters, size, "2", stride, size // 2)

    return branch


def pool(layer: Layer, filters: int, sides: tuple[int, int]) -> Branch:
    """A branch that pools, projects (unless `filters` is 0), and pads back to size with zeros."""

    def branch(build: Builder, block: str, x: str) -> str:
        x = build.add(f"{block}_pool", layer, x)
        if filters:
            x = convolution(build, x, f"{block}_pool_", filters, 1)
        return build.add(f"{block}_pool_pad", ZeroPadding((sides, sides)), x)

    return branch


def convolution(
    build: Builder,
    x: str,
    prefix: str,
    filters: int,
    size: int,
    number: str = "",
    stride: int = 1,
    padding: int = 0,
    *,
    epsilon: float = 1e-5,
) -> str:
    """Convolution, batch norm, ReLU; named `conv1` or `inception_3a_3x3_conv1` as in Keras."""
    layer = Convolution(filters, size, stride, padding)
    x = build.add(f"{prefix}conv{number}", layer, x)
    x = build.add(f"{prefix}bn{number}", BatchNorm(epsilon, momentum=MOMENTUM), x)
    return build.add(f"{prefix}relu{number}", ReLU(), x)


# By detector. OpenFace aligned its pictures by an affine map, of other points. On LFW folds 1 to 4
# (tools/experiments/alignment.py) `openface` has with MTCNN 0.917 affine and 0.912 by similarity,
# with YuNet 0.908 by both, but a larger area under ROC by similarity, with the finder 0.909 by
# both. All differences by the map are within the noise; so are those by the filter. Affine by eyes
# and nose alone was worse (0.901). The first is also that of detectors not named here.
ALIGNMENTS = {
    "mtcnn": "openface-affine",
    "yunet": "openface-similarity",
    "finder": "openface-similarity",
}
FOUND_BY = {
    detector: Preparation(detector, alignment) for detector, alignment in ALIGNMENTS.items()
}

# Evidence holds for one variant, one preprocessing and one preparation.
_COURSE = Threshold(
    0.7,
    f"{ASSIGNMENT}; {LFW}: false match rate 0.114 (137 pairs; 95 % 0.097 to 0.133), "
    "false non-match rate 0.608",
)
THRESHOLDS = {
    "course": {
        ("unit", CENTRAL_SQUARE): replace(_COURSE, evidence=f"{_COURSE.evidence}; {CROPPED}"),
        ("unit", LFW_CROP): _COURSE,
        ("unit", FOUND_BY["mtcnn"]): Threshold(
            0.762, f"{CALIBRATED_FACES}: {ONE_PERCENT}, false non-match rate 0.398"
        ),
        ("unit", FOUND_BY["yunet"]): Threshold(
            0.753, f"{CALIBRATED_FACES}: {ONE_PERCENT}, false non-match rate 0.437"
        ),
        ("unit", FOUND_BY["finder"]): Threshold(
            0.751, f"{CALIBRATED_BY_FINDER}: {ONE_PERCENT}, false non-match rate 0.405"
        ),
    },
    "openface": {
        ("unit", LFW_CROP): Threshold(
            0.604,
            f"{CALIBRATED}: false match rate 0.010 (12 pairs; 95 % 0.006 to 0.017), "
            "false non-match rate 0.898",
        ),
        ("unit", FOUND_BY["mtcnn"]): Threshold(
            0.830, f"{CALIBRATED_FACES}: {ONE_PERCENT}, false non-match rate 0.348"
        ),
        ("unit", FOUND_BY["yunet"]): Threshold(
            0.852,
            f"{CALIBRATED_FACES}: false match rate 0.009 (11 pairs; 95 % 0.005 to 0.016), "
            "false non-match rate 0.313",
        ),
        ("unit", FOUND_BY["finder"]): Threshold(
            0.846, f"{CALIBRATED_BY_FINDER}: {ONE_PERCENT}, false non-match rate 0.300"
        ),
    },
}
# The assignment's pictures are cropped already, and its figures are those of the crops.
PREPARATIONS = {"course": CENTRAL_SQUARE, "openface": FOUND_BY["mtcnn"]}
NN4_SMALL2 = tuple(
    Recipe(
        "nn4.small2",
        variant,
        128,
        partial(nn4_small2, variant),
        other_names={"dense_layer": "dense"},  # as real files have it, the course's CSV folder too
        preprocessing="unit",
        preparation=PREPARATIONS[variant],
        alignments=ALIGNMENTS,
        thresholds=THRESHOLDS[variant],
        known_as=(
            *("openface", "nn4", "nn4v2", "nn4small", "nn4small1", "nn4small2"),
            "openfacenn4small2",
            "facereco",  # faceRecoModel, the deeplearning.ai assignment's function
            "inceptionblocksv2",  # and its module
        ),
    )
    for variant in VARIANTS
)
