"""MTCNN: three small networks that find faces, each stricter than the one before it.

Zhang, Zhang, Li and Qiao 2016, "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", figure 2. P-Net slides over pictures of any size and proposes windows of
12x12 pixels, R-Net looks at the proposals at 24x24, O-Net at 48x48; `npfacenet.faces` runs the
three in turn. 495,850 numbers.

The public weights have landmarks in O-Net only. A fully connected layer of the figure is written as
a convolution whose kernel covers the whole map, so the outputs of R-Net and O-Net are maps of 1x1.
Pooling includes a last, incomplete window; at these sizes that equals "same" padding.

Pictures are RGB, (pixel - 127.5) / 128. The outputs:

- `probability`: that there is no face, and that there is one
- `box`: how far to move left, top, right and bottom, as fractions of the window's sides
- `landmarks` (O-Net): five x, then five y, from the window's top left corner, as fractions of its
  sides: eyes, nose, corners of the mouth, the one at the left of the picture first
"""

from __future__ import annotations

from npfacenet.layers import Convolution, MaxPool, PReLU, Softmax
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.recipes.recipe import Recipe

P_NET_WINDOW, P_NET_STRIDE = 12, 2
R_NET_SIDE, O_NET_SIDE = 24, 48


def pnet() -> Network[Outputs]:
    """Build P-Net: (height, width, 3), 12 pixels or more, to maps of windows 2 pixels apart."""
    build = Builder("mtcnn-pnet", input_shape=(None, None, 3))
    x = convolution(build, build.input, "1", 10, 3)
    x = build.add("pool1", MaxPool(2, padding="same"), x)
    x = convolution(build, x, "2", 16, 3)
    x = convolution(build, x, "3", 32, 3)
    return build.network(outputs=heads(build, x, box=4))


def rnet() -> Network[Outputs]:
    """Build R-Net: (24, 24, 3) to maps of one window."""
    build = Builder("mtcnn-rnet", input_shape=(R_NET_SIDE, R_NET_SIDE, 3))
    x = convolution(build, build.input, "1", 28, 3)
    x = build.add("pool1", MaxPool(3, stride=2, padding="same"), x)
    x = convolution(build, x, "2", 48, 3)
    x = build.add("pool2", MaxPool(3, stride=2), x)
    x = convolution(build, x, "3", 64, 2)
    x = convolution(build, x, "4", 128, 3)
    return build.network(outputs=heads(build, x, box=4))


def onet() -> Network[Outputs]:
    """Build O-Net: (48, 48, 3) to maps of one window, landmarks included."""
    build = Builder("mtcnn-onet", input_shape=(O_NET_SIDE, O_NET_SIDE, 3))
    x = convolution(build, build.input, "1", 32, 3)
    x = build.add("pool1", MaxPool(3, stride=2, padding="same"), x)
    x = convolution(build, x, "2", 64, 3)
    x = build.add("pool2", MaxPool(3, stride=2), x)
    x = convolution(build, x, "3", 64, 3)
    x = build.add("pool3", MaxPool(2), x)
    x = convolution(build, x, "4", 128, 2)
    x = convolution(build, x, "5", 256, 3)
    return build.network(outputs=heads(build, x, box=4, landmarks=10))


def convolution(build: Builder, x: str, number: str, filters: int, size: int) -> str:
    """Add a convolution without padding and PReLU; they are called `conv1` and `prelu1`."""
    x = build.add(f"conv{number}", Convolution(filters, size), x)
    return build.add(f"prelu{number}", PReLU(), x)


def heads(build: Builder, x: str, **numbers: int) -> list[str]:
    """Add the outputs, each a 1x1 convolution; softmax turns the score into probabilities."""
    score = build.add("score", Convolution(2, 1), x)
    probability = build.add("probability", Softmax(), score)
    others = [build.add(name, Convolution(count, 1), x) for name, count in numbers.items()]
    return [probability, *others]


P_NET, R_NET, O_NET = MTCNN = tuple(
    Recipe(f"mtcnn-{name}", None, outputs, build, purpose="detection", preprocessing="fixed")
    for name, outputs, build in (("pnet", 2, pnet), ("rnet", 2, rnet), ("onet", 3, onet))
)
