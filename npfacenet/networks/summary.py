"""What a network consists of, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from npfacenet.errors import ShapeError
from npfacenet.layers import Shape
from npfacenet.networks.network import Network
from npfacenet.networks.open_shape import OpenShape
from npfacenet.networks.outputs import Outputs


@dataclass(frozen=True)
class SummaryRow:
    """One node: its layer, the shape it gives, what it learns and what it costs.

    `parameters` counts numbers, moving statistics included; `multiply_adds` is for one picture,
    None where the picture's size is open.
    """

    name: str
    block: str
    layer: str
    output_shape: OpenShape
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class Summary:
    """A network's nodes in order, and the names of its outputs."""

    name: str
    input_shape: OpenShape
    rows: tuple[SummaryRow, ...] = field(repr=False)
    outputs: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """The numbers that a weight file holds for it."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with addition for one picture; ShapeError where its size is open."""
        costs = [row.multiply_adds for row in self.rows if row.multiply_adds is not None]
        if len(costs) < len(self.rows):
            raise ShapeError(
                f"what {self.name} costs depends on the size of the picture: state it, "
                "summarise(network, input_shape)"
            )
        return sum(costs)


def summarise(network: Network[Outputs], input_shape: Shape | None = None) -> Summary:
    """Count shapes, parameters and multiply-adds, node by node.

    `input_shape` is the size of pictures to count for; without it, shapes and costs that depend on
    an open size are None. Raises ShapeError for a size that does not fit.
    """
    open_size = input_shape is None and None in network.accepted_shape
    shapes = {} if open_size else network.shapes(input_shape)
    rows = tuple(
        SummaryRow(
            node.name,
            node.block,
            str(node.layer),
            node.open_output_shape if open_size else shapes[node.name],
            sum(spec.size for spec in node.parameters.values()),
            None if open_size else node.layer.multiply_adds(*(shapes[i] for i in node.inputs)),
        )
        for node in network.nodes
    )
    shape = network.accepted_shape if open_size else shapes[network.INPUT]
    return Summary(network.name, shape, rows, network.outputs)
