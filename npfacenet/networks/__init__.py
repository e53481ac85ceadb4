"""Networks: immutable graphs of named layers."""

from npfacenet.networks.builder import Builder
from npfacenet.networks.network import Network, NetworkParameters, Node, ParameterName
from npfacenet.networks.summary import Summary, SummaryRow, summarise
from npfacenet.networks.tape import Tape

__all__ = [
    "Builder",
    "Network",
    "NetworkParameters",
    "Node",
    "ParameterName",
    "Summary",
    "SummaryRow",
    "Tape",
    "summarise",
]


def __dir__() -> list[str]:
    return sorted(__all__)
