"""Opens broken ONNX files, in a process of its own.

    python fuzz_onnx_files.py EXAMPLES FOLDER [--random]

Every case must end in success or in an error of the library, within 2 seconds, and the process
must not grow by more than 64 MB. Without --random the cases are the same each time.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from onnx_files import BrokenOnnx, broken_onnx_files, read_onnx, small_network

from npfacenet.errors import WeightsError

outcomes: Counter[str] = Counter()
slowest = 0.0


def open_all(examples: int, folder: Path, same: bool) -> None:
    path, network = folder / "weights.onnx", small_network()

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=same,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(broken_onnx_files())
    def opens_or_says_why(broken: BrokenOnnx) -> None:
        global slowest
        path.write_bytes(broken.content)
        start = time.perf_counter()
        try:
            parameters = read_onnx(path, network)
        except WeightsError as error:
            outcomes["refused" if "\n" not in str(error) else "in several lines"] += 1
        else:
            outcomes["read"] += 1
            assert all(np.isfinite(p).all() for p in parameters.values())
        assert not outcomes["in several lines"]
        seconds = time.perf_counter() - start
        slowest = max(slowest, seconds)
        assert seconds < 2
        assert path.read_bytes() == broken.content
        assert os.listdir(folder) == [path.name]

    opens_or_says_why()


def grown_by() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    open_all(10, Path(sys.argv[2]), same=True)
    before = grown_by()
    open_all(int(sys.argv[1]), Path(sys.argv[2]), same="--random" not in sys.argv)
    growth = grown_by() - before
    print(f"{dict(outcomes)}, slowest {slowest:.3f} s, grown by {growth:.0f} MB")
    assert growth < 64
