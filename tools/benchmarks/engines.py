"""One engine in a process of its own, which `inference.py` starts and times.

An engine is a function of a Task that gives a function of pictures: float32 NHWC to embeddings.
It reads the files that `engine_files.py` wrote, and uses as many threads as the task says.
"""

from __future__ import annotations

import json
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
from turns import ORDER, PRODUCT

Pictures: TypeAlias = npt.NDArray[np.float32]
Run: TypeAlias = Callable[[Pictures], Any]
WARM_UP = 0.3  # seconds
TURN = 0.03  # seconds that the measured calls of a turn take together, at least
LONG = 0.2  # seconds of a call for which it no longer matters what is in the caches before it


@dataclass(frozen=True)
class Task:
    """What an engine is asked for: a network by its recipe's name, the batch, the threads."""

    folder: Path
    network: str
    batch: int
    threads: int

    @property
    def weights(self) -> Path:
        """The network in this library's own layout."""
        return self.folder / f"{self.network}.h5"

    @property
    def onnx(self) -> Path:
        """The network for this batch as an ONNX file."""
        return self.folder / f"{self.network}-{self.batch}.onnx"

    @property
    def expected(self) -> Path:
        """The first picture's embedding by the readable path."""
        return self.folder / f"{self.network}-expected.npy"

    @property
    def faces(self) -> Path:
        """Pictures, as many as the largest batch has."""
        return self.folder / f"{self.network}-faces.npy"

    def pictures(self) -> Pictures:
        """The batch."""
        return np.array(np.load(self.faces, mmap_mode="r")[: self.batch])


def npfacenet(task: Task) -> Run:
    """The compiled plan, which is what users get."""
    from npfacenet.models import load

    model = load(task.weights)
    return lambda pictures: model.plan.run(pictures)  # as a user's program, it keeps the model


def readable(task: Task) -> Run:
    """The layers as they are written for reading."""
    from npfacenet.models import load

    model = load(task.weights)
    return partial(model.network.forward, model.parameters)


def onnxruntime(task: Task) -> Run:
    """ONNX Runtime's own optimisation of the graph, all of it."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = task.threads
    session = runtime.InferenceSession(
        str(task.onnx), options, providers=["CPUExecutionProvider"]
    )  # fmt: skip
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})[0]


def torch(task: Task) -> Run:
    """PyTorch eager in inference mode, with the channels last, which suits it best."""
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
    """OpenCV's DNN module, from the ONNX file."""
    import cv2

    cv2.setNumThreads(task.threads)
    net = cv2.dnn.readNetFromONNX(str(task.onnx))

    def run(pictures: Pictures) -> Any:
        net.setInput(pictures)
        return net.forward()

    return run


def matrix_product(_: Task) -> Run:
    """No network, but what bounds them all: NumPy's product of two large matrices."""
    left, right = np.random.default_rng(0).random((2, ORDER, ORDER), dtype=np.float32)
    output = np.empty_like(left)
    return lambda _: np.matmul(left, right, out=output)


ENGINES: Mapping[str, Callable[[Task], Run]] = {
    "npfacenet": npfacenet,
    "readable": readable,
    "onnxruntime": onnxruntime,
    "torch": torch,
    "opencv": opencv,
    PRODUCT: matrix_product,
}


def require_equal(output: Pictures, expected: Pictures) -> None:
    """Leave unless the first embedding is the readable path's: only right answers are timed."""
    difference = float(np.abs(output.reshape(-1, expected.size)[0] - expected).max())
    if not difference < 1e-3 * float(np.abs(expected).max()):
        sys.exit(f"computes something else: its embedding differs by {difference:g}")


def serve(engine: str, task: Task) -> None:
    """Take a turn for every line that comes in; answer with its seconds, and the peak memory.

    A turn is a call that is not counted, because other engines have used the caches since the
    last one, and then as many as take 30 ms; their median is the answer.
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
    """How long one call takes."""
    start = time.perf_counter()
    run(pictures)
    return time.perf_counter() - start


def first(engine: str, task: Task) -> None:
    """A cold start: say so as soon as the first output is there."""
    ENGINES[engine](task)(task.pictures())
    print("done", flush=True)


if __name__ == "__main__":
    what, name, folder, network, batch, threads = sys.argv[1:]
    {"serve": serve, "first": first}[what](
        name, Task(Path(folder), network, int(batch), int(threads))
    )
