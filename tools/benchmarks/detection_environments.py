"""Environments of the detectors that npfacenet is measured against: `bench.py detection`."""

from __future__ import annotations

import sys
from pathlib import Path

from pip_environments import Packages, python_with

ENVIRONMENTS = {
    "opencv": Packages(("opencv-python-headless==5.0.0.93",)),
    # 5.5 GB; beside other versions of torch, torchvision does not import.
    "facenet-pytorch": Packages(
        ("torch==2.14.1", "torchvision==0.29.1", "pillow", "requests", "tqdm"),
        ("facenet-pytorch==2.6.0",),
    ),
    "faceie": Packages(("faceie==0.0.5",)),
}


def python_of(engine: str, folder: Path) -> str | None:
    """Return the Python that runs an engine; None if it cannot be had, as `python_with` says."""
    if engine not in ENVIRONMENTS:
        return sys.executable
    return python_with(ENVIRONMENTS[engine], engine, folder)
