"""What a forked child finds: locks that are free, state that is whole, and its own threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import npfacenet
from npfacenet.networks import sole
from npfacenet.samples import conditions, draw, identity
from npfacenet.threads import Lock, OfProcess, forks, without_forks

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),  # beside threads, from 3.12
]
HERE = Path(__file__).parent
LONG = 60  # seconds


def exit_code(child: Callable[[], bool]) -> int:
    """Of a child that finds this: 0 if it does, and that of the alarm if it hangs."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            code = 0 if child() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def beside(hold: Callable[[threading.Event, threading.Event], None]) -> Callable[[], None]:
    """Start a thread, and return when it holds what it is to hold; give what ends it."""
    held, free = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold, args=(held, free))
    thread.start()
    assert held.wait(LONG)

    def end() -> None:
        free.set()
        thread.join(LONG)
        assert not thread.is_alive()

    return end


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, and beside it the bytes of its embedding in a batch of three."""
    path = tmp_path_factory.mktemp("forks") / "picture.png"
    PIL.Image.fromarray(draw(identity(18), conditions(18), 96)).save(path)  # a face is found
    values = npfacenet.load().embed([path] * 3, threads=2).values
    path.with_suffix(".bytes").write_bytes(values.tobytes())
    return path


def storm(kind: str, count: int, seed: int, *more: object) -> dict[str, int]:
    command = [
        sys.executable,
        str(HERE / "fork_storm.py"),
        kind,
        str(count),
        str(seed),
        *map(str, more),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert (done.returncode, done.stderr) == (0, "")
    outcomes: dict[str, int] = json.loads(done.stdout)
    return outcomes


def test_children_forked_at_any_moment_of_first_uses_embed_the_same() -> None:
    assert storm("warm", 150, seed=18) == {"right": 300}


def test_children_forked_while_the_library_is_imported_and_loads_embed_the_same(
    picture: Path,
) -> None:
    assert storm("cold", 20, 18, picture) == {"right": 21}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_forks(seed: int, picture: Path) -> None:
    assert storm("warm", 1000, seed) == {"right": 2000}
    for i in range(10):
        assert storm("cold", 50, 100 * seed + i, picture) == {"right": 51}


def test_workers_forked_during_a_first_enrol_answer(tmp_path: Path) -> None:
    code = """
import multiprocessing, sys, threading, time, warnings
import numpy as np
import npfacenet
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
pictures = np.random.default_rng(18).integers(0, 256, (4, 80, 80, 3), np.uint8)
for i in range(2):
    (folder := tmp / f"{i}").mkdir()
    for j in range(2):
        PIL.Image.fromarray(pictures[2 * i + j]).save(folder / f"{j}.png")
model = npfacenet.load()

def enrolled(_=None):
    return npfacenet.enrol(model, tmp, detect=False).embeddings.values.tobytes()

enrolling = threading.Thread(target=enrolled)
enrolling.start()
time.sleep(0.003)
with multiprocessing.get_context("fork").Pool(6) as pool:
    answers = pool.map_async(enrolled, range(12)).get(100)
