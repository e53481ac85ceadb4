"""The layers: one file per concept, one contract (`layer.py`) for all."""

from npfacenet.layers.activation import PReLU, ReLU
from npfacenet.layers.batch_norm import BatchNorm
from npfacenet.layers.concatenate import Concatenate
from npfacenet.layers.convolution import Convolution
from npfacenet.layers.cosine_dense import CosineDense
from npfacenet.layers.dense import Dense
from npfacenet.layers.depthwise_convolution import DepthwiseConvolution
from npfacenet.layers.dropout import Dropout
from npfacenet.layers.l2_normalize import L2Normalize
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    ParameterSpec,
    Saved,
    Shape,
    Statistics,
)
from npfacenet.layers.local_response_norm import LocalResponseNorm
from npfacenet.layers.padding import ZeroPadding
from npfacenet.layers.pair_similarity import AbsoluteDifference, ChiSquare
from npfacenet.layers.pooling import AveragePool, GlobalAveragePool, L2Pool, MaxPool
from npfacenet.layers.registry import register as register_layer
from npfacenet.layers.residual import ResidualAdd
from npfacenet.layers.sigmoid import Sigmoid
from npfacenet.layers.softmax import Softmax
from npfacenet.layers.upsample_nearest import UpsampleNearest
from npfacenet.layers.window import Window, col2im, im2col

__all__ = [
    "AbsoluteDifference",
    "Array",
    "AveragePool",
    "BatchNorm",
    "ChiSquare",
    "Concatenate",
    "Convolution",
    "CosineDense",
    "Dense",
    "DepthwiseConvolution",
    "Dropout",
    "GlobalAveragePool",
    "Gradients",
    "InputGradients",
    "L2Normalize",
    "L2Pool",
    "Layer",
    "LocalResponseNorm",
    "MaxPool",
    "PReLU",
    "ParameterSpec",
    "Parameters",
    "ReLU",
    "ResidualAdd",
    "Saved",
    "Shape",
    "Sigmoid",
    "Softmax",
    "Statistics",
    "UpsampleNearest",
    "Window",
    "ZeroPadding",
    "col2im",
    "im2col",
    "register_layer",
]


def __dir__() -> list[str]:
    return sorted(__all__)
