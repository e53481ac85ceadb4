"""A process that is killed at any moment loses nothing that it had committed."""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from npfacenet.gallery import Gallery

if not hasattr(os, "fork"):
    pytest.skip("needs fork", allow_module_level=True)

BEGUN, DONE = 0, 8  # where the shared memory holds the numbers of writes begun and done


def vector(number: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(number).standard_normal(128).astype(np.float32)


def write_for_ever(path: Path, shared: mmap.mmap, first: int) -> None:
    """Enrol person after person, remove every fifth one, and count."""
    with Gallery.open(path) as gallery:
        for number in range(first, first + 100_000):
            struct.pack_into("q", shared, BEGUN, number + 1)
            gallery.add(f"person {number}", vector(number))
            if number % 5 == 4:
                gallery.remove(f"person {number - 2}")
            struct.pack_into("q", shared, DONE, number + 1)


def killed_while_writing(path: Path, shared: mmap.mmap, first: int, delay: float) -> bool:
    """Kill a writer after a while; return whether it was inside a write."""
    child = os.fork()
    if child == 0:
        try:
            write_for_ever(path, shared, first)
        finally:
            os._exit(1)
    while struct.unpack_from("q", shared, BEGUN)[0] <= first:
        time.sleep(0.0005)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return bool(
        struct.unpack_from("q", shared, BEGUN)[0] > struct.unpack_from("q", shared, DONE)[0]
    )


def survive(folder: Path, kills: int) -> int:
    """Kill writers until so many were inside a write; check after each. Return the others."""
    path, rng = folder / "g", random.Random(7)  # noqa: S311  (moments, not secrets)
    shared, first, inside, outside = mmap.mmap(-1, 16), 0, 0, 0
    while inside < kills:
        struct.pack_into("qq", shared, 0, first, first)
        if killed_while_writing(path, shared, first, rng.uniform(0, 0.03)):
            inside += 1
        else:
            outside += 1
        done = struct.unpack_from("q", shared, DONE)[0]
        with Gallery.open(path) as gallery:
            assert gallery.check() == ()
            people = {int(name.split()[1]) for name in gallery}
            removed = {n - 2 for n in range(4, done, 5)}
            # What was under way is there or not: the next person, and a removal that goes with it.
            leaving = {done - 2} if done % 5 == 4 else set()
            assert set(range(done)) - removed - leaving <= people
            assert people - {done} <= set(range(done))
            assert removed & people == set()
            for number in rng.sample(sorted(people), min(5, len(people))):
                np.testing.assert_array_equal(gallery[f"person {number}"].values[0], vector(number))
            if done in people:
                gallery.remove(f"person {done}")
            for number in leaving - people:
                gallery.add(f"person {number}", vector(number))
        first = done
    return outside


def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    survive(tmp_path, 10)


@pytest.mark.slow
def test_five_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    survive(tmp_path, 500)
