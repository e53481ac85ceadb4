"""The layers: one file per concept, one contract (`layer.py`) for all."""

from npfacenet.layers.activation import PReLU, ReLU
from npfacenet.layers.batch_norm import BatchNorm
from npfacenet.layers.concatenate import Concatenate
from npfacenet.layers.convolution import Convolution
from npfacenet.layers.dense import Dense
from npfacenet.layers.dropout import Dropout
from npfacenet.layers.l2_normalize import L2Normalize
from npfacenet.layers.layer import Array, Layer, Parameters, ParameterSpec, Shape
from npfacenet.layers.local_response_norm import LocalResponseNorm
from npfacenet.layers.padding import ZeroPadding
from npfacenet.layers.pooling import AveragePool, GlobalAveragePool, L2Pool, MaxPool
from npfacenet.layers.residual import ResidualAdd
from npfacenet.layers.window import Window, im2col

__all__ = [
    "Array",
    "AveragePool",
    "BatchNorm",
    "Concatenate",
    "Convolution",
    "Dense",
    "Dropout",
    "GlobalAveragePool",
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
    "Shape",
    "Window",
    "ZeroPadding",
    "im2col",
]