enrolling.join()
print(len(answers), set(answers) == {enrolled()})
"""
    setup = f"import pathlib, PIL.Image; tmp = pathlib.Path({str(tmp_path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, text=True, timeout=200
    )
    assert (done.stdout, done.stderr) == ("12 True\n", "")


def test_a_lock_is_held_by_one_thread_at_a_time() -> None:
    lock, inside, most = Lock(), list[int](), list[int]()

    def work() -> None:
        for _ in range(20):
            with lock.held():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert most == [1] * 80
    with pytest.raises(ValueError, match="x"), lock.held():
        raise ValueError("x")
    assert not lock.locked()


def test_a_lock_that_another_thread_holds_is_free_in_a_child() -> None:
    lock = Lock()

    def hold(held: threading.Event, free: threading.Event) -> None:
        with lock.held():
            held.set()
            free.wait(LONG)

    def child() -> bool:
        for _ in range(2):
            with lock.held():
                assert lock.locked()
        return not lock.locked() and exit_code(lambda: not lock.locked()) == 0

    end = beside(hold)
    assert exit_code(child) == 0
    assert lock.locked()
    end()
    assert not lock.locked()


def test_a_lock_that_the_forking_thread_holds_is_free_in_the_child_and_stays_its_own() -> None:
    lock = Lock()
    pid = -1
    try:
        with lock.held():
            pid = os.fork()
            if pid == 0:
                assert not lock.locked()
                other = lock._lock.get()
                other.acquire()  # by whichever thread of the child
        if pid == 0:
            os._exit(0 if other.locked() else 2)
    finally:
        if pid == 0:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not lock.locked()


def test_each_process_has_a_value_of_its_own() -> None:
    own, here = OfProcess(list[int]), forks()
    own.get().append(1)
    first = own.get()

    def child() -> bool:
        own.get().append(2)
        return own.get() == [2] and forks() == here + 1 and len(own._of_forks) == 1

    assert exit_code(child) == 0
    assert own.get() is first
    assert first == [1]
    assert forks() == here


def test_a_fork_waits_for_what_must_not_be_cut() -> None:
    steps: list[str] = []

    def hold(held: threading.Event, free: threading.Event) -> None:
        with without_forks(), without_forks():
            steps.append("begun")
            held.set()
            time.sleep(0.1)
            steps.append("ended")

    end = beside(hold)
    assert exit_code(lambda: steps == ["begun", "ended"]) == 0
    end()
    with without_forks():  # the thread that forks may be inside
        assert exit_code(lambda: True) == 0
    assert exit_code(lambda: True) == 0


def test_a_fork_and_a_thread_that_reads_hdf5_do_not_wait_for_each_other() -> None:
    npfacenet.load()  # h5py is imported, with its hooks
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            npfacenet.load()

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(5):
        assert exit_code(lambda: npfacenet.load().card.outputs == 128) == 0
    ended.set()
    thread.join(LONG)
    assert not thread.is_alive()


def test_the_memory_that_a_parents_thread_works_in_is_not_the_childs() -> None:
    model = npfacenet.load()
    pictures = np.random.default_rng(18).random((2, 96, 96, 3), np.float32)
    expected = model.plan.run(pictures, threads=1)
    kept = model.plan.workspace_bytes

    def hold(held: threading.Event, free: threading.Event) -> None:
        with model.plan._kept.borrowed((2, (96, 96, 3), 1), lambda: model.plan.bind(2)):
            held.set()
            free.wait(LONG)

    def child() -> bool:
        if model.plan.workspace_bytes:
            return False
        return np.array_equal(sole(model.plan.run(pictures, threads=1)), sole(expected))

    end = beside(hold)
    assert model.plan.workspace_bytes == kept > 0
    assert exit_code(child) == 0
    end()
    assert model.plan.workspace_bytes == kept


def test_a_child_forked_in_the_middle_of_its_own_call_is_told_so() -> None:
    model = npfacenet.load()
    pictures = np.random.default_rng(18).integers(0, 256, (8, 96, 96, 3), np.uint8)
    expected = model.embed(pictures, threads=2, batch_size=2, detect=False).values
    pids: list[int] = []

    def fork_once(_: str, done: int, __: int | None) -> None:
        if done == 2:
            pids.append(os.fork())

    parent = os.getpid()
    try:
        values = model.embed(
            pictures, threads=2, batch_size=2, detect=False, progress=fork_once
        ).values
        assert os.getpid() == parent
        np.testing.assert_array_equal(values, expected)
    except npfacenet.errors.NpfacenetError as error:
        if os.getpid() == parent:
            raise
        again = model.embed(pictures, threads=2, batch_size=2, detect=False).values
        right = "forked in the middle of a call" in str(error) and np.array_equal(again, expected)
        os._exit(0 if right else 2)
    finally:
        if os.getpid() != parent:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 0
