"""Importing costs what NumPy costs, and loads nothing else."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

STARTS = 9


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_only_numpy_is_loaded() -> None:
    loaded = run(
        "import sys, numpy; before = set(sys.modules); import npfacenet; dir(npfacenet);"
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before}))"
    )
    assert set(loaded.split()) - sys.stdlib_module_names == {"npfacenet"}


def test_h5py_and_pillow_wait_until_they_are_needed() -> None:
    loaded = run(
        "import sys, npfacenet; npfacenet.load; npfacenet.verify; npfacenet.Gallery;"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    assert not {"h5py", "PIL", "matplotlib", "hypothesis"} & set(loaded.split())
    assert "numpy" in loaded.split()


def test_at_most_30_ms_more_than_numpy() -> None:
    # The median of interleaved pairs, because the machine is not equally fast all the time; of time
    # on a core, because another test runs beside this one.
    timed = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
    names = ["numpy", "npfacenet, numpy"] * STARTS
    seconds = [float(run(timed.format(name))) for name in names]
    more = [ours - numpy for numpy, ours in zip(seconds[::2], seconds[1::2], strict=True)]
    assert median(more) <= 0.03


def test_what_only_messages_need_waits_for_one() -> None:
    loaded = run("import sys, npfacenet; npfacenet.load(); print(*sys.modules)").split()
    assert "npfacenet.checkpoints.reading" in loaded
    assert not {
        "npfacenet.checkpoints.other_formats",
        "npfacenet.checkpoints.protobuf",
        "npfacenet.recipes.familiar_names",
    } & set(loaded)
