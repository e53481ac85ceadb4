"""The table of layer cases: every layer with inputs that fit it. Every law runs over every case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers import (
    AbsoluteDifference,
    Array,
    AveragePool,
    BatchNorm,
    ChiSquare,
    Concatenate,
    Convolution,
    CosineDense,
    Dense,
    DepthwiseConvolution,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    Layer,
    LocalResponseNorm,
    MaxPool,
    PReLU,
    ReLU,
    ResidualAdd,
    Shape,
    Sigmoid,
    Softmax,
    UpsampleNearest,
    ZeroPadding,
)
from npfacenet.testing.sample import draw_sample


@dataclass(frozen=True)
class Case:
    layer: Layer
    inputs: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"{self.layer} of {self.inputs}"


CASES = [
    Case(Convolution(4, 3, padding="same"), ((5, 6, 3),)),
    Case(Convolution(4, 3, stride=2, padding="same"), ((6, 5, 2),)),
    Case(Convolution(3, (1, 3), padding="valid", bias=False), ((4, 5, 2),)),
    Case(Convolution(2, 5, stride=2, padding=2), ((7, 7, 1),)),
    Case(Convolution(6), ((2, 3, 4),)),
    Case(Convolution(2, 2, padding=((1, 0), (0, 2))), ((3, 3, 2),)),
    Case(DepthwiseConvolution(3, padding="same"), ((5, 6, 3),)),
    Case(DepthwiseConvolution((2, 3), stride=2, bias=False), ((6, 5, 2),)),
    Case(DepthwiseConvolution(3, stride=2, padding=((1, 0), (0, 2))), ((4, 5, 2),)),
    Case(Dense(5), ((7,),)),
    Case(Dense(3, bias=False), ((2,),)),
    Case(BatchNorm(1e-5), ((3, 4, 5),)),
    Case(BatchNorm(1e-3, scale=False), ((6,),)),
    Case(MaxPool(3, stride=2), ((7, 6, 2),)),
    Case(MaxPool(3, stride=2, padding=1), ((6, 6, 2),)),
    Case(MaxPool((2, 3), stride=1, padding="same"), ((4, 4, 3),)),
    Case(AveragePool(3), ((6, 7, 2),)),
    Case(AveragePool(3, stride=1, padding="same"), ((4, 4, 2),)),
    Case(L2Pool(3), ((6, 6, 4),)),
    Case(L2Pool(2, stride=1, padding=1), ((3, 3, 1),)),
    Case(GlobalAveragePool(), ((3, 4, 5),)),
    Case(LocalResponseNorm(), ((2, 3, 7),)),
    Case(LocalResponseNorm(3, alpha=0.5, beta=0.5, k=2.0), ((2, 2, 2),)),
    Case(ReLU(), ((3, 2, 2),)),
    Case(PReLU(), ((3, 2, 4),)),
    Case(Sigmoid(), ((3, 2, 4),)),
    Case(Softmax(), ((2, 3, 4),)),
    Case(Softmax(), ((2,),)),
    Case(UpsampleNearest(), ((2, 3, 4),)),
    Case(UpsampleNearest(3), ((2, 1, 2),)),
    Case(ZeroPadding(((3, 4), (0, 1))), ((2, 3, 2),)),
    Case(ZeroPadding(0), ((2, 3, 2),)),
    Case(Concatenate(), ((2, 3, 1), (2, 3, 4), (2, 3, 2))),
    Case(Concatenate(), ((4,),)),
    Case(ResidualAdd(0.17), ((2, 3, 4), (2, 3, 4))),
    Case(Dropout(0.2), ((5,),)),
    Case(L2Normalize(), ((6,),)),
    Case(CosineDense(4), ((6,),)),
    Case(AbsoluteDifference(), ((2, 5),)),
    Case(ChiSquare(), ((2, 5),)),
]


def draw_inputs(
    case: Case, rng: np.random.Generator, batch: int = 3, dtype: str = "float32"
) -> list[Array]:
    return [rng.standard_normal((batch, *shape)).astype(dtype) for shape in case.inputs]


def draw_parameters(
    case: Case, rng: np.random.Generator, dtype: str = "float32"
) -> dict[str, Array]:
    seed = int(rng.integers(2**16))
    return dict(draw_sample(case.layer, case.inputs, seed=seed, dtype=dtype).parameters)
