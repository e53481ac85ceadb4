"""Inference: how a network runs fast, from a convolution to its calls.

`Plan` is what `Model.embed` uses. It computes what `Network.forward` computes, to rounding: a law
that tests hold it to on drawn networks. A plan is a list of calls such as
`np.matmul(kernel, patches, out)`, prepared once for a size of batches, so that a run does nothing
but make them. This page follows one layer on its way there:

    Network: nodes "conv2", "norm2", "relu2", with parameters            networks/
       |
       |  folding.py: HANDLERS has a handler for each type of layer.
       |  fold_convolution.py makes a Convolve of conv2; fold_batch_norm.py scales its kernel;
       |  fold_activation.py adds the activation. One operation is left, which writes "relu2".
       v
    Convolve(inputs=("relu1",), outputs=("relu2",), bank)                 operation.py
       |       bank: kernel, bias, window, activation                     filter_bank.py
       |
       |  convolve.py: ALGORITHMS lists im2col and Winograd's filtering for several sizes of tiles.
       |  Each that serves the window estimates nanoseconds by the constants in costs.py. The
       |  cheapest is taken; nothing is timed.
       v
    SizedWinograd: kind "F(6x6)", cost, scratch, borders, halves()        winograd.py
       |
       |  bound_plan.py: all operations of the network are sized now. With two cores schedule.py
       |  says who does which, and where one waits for the other.
       |  placement.py: which tensors share an array (a branch is computed within what
       |  concatenates it; a residual is added in place), and the zeros around pictures.
       |  arena.py: arrays that do not live at the same time share memory.
       v
    Workspace: one block of memory; each tensor is a Region in it         workspace.py, region.py
       |
       |  SizedWinograd.calls(inputs, outputs, scratch), for each piece that fits in the cache:
       |  gather tiles -> transform down, across -> multiply at each point -> transform back
       |  down, across -> epilogue (bias, activation) -> scatter to the picture.
       v
    [copyto, matmul, matmul, matmul, matmul, matmul, add, maximum, copyto] for each piece

>>> from npfacenet.layers import BatchNorm, Convolution, ReLU
>>> from npfacenet.networks import Builder
>>> build = Builder("one layer", input_shape=(24, 24, 64))
>>> x = build.add("conv2", Convolution(192, 3, padding=1, bias=False), build.input)
>>> x = build.add("relu2", ReLU(), build.add("norm2", BatchNorm(1e-3), x))
>>> network = build.network()
>>> [(work.names, work.kind) for work in Plan(network, network.initialise(0)).bind(8).work]
[(('relu2',), 'F(6x6)')]

`BoundPlan.run` copies the pictures to their place, makes all calls, and copies the outputs.
`Plan.run` cuts a batch (batching.py), gives each part to a thread that borrows a bound plan
(kept_plans.py), and binds new ones for sizes that it has not seen.

Where to change what:

- A layer with a fast kernel: a file with its operation, the sized operation (`SimpleOperation` if
  its calls need no pieces) and a handler, and a line in `folding.HANDLERS`. `global_mean.py` is a
  short example. Without a handler a layer runs through its own `forward` (readable.py). For
  layers that follow it: `scaled` takes in a batch norm, `activated` an activation.
- Another algorithm for convolutions, or another size of tiles: a line in `convolve.ALGORITHMS`.
  Algorithms read a `FilterBank` and know nothing of each other.
- Constants of costs and caches: `Costs`. A plan takes them, `Plan(network, parameters, costs)`,
  and passes them on; tests vary them to reach every path with small pictures.
- Calls on memory: elementwise_calls.py for bias, activations and copies, product.py for products
  of matrices. Both arrange memory in the runs that NumPy and OpenBLAS are fastest on.
"""

from npfacenet.inference.costs import Costs
from npfacenet.inference.plan import Plan

__all__ = ["Costs", "Plan"]


def __dir__() -> list[str]:
    return sorted(__all__)
