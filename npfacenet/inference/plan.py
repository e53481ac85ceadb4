"""The plan of a network: the same numbers as its `forward`, to rounding, in less time."""

from __future__ import annotations

from math import prod
from typing import Generic, NamedTuple, cast

import numpy as np

from npfacenet.arguments import is_shape, is_whole
from npfacenet.errors import ArgumentError, ShapeError, quoted, shortened
from npfacenet.inference.bound_plan import BoundPlan
from npfacenet.inference.costs import Costs
from npfacenet.inference.folding import fold
from npfacenet.inference.kept_plans import KeptPlans
from npfacenet.layers import Array, Shape
from npfacenet.layers.layer import is_floating
from npfacenet.networks.network import Network
from npfacenet.networks.node import NetworkParameters
from npfacenet.networks.open_shape import shown
from npfacenet.networks.outputs import Out, as_outputs, shape_and_dtype
from npfacenet.threads.blas import single_threaded
from npfacenet.threads.cores import threads_to_use
from npfacenet.threads.sharing import share_out

_MOST_PICTURES = 1 << 16  # of a bound plan
_LARGEST = 1 << 38  # numbers of one tensor for a picture: a terabyte
_MOST_SIZES = 64  # of pictures that are remembered
_MEASURED = Costs()


class _Sizes(NamedTuple):
    """The shapes of all tensors for one picture, by name, and the numbers of the largest."""

    shapes: dict[str, Shape]
    largest: int


class Plan(Generic[Out]):
    """A network compiled for inference: folded once, bound to sizes of batches as they come.

    It keeps folded copies of the kernels, and shares with the caller only parameters that nobody
    can change and that are not part of a larger array. Several threads may use it at once: each
    call has memory of its own, which is kept for later calls within bounds (`Costs`). `costs` are
    the constants by which it chooses algorithms and cuts work; by default the measured ones.

    Raises ArgumentError for anything but a network, ShapeError for parameters that are missing or
    do not fit. With parameters that are not finite, or that overflow, outputs are not finite.

    >>> from npfacenet.layers import Convolution, GlobalAveragePool, ReLU
    >>> from npfacenet.networks import Builder
    >>> build = Builder("tiny", input_shape=(8, 8, 3))
    >>> x = build.add("conv", Convolution(4, size=3), build.input)
    >>> x = build.add("mean", GlobalAveragePool(), build.add("relu", ReLU(), x))
    >>> network = build.network()
    >>> parameters = network.initialise(seed=0)
    >>> images = np.ones((2, 8, 8, 3), np.float32)
    >>> plan = Plan(network, parameters)
    >>> np.allclose(plan.run(images), network.forward(parameters, images), atol=1e-6)
    True
    """

    def __init__(
        self, network: Network[Out], parameters: NetworkParameters, costs: Costs = _MEASURED
    ) -> None:
        if not isinstance(network, Network):
            raise ArgumentError(f"a plan is made from a Network, not from {quoted(network)}")
        if not isinstance(costs, Costs):
            raise ArgumentError(f"the costs of a plan are Costs, not {quoted(costs)}")
        network.require(parameters)
        self.network, self.costs = network, costs
        self._folded = fold(network, parameters)
        self._kept = KeptPlans(costs)
        self._sizes: dict[Shape, _Sizes] = {}

    def __repr__(self) -> str:
        count = len(self._folded.operations)
        return f"<Plan of {shortened(self.network.name)}, {count} operations>"

    @property
    def workspace_bytes(self) -> int:
        """Bytes of memory for tensors, of the calls under way and kept for the next ones."""
        return self._kept.workspace_bytes

    def run(self, images: Array, *, threads: int | None = None) -> Out:
        """Compute the output (N, ...), float32, for pictures (N, H, W, C) of float32 or float64.

        A network with several outputs gives a dict of them by name.

        Up to `threads` threads, by default as many as the process has cores
        (`threads.cores.cores`), work on a few pictures at a time each. Two of them share the
        operations for one picture, and those for two or three pictures where there are no more
        threads (`inference.batching`). Meanwhile each of NumPy's matrix products stays on one
        core, in the whole process (`single_threaded`), and after a pause this thread stays on its
        core (`threads.worker_threads.beside`).

        All outputs of a picture with a number that is not finite are NaN; no other picture is
        affected. The same batch on as many threads gives the same bits.

        Raises ShapeError for pictures that do not fit, naming the layer where the size is open,
        and ArgumentError for fewer than one thread.
        """
        cores = threads_to_use(threads)
        shapes, largest = self._accepted(images)
        outputs = {
            name: np.empty((len(images), *shapes[tensor]), np.float32)
            for name, tensor in self._folded.outputs.items()
        }
        division = self.costs.batching.division(len(images), cores, largest)
        shape, cores = images.shape[1:], division.cores

        def work(part: slice) -> None:
            size = part.stop - part.start

            def bind() -> BoundPlan:
                return BoundPlan(self._folded, shapes, size, cores, self.costs)

            with self._kept.borrowed((size, shape, cores), bind) as bound:
                bound.run(images[part], *(output[part] for output in outputs.values()))

        with single_threaded():
            share_out(division.parts, work, division.threads)
        return cast("Out", as_outputs(outputs))

    def bind(self, batch: int, *, shape: Shape | None = None, cores: int = 1) -> BoundPlan:
        """Bind the plan to batches of `batch` pictures (H, W, C) and to one or two cores.

        It has memory of its own. `shape` is that of a picture, by default the network's.

        Raises ShapeError for a shape that does not fit, ArgumentError for a batch of fewer than one
        picture and for other numbers of cores.
        """
        if (
            not is_whole(batch, low=1)
            or batch > _MOST_PICTURES
            or not is_whole(cores)
            or cores not in (1, 2)
        ):
            raise ArgumentError(
                f"a plan is bound to a batch of 1 to {_MOST_PICTURES} pictures and to 1 or 2 "
                f"cores, not to {quoted(batch)} and {quoted(cores)}"
            )
        if shape is not None and not is_shape(shape):
            raise ShapeError(f"a picture has a shape such as (96, 96, 3), not {quoted(shape)}")
        sizes = self._sizes_for(self.network.input_shape if shape is None else shape)
        return BoundPlan(self._folded, sizes.shapes, batch, cores, self.costs)

    def _accepted(self, images: Array) -> _Sizes:
        """The sizes for pictures that fit."""
        if not is_floating(images) or not images.ndim:
            raise ShapeError(
                f"the plan of {self.network.name} takes pictures "
                f"(N, {shown(self.network.accepted_shape)}) of floating numbers, received "
                f"{shape_and_dtype(images)}"
            )
        return self._sizes_for(images.shape[1:])

    def _sizes_for(self, shape: Shape) -> _Sizes:
        """The sizes for pictures of this shape; ShapeError if it does not fit."""
        known = self._sizes.get(shape)  # in one step: another thread may begin anew
        if known is not None:
            return known
        of_nodes = self.network.shapes(shape)
        shapes = {name: of_nodes[name] for name in self._folded.tensors}
        name = max(shapes, key=lambda one: prod(shapes[one]))
        if prod(shapes[name]) > _LARGEST:
            raise ShapeError(
                f"{name!r} of {self.network.name} would have {prod(shapes[name]):,} numbers for a "
                f"picture of shape {shape}, more than any memory holds"
            )
        if len(self._sizes) >= _MOST_SIZES:
            self._sizes = {}
        sizes = self._sizes[shape] = _Sizes(shapes, prod(shapes[name]))
        return sizes
