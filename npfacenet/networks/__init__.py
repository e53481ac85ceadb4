"""Networks: immutable graphs of named layers."""

from npfacenet.networks.builder import Builder
from npfacenet.networks.network import Network
from npfacenet.networks.node import NetworkParameters, Node, ParameterName
from npfacenet.networks.open_shape import OpenShape
from npfacenet.networks.outputs import Outputs, sole
from npfacenet.networks.summary import Summary, SummaryRow, summarise
from npfacenet.networks.tape import Tape

__all__ = [
    "Builder",
    "Network",
    "NetworkParameters",
    "Node",
    "OpenShape",
    "Outputs",
    "ParameterName",
    "Summary",
    "SummaryRow",
    "Tape",
    "sole",
    "summarise",
]


def __dir__() -> list[str]:
    return sorted(__all__)
