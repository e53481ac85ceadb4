"""The cost of reading pictures against that of the network: `bench.py pictures`.

A thousand JPEG files of 250 x 250 pixels (twenty drawn faces, repeated) are read on one core, their
pictures are run through the network alone, and `embed` does both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

import npfacenet
from npfacenet.images.decode import read
from npfacenet.images.preprocessing import prepare, preprocessing
from npfacenet.samples import picture

Faces: TypeAlias = npt.NDArray[np.float32]
FILES, DRAWN, PIXELS = 1000, 20, 250


def pictures(weights: str, rounds: int, files: int = FILES) -> None:
    """Time the three in turn, and print the medians of the rounds in seconds."""
    model = npfacenet.load(weights)
    with tempfile.TemporaryDirectory() as folder:
        paths = _write(Path(folder), files)

        def read_all() -> Faces:
            scaled = preprocessing(model.card.preprocessing)
            each = [prepare([read(path)], model.card.input_size, scaled) for path in paths]
            return np.concatenate(each)

        batch = read_all()
        kinds: dict[str, Callable[[], object]] = {
            "reading, one core": read_all,
            "network": lambda: model.plan.run(batch),
            "embed": lambda: model.embed(paths),
        }
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, call in kinds.items():
                start = time.perf_counter()
                call()
                taken[kind].append(time.perf_counter() - start)
    print(f"{files} JPEG files of {PIXELS}x{PIXELS} pixels, {weights}")
    for kind, seconds in taken.items():
        print(f"{kind:20}{statistics.median(seconds):8.2f} s")


def _write(folder: Path, files: int) -> list[Path]:
    paths = [folder / f"{number:04}.jpg" for number in range(files)]
    for number in range(min(DRAWN, files)):
        image = Image.fromarray(picture(number, 1, PIXELS))
        for path in paths[number::DRAWN]:
            image.save(path, quality=90)
    return paths
