"""A description of the machine, for the results of `inference.py`."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from turns import say

DISTRIBUTIONS = ("numpy", "onnxruntime", "torch", "opencv-python-headless", "opencv-python")
BUSY = 0.5  # processes that want to run before the benchmark does; with 1 the rates halve


def machine(cores: int, blas: str) -> dict[str, object]:
    """Describe what the times depend on; say on stderr what makes them unreliable."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        say(f"busy in the last minute (load {load:.1f}): if it still is, times mean little")
    if told := os.environ.get("OPENBLAS_CORETYPE"):
        say(f"OPENBLAS_CORETYPE={told} is set: unset it to let NumPy's OpenBLAS choose its kernels")
    return {
        "cpu": _cpu(),
        "cores": cores,
        "load_before": round(load, 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "blas": blas,
        "versions": versions,
    }


def _cpu() -> str:
    """Return the processor's name and its widest vector instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    known = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    flags = known.get("flags", "").split()
    widest = [name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags]
    return " with ".join([known.get("model name") or platform.machine(), *widest[:1]])
