"""The engines of the inference benchmark, each in a process of its own.

An engine takes a Task and returns a function of pictures: float32 NHWC to embeddings. It reads
the files that `engine_files.py` wrote, and uses as many threads as the task says. `turns.py`
starts the processes and times them.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from turns import AGAINST, ORDER, PRODUCT

Pictures: TypeAlias = npt.NDArray[np.float32]
Run: TypeAlias = Callable[[Pictures], Any]
WARM_UP = 0.3  # seconds
TURN = 0.03  # seconds that the measured calls of a turn take together, at least
LONG = 0.2  # seconds; so long a call does not depend on what the caches held before it


@dataclass(frozen=True)
class Task:
    """The task of an engine: a network by its recipe's name, the batch and the threads."""

    folder: Path
    network: str
    batch: int
    threads: int

    @property
    def weights(self) -> Path:
        """Our own file of the network."""
        return self.folder / f"{self.network}.h5"

    @property
    def keras(self) -> Path:
        """A file of the network that every version of npfacenet reads."""
        return self.folder / f"{self.network}-keras.h5"

    @property
    def onnx(self) -> Path:
        """The ONNX file of the network for this batch."""
        return self.folder / f"{self.network}-{self.batch}.onnx"

    @property
    def expected(self) -> Path:
        """The file of the first picture's embedding, computed by the readable path."""
        return self.folder / f"{self.network}-expected.npy"

    @property
    def faces(self) -> Path:
        """The file of the pictures of the largest batch."""
        return self.folder / f"{self.network}-faces.npy"

    def pictures(self) -> Pictures:
        """Load the batch."""
        return np.array(np.load(self.faces, mmap_mode="r")[: self.batch])


def npfacenet(task: Task) -> Run:
    """Run the compiled plan, as users do."""
    from npfacenet.models import load

    model = load(task.weights)
    return lambda pictures: model.plan.run(pictures)  # keeps the model, as a user's program does


def against(task: Task) -> Run:
    """Run the compiled plan of another checkout, which is first on the path."""
    from npfacenet.models import load

    checkout = os.environ.get("PYTHONPATH", "")
    if not str(sys.modules["npfacenet"].__file__).startswith(checkout):
        sys.exit(f"the npfacenet that was imported is not that of {checkout}")
    model = load(task.keras)
    return lambda pictures: model.plan.run(pictures)


def readable(task: Task) -> Run:
    """Run the readable path, layer by layer."""
    from npfacenet.models import load

    model = load(task.weights)
    return partial(model.network.forward, model.parameters)


def onnxruntime(task: Task) -> Run:
    """Run ONNX Runtime with all its optimisations of the graph."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = task.threads
    session = runtime.InferenceSession(
        str(task.onnx), options, providers=["CPUExecutionProvider"]
    )  # fmt: skip
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})[0]


def torch(task: Task) -> Run:
    """Run PyTorch eager in inference mode, with the channels last, its fastest layout."""
    import torch as pytorch
    from torch_network import TorchNetwork

    from npfacenet.models import load

    pytorch.set_num_threads(task.threads)
    model = load(task.weights)
    module = TorchNetwork(model.network, model.parameters).eval()
    module = module.to(memory_format=pytorch.channels_last)

    def run(pictures: Pictures) -> Any:
        with pytorch.inference_mode():
            return module(pytorch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()

    return run


def opencv(task: Task) -> Run:
    """Run OpenCV's DNN module, from the ONNX file."""
    import cv2

    cv2.setNumThreads(task.threads)
    net = cv2.dnn.readNetFromONNX(str(task.onnx))

    def run(pictures: Pictures) -> Any:
        net.setInput(pictures)
        return net.forward()

    return run


def matrix_product(_: Task) -> Run:
    """Multiply two large matrices by NumPy: the rate that bounds every network."""
    left, right = np.random.default_rng(0).random((2, ORDER, ORDER), dtype=np.float32)
    output = np.empty_like(left)
    return lambda _: np.matmul(left, right, out=output)


ENGINES: Mapping[str, Callable[[Task], Run]] = {
    "npfacenet": npfacenet,
    AGAINST: against,
    "readable": readable,
    "onnxruntime": onnxruntime,
    "torch": torch,
    "opencv": opencv,
    PRODUCT: matrix_product,
}


def require_equal(output: Pictures, expected: Pictures) -> None:
    """Exit unless the first embedding is the readable path's: only right answers are timed."""
    difference = float(np.abs(output.reshape(-1, expected.size)[0] - expected).max())
    if not difference < 1e-3 * float(np.abs(expected).max()):
        sys.exit(f"computes something else: its embedding differs by {difference:g}")


def serve(engine: str, task: Task) -> None:
    """Take a turn for every line of standard input; print its seconds and the peak memory.

    A turn is one call that is not counted, because other engines have used the caches since the
    last turn, and then as many calls as take 30 ms. Its seconds are their median.
    """
    pictures = task.pictures()
    run = ENGINES[engine](task)
    output = run(pictures)
    if engine != PRODUCT:
        require_equal(output, np.load(task.expected))
    warming = [seconds(run, pictures)]
    while sum(warming) < WARM_UP:
        warming.append(seconds(run, pictures))
    shortest = min(warming)
    print("ready", flush=True)
    for _ in sys.stdin:
        if shortest < LONG:
            run(pictures)
        counted = [seconds(run, pictures) for _ in range(1 + int(TURN / shortest))]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([statistics.median(counted), peak]), flush=True)


def seconds(run: Run, pictures: Pictures) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run(pictures)
    return time.perf_counter() - start


def first(engine: str, task: Task) -> None:
    """Compute one output from a cold start, and print "done"."""
    ENGINES[engine](task)(task.pictures())
    print("done", flush=True)
