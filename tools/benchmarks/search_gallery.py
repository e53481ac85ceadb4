"""The gallery's file of `bench.py search`: enrolling everybody, and opening it."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from search_engines import ANSWERS, QUESTIONS, VECTORS

from npfacenet.gallery import Gallery, identify
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.models import Embeddings

FILE = "people.gallery"
TOGETHER = 10_000  # people in a transaction


def make_file(folder: str) -> None:
    """Enrol everybody, one embedding each; print seconds, and the megabytes of the file."""
    vectors = np.load(Path(folder, VECTORS), mmap_mode="r")
    start = time.perf_counter()
    with Gallery.open(Path(folder, FILE)) as gallery:
        for first in range(0, len(vectors), TOGETHER):
            some = Embeddings.of(np.array(vectors[first : first + TOGETHER]))
            gallery.add_pictures(
                [
                    NewPicture(name_of(first + i), some[i : i + 1], PictureFacts())
                    for i in range(len(some))
                ]
            )
    taken = time.perf_counter() - start
    print(json.dumps([taken, Path(folder, FILE).stat().st_size / 1e6]))


def name_of(row: int) -> str:
    """Return the name of the person with this embedding."""
    return f"person {row}"


def open_file(folder: str, count: str) -> None:
    """Open the gallery, read it, and identify a probe; print seconds of each, and peak memory."""
    probe = np.load(Path(folder, QUESTIONS))[0]
    expected = [name_of(row) for row in np.load(Path(folder, ANSWERS))[0].tolist()]
    times = [time.perf_counter()]
    gallery = Gallery.open(Path(folder, FILE))
    times.append(time.perf_counter())
    gallery.searchable()
    times.append(time.perf_counter())
    found = identify(probe, gallery, threshold=1.0)
    times.append(time.perf_counter())
    if [one.name for one in found.candidates] != expected or len(gallery) != int(count):
        sys.exit(f"the gallery finds {found}, and not {expected}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*np.diff(times).tolist(), peak]))
