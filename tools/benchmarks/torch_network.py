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
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    MaxPool,
    ReLU,
    ResidualAdd,
    ZeroPadding,
)
from npfacenet.layers.window import Pair, Window, margins
from npfacenet.networks import Network, NetworkParameters, Node, Outputs


class TorchNetwork(torch.nn.Module):  # type: ignore[misc]  # untyped where torch is missing
    """The same graph in NCHW, for nn4.small2 `course` and Inception-ResNet; `eval()` to infer."""

    def __init__(self, network: Network[Outputs], parameters: NetworkParameters) -> None:
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
        """Map (N, 3, H, W) to embeddings."""
        flowing = {self.network.INPUT: images}
        for node in self.network.nodes:
            flowing[node.name] = self.compute(node, [flowing[name] for name in node.inputs])
        return flowing[self.network.nodes[-1].name]

    def compute(self, node: Node, inputs: list[torch.Tensor]) -> torch.Tensor:
        """Compute the output of one node."""
        x = inputs[0]
        own = {name: self.values[f"{node.name}/{name}"] for name in node.parameters}
        match node.layer:
            case Convolution() as layer:
                sides = symmetric(node, layer.window)
                return F.conv2d(x, own["kernel"], own.get("bias"), layer.window.stride, sides)
            case BatchNorm(epsilon=epsilon, momentum=momentum):
                return F.batch_norm(
                    x, own["moving_mean"], own["moving_variance"], own.get("gamma"), own["beta"],
                    training=self.training, momentum=1 - momentum, eps=epsilon,
                )  # fmt: skip
            case ReLU():
                return F.relu(x)
            case MaxPool() as layer:
                sides = symmetric(node, layer.window)
                return F.max_pool2d(x, layer.window.size, layer.window.stride, sides)
            case AveragePool() as layer:
                sides = symmetric(node, layer.window)
                size, stride = layer.window.size, layer.window.stride
                return F.avg_pool2d(x, size, stride, sides, count_include_pad=False)
            case ZeroPadding() as layer:
                (top, bottom), (left, right) = margins(layer.margins)
                return F.pad(x, (left, right, top, bottom))
            case ResidualAdd(scale=scale):
                return x + scale * inputs[1]
            case Concatenate():
                return torch.cat(inputs, dim=1)
            case GlobalAveragePool():
                return x.mean(dim=(2, 3))
            case Dropout() as layer:
                return F.dropout(x, layer.rate, self.training)
            case Dense():
                product = x @ own["kernel"]
                return product + own["bias"] if "bias" in own else product
            case L2Normalize():
                return F.normalize(x, dim=1)
        raise SystemExit(f"{node.layer} has no counterpart in {__file__}")


def symmetric(node: Node, window: Window) -> Pair:
    """Return the rows and columns of padding, which PyTorch adds to both sides alike."""
    (top, bottom), (left, right) = window.margins(*node.input_shapes[0][:2])
    if (top, left) != (bottom, right):
        raise SystemExit(f"{node.name} is padded unevenly, which {__file__} does not support")
    return top, left
