"""A network of this library as a PyTorch module, for benchmarks: pip install 'npfacenet[bench]'."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  (its usual name)

from npfacenet.layers import (
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    GlobalAveragePool,
    L2Normalize,
    MaxPool,
    ReLU,
    ZeroPadding,
)
from npfacenet.layers.window import margins, pair
from npfacenet.networks import Network, NetworkParameters, Node


class TorchNetwork(torch.nn.Module):  # type: ignore[misc]  # untyped where torch is missing
    """The same graph, NCHW, in training mode. Knows the layers of nn4.small2 `course`."""

    def __init__(self, network: Network, parameters: NetworkParameters) -> None:
        super().__init__()
        self.network = network
        self.values = torch.nn.ParameterDict()
        for (node, name), value in parameters.items():
            tensor = torch.from_numpy(value.copy())
            if tensor.ndim == 4:
                tensor = tensor.permute(3, 2, 0, 1).contiguous()
            learns = not name.startswith("moving")
            self.values[f"{node}/{name}"] = torch.nn.Parameter(tensor, requires_grad=learns)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) to embeddings."""
        flowing = {self.network.INPUT: images}
        for node in self.network.nodes:
            flowing[node.name] = self.compute(node, [flowing[name] for name in node.inputs])
        return flowing[self.network.nodes[-1].name]

    def compute(self, node: Node, inputs: list[torch.Tensor]) -> torch.Tensor:
        """One node's output."""
        x = inputs[0]
        own = {name: self.values[f"{node.name}/{name}"] for name in node.parameters}
        match node.layer:
            case Convolution(stride=stride, padding=padding):
                pad = 0 if padding == "valid" else padding
                return F.conv2d(x, own["kernel"], own["bias"], pair(stride), pad)
            case BatchNorm(epsilon=epsilon, momentum=momentum):
                return F.batch_norm(
                    x, own["moving_mean"], own["moving_variance"], own["gamma"], own["beta"],
                    training=True, momentum=1 - momentum, eps=epsilon,
                )  # fmt: skip
            case ReLU():
                return F.relu(x)
            case MaxPool(size=size, stride=stride, padding=padding):
                return F.max_pool2d(x, size, stride, 0 if padding == "valid" else padding)
            case AveragePool(size=size, stride=stride):
                return F.avg_pool2d(x, size, stride)
            case ZeroPadding(margins=sides):
                (top, bottom), (left, right) = margins(sides)
                return F.pad(x, (left, right, top, bottom))
            case Concatenate():
                return torch.cat(inputs, dim=1)
            case GlobalAveragePool():
                return x.mean(dim=(2, 3))
            case Dense():
                return x @ own["kernel"] + own["bias"]
            case L2Normalize():
                return F.normalize(x, dim=1)
        raise SystemExit(f"{node.layer} is not known to {__file__}")
