"""The plan of a network: the same numbers as its `forward`, to rounding, in less time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import prod

import numpy as np

from npfacenet.arguments import is_shape, is_whole
from npfacenet.errors import ArgumentError, ShapeError, quoted, shortened
from npfacenet.inference.bound import Bound
from npfacenet.inference.folding import fold
from npfacenet.layers import Array, Shape
from npfacenet.layers.layer import is_floating
from npfacenet.networks import Network, NetworkParameters
from npfacenet.networks.outputs import shape_and_dtype
from npfacenet.threads import OfProcess
from npfacenet.threads.blas import single_threaded
from npfacenet.threads.blas import threads as threads_to_use
from npfacenet.threads.sharing import share_out

TOGETHER = 8
"""Pictures that one thread works on at a time: more do not make it faster."""
FEW = 3
"""Pictures whose steps two threads share: shared out, each thread would read all kernels for one or
two of them, and one wait for the other."""
_LARGEST = 1 << 22  # numbers of the largest tensor of a micro-batch, 16 MB
_KEPT = 4  # bound plans that wait for the next call
_MOST = 1 << 16  # pictures of a bound plan
_SIZES = 64  # of pictures, whose shapes are remembered


class Plan:
    """A network compiled for inference: folded once, bound to batches when they come.

    It keeps folded copies of the kernels, and of parameters only what nobody can change and what is
    not a part of something larger, which may go so. It may be used from several threads: each call
    has memory of its own, which is kept for the next one, a few at most. Sizes of pictures other
    than `network.input_shape` are welcome where the layers allow them.

    Raises ArgumentError for what is not a network, ShapeError for parameters that are missing or
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

    def __init__(self, network: Network, parameters: NetworkParameters) -> None:
        if not isinstance(network, Network):
            raise ArgumentError(f"a plan is of a Network, not of {quoted(network)}")
        network.require(parameters)
        self.network = network
        self._operations, self._output = fold(network, parameters)
        # Without a lock, which a forked child could find locked: each change is one of a deque or a
        # dict. What threads of a parent were writing to is in use there, and never free here.
        self._free: deque[Bound] = deque()
        self._in_use: OfProcess[dict[int, Bound]] = OfProcess(dict)
        self._sized: dict[Shape, dict[str, Shape]] = {}

    def __repr__(self) -> str:
        return f"<Plan of {shortened(self.network.name)}, {len(self._operations)} operations>"

    @property
    def workspace(self) -> int:
        """Bytes of memory for tensors, of the calls under way and kept for the next ones."""
        bounds = [*self._in_use.get().copy().values(), *self._free.copy()]
        return sum(bound.workspace for bound in bounds)

    def run(self, images: Array, *, threads: int | None = None) -> Array:
        """The output for pictures (N, H, W, C) of float32 or float64: float32 (N, ...).

        A batch is shared out to as many `threads` as the process has cores (`blas.cores`), each
        working on a few pictures at a time. The steps for one picture are shared by two, and so
        are those for two or three pictures where there are no more than two. NumPy's matrix
        products are kept to one core each meanwhile (`single_threaded`, which holds for the
        whole process), and after a pause this thread to the core where it is
        (`threads.worker_threads.beside`).
        A picture with a number that is not finite gets NaN, and no other picture is touched by
        it. The same batch on as many threads gives the same bits.

        Raises ShapeError for pictures that do not fit, ArgumentError for less than one thread.
        """
        cores = threads_to_use(threads)
        shape = self._accept(images)
        shapes = self._shapes(shape)
        output = np.empty((len(images), *shapes[self._output]), np.float32)
        together = cores > 1 and len(images) <= (FEW if cores == 2 else 1)
        workers, each = (1, 2) if together else (cores, 1)

        def work(batch: slice) -> None:
            with self._bound(batch.stop - batch.start, shape, each) as bound:
                bound.run(images[batch], output[batch])

        with single_threaded():
            share_out(batches(len(images), workers, _together(shapes)), work, workers)
        return output

    def bind(self, batch: int, *, shape: Shape | None = None, cores: int = 1) -> Bound:
        """The plan for so many pictures (H, W, C) on one or two cores, with memory of its own.

        Raises ShapeError for a shape that does not fit, ArgumentError for a batch of less than one
        picture and for other cores.
        """
        if (
            not is_whole(batch, low=1)
            or batch > _MOST
            or not is_whole(cores)
            or cores not in (1, 2)
        ):
            raise ArgumentError(
                f"a plan is bound to a batch of 1 to {_MOST} pictures and to 1 or 2 cores, not to "
                f"{quoted(batch)} and {quoted(cores)}"
            )
        expected = self.network.input_shape
        shape = expected if shape is None else shape
        if not is_shape(shape, len(expected)) or shape[-1] != expected[-1]:
            raise ShapeError(
                f"the plan of {self.network.name} is bound to pictures ({str(expected)[1:-1]}), "
                f"not {quoted(shape)}"
            )
        names = (Network.INPUT, self._output)
        return Bound(self._operations, names, self._shapes(shape), batch, cores)

    @contextmanager
    def _bound(self, batch: int, shape: Shape, cores: int) -> Iterator[Bound]:
        """One that is free or new; kept afterwards, unless there was an error."""
        bound = self._take((batch, shape, cores)) or self.bind(batch, shape=shape, cores=cores)
        in_use = self._in_use.get()
        in_use[id(bound)] = bound
        whole = False
        try:
            yield bound
            whole = True
        finally:
            del in_use[id(bound)]
            if whole:
                self._free.append(bound)
            while len(self._free) > _KEPT:
                with suppress(IndexError):  # another thread was faster
                    self._free.popleft()

    def _take(self, key: tuple[int, Shape, int]) -> Bound | None:
        for bound in self._free.copy():
            if bound.key == key:
                with suppress(ValueError):  # another thread was faster
                    self._free.remove(bound)
                    return bound
        return None

    def _accept(self, images: Array) -> Shape:
        expected = self.network.input_shape
        if is_floating(images):
            shape = images.shape[1:]
            if len(shape) == len(expected) and shape[-1:] == expected[-1:]:
                return shape
        raise ShapeError(
            f"the plan of {self.network.name} takes pictures (N, {str(expected)[1:-1]}) of "
            f"floating numbers, received {shape_and_dtype(images)}"
        )

    def _shapes(self, shape: Shape) -> dict[str, Shape]:
        """The shapes of all tensors for pictures of this shape."""
        if shape in self._sized:
            return self._sized[shape]
        shapes = {Network.INPUT: shape}
        for operation in self._operations:
            inputs = (shapes[name] for name in operation.inputs)
            shapes |= zip(operation.outputs, operation.output_shapes(*inputs), strict=True)
        if len(self._sized) >= _SIZES:
            self._sized = {}
        self._sized[shape] = shapes
        return shapes


def batches(count: int, cores: int, together: int = TOGETHER) -> list[slice]:
    """Micro-batches: of `together` pictures if there are many, else an equal share for each core.

    >>> batches(5, cores=2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    if count > 4 * cores * together:  # always of one size, so that memory for one size is enough
        return [slice(i, min(i + together, count)) for i in range(0, count, together)]
    number = -(-count // together)
    number = min(-(-number // cores) * cores, count)
    return [slice(count * i // number, count * (i + 1) // number) for i in range(number)]


def largest_batch(count: int, cores: int, together: int = TOGETHER) -> int:
    """Pictures of the largest of the `batches` of `count` pictures, which is at least one.

    >>> largest_batch(5, cores=2)
    3
    """
    largest: int = max(part.stop - part.start for part in batches(count, cores, together))
    return largest


def _together(shapes: Mapping[str, Shape]) -> int:
    largest = max(map(prod, shapes.values()))
    return max(1, min(TOGETHER, _LARGEST // max(largest, 1)))
