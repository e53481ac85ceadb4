"""Opens broken weight files, in a process of its own.

    python fuzz_weight_files.py EXAMPLES FOLDER [--random]

Every case must end in success or in an error of the library, within 2 seconds, and the
process must neither die nor grow by more than 512 MB nor write anything. Without --random
the cases are the same each time. A case that hangs inside HDF5 itself, which nothing in the
process could end, ends it by SIGALRM; FOLDER then holds the file.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings

from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.testing.weight_files import TINY, BrokenFile, broken_weight_files

HANGS = 10.0  # seconds
outcomes: Counter[str] = Counter()
slowest = 0.0


def open_all(examples: int, folder: Path, same: bool) -> None:
    path = folder / "weights.h5"

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=same,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(broken_weight_files())
    def opens_or_says_why(broken: BrokenFile) -> None:
        global slowest
        path.write_bytes(broken.content)
        start = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        try:
            checkpoint = read_checkpoint(path, (TINY,))
        except WeightsError as error:
            outcomes["refused" if "\n" not in str(error) else "in several lines"] += 1
        else:
            outcomes["read"] += 1
            assert all(np.isfinite(p).all() for p in checkpoint.parameters.values())
        assert not outcomes["in several lines"]
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.perf_counter() - start
        slowest = max(slowest, seconds)
        assert seconds < 2
        assert path.read_bytes() == broken.content
        assert os.listdir(folder) == [path.name]

    opens_or_says_why()


def grown_by() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    before = grown_by()
    open_all(int(sys.argv[1]), Path(sys.argv[2]), same="--random" not in sys.argv)
    growth = grown_by() - before
    print(f"{dict(outcomes)}, slowest {slowest:.3f} s, grown by {growth:.0f} MB")
    assert growth < 512
