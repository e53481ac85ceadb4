"""Drawn layers, with inputs and parameters that fit them, and drawn small networks.

Arrays come from a drawn seed, so that a counterexample shrinks to a small layer on a small
shape and prints as such.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from npfacenet.layers import (
    AbsoluteDifference,
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
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.testing.sample import Sample, draw_sample

LARGEST_WINDOW = 3
LARGEST_SIDE = 7


def shapes(rank: int, *, least: int = 1) -> st.SearchStrategy[Shape]:
    """Shapes of one example: (features,) for rank 1, (height, width, channels) for rank 3."""
    side = st.integers(least, LARGEST_SIDE)
    return st.tuples(*([side] * (rank - 1)), st.integers(1, 4))


def paddings() -> st.SearchStrategy[object]:
    """Every kind of padding that a window can have."""
    sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return st.one_of(st.just("valid"), st.just("same"), st.integers(0, 2), st.tuples(sides, sides))


def windows() -> st.SearchStrategy[dict[str, object]]:
    """Size, stride and padding."""
    size = st.integers(1, LARGEST_WINDOW)
    return st.fixed_dictionaries(
        {
            "size": st.one_of(size, st.tuples(size, size)),
            "stride": st.one_of(size, st.tuples(size, size)),
            "padding": paddings(),
        }
    )


@dataclass(frozen=True)
class Placed:
    """A layer with the shapes of inputs that it takes."""

    layer: Layer
    inputs: tuple[Shape, ...]


@st.composite
def placed_layers(draw: st.DrawFn) -> Placed:
    """Any layer of this library with a valid configuration, and shapes that fit it."""
    picture = shapes(3, least=LARGEST_WINDOW)
    kind = draw(st.sampled_from(sorted(_PLACED)))
    if kind == "window":
        window = draw(windows())
        if draw(st.booleans()):
            depthwise, filters = draw(st.booleans()), draw(st.integers(1, 4))
            convolution: Layer = (
                DepthwiseConvolution(**window)  # type: ignore[arg-type]  # drawn
                if depthwise
                else Convolution(filters, **window)  # type: ignore[arg-type]  # drawn
            )
            return Placed(convolution, (draw(picture),))
        # A pool's padding must be smaller than its window.
        window["padding"] = draw(st.sampled_from(["valid", "same"]))
        pool = draw(st.sampled_from([MaxPool, AveragePool, L2Pool]))
        drawn: Layer = pool(**window)  # type: ignore[abstract, arg-type]  # a concrete one is drawn
        return Placed(drawn, (draw(picture),))
    layer = draw(_PLACED[kind])
    if kind == "picture":
        return Placed(layer, (draw(picture),))
    if kind == "features":
        return Placed(layer, (draw(shapes(1)),))
    if kind == "pair":
        return Placed(layer, ((2, *draw(shapes(1))),))
    shape = draw(st.one_of(shapes(1), shapes(3)))
    if kind == "two of a shape":
        return Placed(layer, (shape, shape))
    if kind == "several":
        channels = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
        return Placed(layer, tuple((*shape[:-1], c) for c in channels))
    return Placed(layer, (shape,))


_PLACED: dict[str, st.SearchStrategy[Layer]] = {
    "window": st.nothing(),
    "picture": st.one_of(
        st.just(GlobalAveragePool()),
        st.builds(
            LocalResponseNorm,
            st.sampled_from([1, 3, 5]), st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 2),
        ),
        st.builds(ZeroPadding, st.integers(0, 3)),
        st.builds(UpsampleNearest, st.integers(1, 3)),
    ),
    "features": st.one_of(
        st.builds(Dense, st.integers(1, 5), bias=st.booleans()),
        st.builds(CosineDense, st.integers(1, 5)),
    ),
    "pair": st.one_of(st.just(AbsoluteDifference()), st.just(ChiSquare())),
    "any shape": st.one_of(
        st.just(ReLU()), st.just(PReLU()), st.just(L2Normalize()),
        st.just(Sigmoid()), st.just(Softmax()),
        st.builds(BatchNorm, st.sampled_from([1e-5, 1e-3]), st.booleans()),
        st.builds(Dropout, st.floats(0, 0.9)),
    ),
    "two of a shape": st.builds(ResidualAdd, st.floats(0, 1)),
    "several": st.just(Concatenate()),
}  # fmt: skip


def layers() -> st.SearchStrategy[Layer]:
    """Any layer of this library with a valid configuration."""
    return placed_layers().map(lambda placed: placed.layer)


@st.composite
def samples(draw: st.DrawFn, dtype: str = "float32") -> Sample:
    """A layer with inputs and parameters that fit it."""
    placed = draw(placed_layers())
    batch, seed = draw(st.integers(1, 3)), draw(st.integers(0, 2**16))
    return draw_sample(placed.layer, placed.inputs, batch=batch, seed=seed, dtype=dtype)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Small graphs: a chain with branches and residual blocks, that ends in unit vectors."""
    channels = draw(st.integers(1, 3))
    build = Builder("drawn", (draw(st.integers(4, 8)), draw(st.integers(4, 8)), channels))
    x = build.input
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["convolution", "branches", "residual", "pool"]))
        with build.block(f"block{i}"):
            x = _block(draw, build, kind, f"block{i}", x)
    x = build.add("average", GlobalAveragePool(), x)
    x = build.add("dense_layer", Dense(draw(st.integers(2, 5))), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


@st.composite
def open_networks(draw: st.DrawFn) -> Network[Outputs]:
    """Small graphs for pictures of any size from 4x4 pixels on, with one to three outputs.

    An output may also be read by nodes behind it.
    """
    build = Builder("drawn open", (None, None, draw(st.integers(1, 3))))
    ends = [build.input]
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["convolution", "branches", "residual", "pool"]))
        with build.block(f"block{i}"):
            ends.append(_block(draw, build, kind, f"block{i}", ends[-1]))
    outputs = draw(st.lists(st.sampled_from(ends[1:]), max_size=2, unique=True))
    if draw(st.booleans()) or ends[-1] in outputs:
        mean = build.add("average", GlobalAveragePool(), ends[-1])
        outputs.append(build.add("dense_layer", Dense(draw(st.integers(2, 5))), mean))
    else:
        outputs.append(ends[-1])
    return build.network(outputs=outputs)


def _block(draw: st.DrawFn, build: Builder, kind: str, name: str, x: str) -> str:
    filters, size = draw(st.integers(1, 4)), draw(st.sampled_from([1, 3]))
    if kind == "convolution":
        x = build.add(f"{name}_conv", Convolution(filters, size, padding="same"), x)
        x = build.add(f"{name}_bn", BatchNorm(1e-3, draw(st.booleans())), x)
        return build.add(f"{name}_relu", ReLU(), x)
    if kind == "branches":
        left = build.add(f"{name}_left", Convolution(filters, size, padding="same"), x)
        right = build.add(f"{name}_right", MaxPool(3, 1, padding="same"), x)
        return build.add(f"{name}_concatenate", Concatenate(), left, right)
    if kind == "residual":
        mixed = build.add(f"{name}_conv", Convolution(build.channels(x), size, 1, "same"), x)
        return build.add(f"{name}_add", ResidualAdd(draw(st.floats(0, 1))), x, mixed)
    return build.add(f"{name}_pool", MaxPool(2, 1, padding="same"), x)
