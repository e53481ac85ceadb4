"""One thread for matrix products within a block, and as before after it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from npfacenet.threads import blas
from npfacenet.threads.blas import blas_threads, controllable, single_threaded

needs_control = pytest.mark.skipif(not controllable(), reason="this BLAS cannot be controlled")
WAIT = 30
BEFORE = 3


def set_threads(number: int) -> None:
    found = blas._openblas()
    assert found is not None
    found.set_threads(number)


@pytest.fixture
def three_threads() -> Iterator[None]:
    """A number that is not 1, whatever the machine has."""
    before = blas_threads()
    assert before is not None
    set_threads(BEFORE)
    yield
    set_threads(before)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=WAIT,
        env={k: v for k, v in os.environ.items() if k != "NPFACENET_THREADS"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_the_openblas_of_a_wheel_is_found() -> None:
    """In the wheels for Linux and Windows, which is where most of us are."""
    libraries = Path(np.__file__).parent.with_name("numpy.libs")
    if not list(libraries.glob("*openblas*")):
        pytest.skip("not NumPy's own wheel")
    assert controllable()


@needs_control
def test_the_kernels_are_those_that_openblas_took(monkeypatch: pytest.MonkeyPatch) -> None:
    assert blas.kernels()
    if platform.machine().lower() in ("x86_64", "amd64"):
        monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
        assert run("from npfacenet.threads.blas import kernels; print(kernels())") == "Nehalem"


def test_another_blas_has_no_kernels_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    blas.kernels.cache_clear()
    try:
        monkeypatch.setattr(blas, "_loaded", lambda: iter(()))
        assert blas.kernels() is None
    finally:
        blas.kernels.cache_clear()


@needs_control
def test_only_the_calling_thread_multiplies_inside() -> None:
    """The time of the calling thread is that of the process inside, and part of it outside."""
    code = """
import time
import numpy as np
from npfacenet.threads import blas
blas._openblas().set_threads(3)
a = np.ones((1200, 1200), np.float32)
time.sleep(0.5)  # threads that have just been started wait for work by spinning

def share():
    process, thread = time.process_time(), time.thread_time()
    for _ in range(5):
        a @ a
    return (time.thread_time() - thread) / (time.process_time() - process)

with blas.single_threaded():
    inside = share()
print(inside, share())
"""
    inside, outside = map(float, run(code).split())
    assert inside > 0.9
    assert outside < 0.75


@needs_control
@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="no list of loaded libraries")
def test_no_second_copy_is_loaded() -> None:
    code = (
        "import numpy;"
        "lines = lambda: {l.split()[-1] for l in open('/proc/self/maps') if '.so' in l};"
        "import ctypes; before = lines();"
        "from npfacenet.threads.blas import *; assert controllable();"
        "print(*{l for l in lines() - before if 'blas' in l or 'numpy' in l})"
    )
    assert run(code) == ""


@needs_control
@pytest.mark.usefixtures("three_threads")
class TestOneThread:
    def test_inside_and_as_before_after_it(self) -> None:
        with single_threaded():
            assert blas_threads() == 1
        assert blas_threads() == BEFORE

    def test_nested_blocks_restore_at_the_outermost(self) -> None:
        with single_threaded():
            with single_threaded():
                assert blas_threads() == 1
            assert blas_threads() == 1
        assert blas_threads() == BEFORE

    def test_an_exception_restores(self) -> None:
        with pytest.raises(KeyError), single_threaded():
            raise KeyError
        assert blas_threads() == BEFORE

    def test_overlapping_threads_restore_at_the_last(self) -> None:
        both, first_left = threading.Barrier(2, timeout=WAIT), threading.Event()
        seen: dict[str, int | None] = {}

        def first() -> None:
            with single_threaded():
                both.wait()
                seen["both inside"] = blas_threads()
            seen["first left"] = blas_threads()
            first_left.set()

        def last() -> None:
            with single_threaded():
                both.wait()
                assert first_left.wait(WAIT)
                seen["last inside"] = blas_threads()

        for thread in [in_thread(first), in_thread(last)]:
            thread.join(WAIT)
        assert seen == {"both inside": 1, "first left": 1, "last inside": 1}
        assert blas_threads() == BEFORE

    def test_many_entries_and_leaves_at_once(self) -> None:
        start = threading.Barrier(8, timeout=WAIT)
        seen: set[int | None] = set()

        def work() -> None:
            start.wait()
            for _ in range(300):
                with single_threaded():
                    seen.add(blas_threads())

        for thread in [in_thread(work) for _ in range(8)]:
            thread.join(WAIT)
        assert seen == {1}
        assert blas_threads() == BEFORE

    def test_a_number_that_somebody_else_sets_stays(self) -> None:
        with single_threaded():
            set_threads(2)
        assert blas_threads() == 2
        with single_threaded():
            assert blas_threads() == 1
        assert blas_threads() == 2

    def test_products_are_right_inside_and_in_several_threads(self) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((2, 300, 300)).astype(np.float32)
        expected = a.astype(np.float64) @ b.astype(np.float64)
        worst: list[float] = []

        def work() -> None:
            with single_threaded():
                worst.extend(float(np.abs(a @ b - expected).max()) for _ in range(20))

        for thread in [in_thread(work) for _ in range(4)]:
            thread.join(WAIT)
        assert len(worst) == 80
        assert max(worst) < 1e-3


@needs_control
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize(
    "holder",
    ["this thread", "another thread", "a locked thread", "this beside a locked one", "nobody"],
)
def test_a_forked_child_starts_anew(holder: str) -> None:
    code = f"""
import os, signal, threading, warnings
import numpy as np
from npfacenet.threads import blas
from npfacenet.threads.blas import blas_threads, controllable, single_threaded
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, from 3.12 on
assert controllable()
blas._openblas().set_threads(3)
a = np.ones((400, 400), np.float32)
a @ a
inside, leave = threading.Event(), threading.Event()

def hold():
    with single_threaded():
        if {holder!r} == "a locked thread":
            blas._use.lock.acquire()
        inside.set()
        leave.wait(20)
        if {holder!r} == "a locked thread":
            blas._use.lock.release()

def fork():
    child = os.fork()
    if child:
        return child
    signal.alarm(20)  # ends a child that waits for a lock which nobody will free
    assert blas_threads() == 3, blas_threads()
    for _ in range(2):
        with single_threaded():
            assert blas_threads() == 1
            assert (a @ a == 400).all()
        assert blas_threads() == 3
    assert (a @ a == 400).all()
    return 0

if {holder!r} in ("this thread", "this beside a locked one"):
    with single_threaded():
        if {holder!r} == "this beside a locked one":
            threading.Thread(target=lambda: blas._use.lock.acquire()).start()
            while not blas._use.lock.locked():
                pass
        child = fork()
        if child:
            assert blas_threads() == 1
            if blas._use.lock.locked():
                blas._use.lock.release()
elif {holder!r} == "nobody":
    child = fork()
else:
    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(20)
    child = fork()
    if child:
        assert blas_threads() == 1
        leave.set()
        thread.join()
assert blas_threads() == 3, blas_threads()
if child:
    print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
else:
    os._exit(0)
"""
    assert run(code) == "child ended with 0"


class TestAnotherBLAS:
    @pytest.fixture(autouse=True)
    def nothing_found(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        blas._openblas.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(blas, "_loaded", lambda: iter(()))
            yield
        blas._openblas.cache_clear()

    def test_is_left_alone(self) -> None:
        assert not controllable()
        assert blas_threads() is None
        with single_threaded(), single_threaded():
            assert blas_threads() is None
            assert (np.ones((50, 50)) @ np.ones((50, 50)) == 50).all()

    def test_lets_exceptions_through(self) -> None:
        with pytest.raises(KeyError), single_threaded():
            raise KeyError


@pytest.mark.parametrize("kind", [0, 2])
def test_openblas_without_threads_of_its_own_is_left_alone(
    kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("get_num_threads", "set_num_threads", "get_parallel")
    library = {f"openblas_{name}": lambda *_: kind for name in names}

    class Library:
        def __getitem__(self, name: str) -> object:
            if name not in library:
                raise AttributeError(name)
            return library[name]

    blas._openblas.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(blas, "_loaded", lambda: iter([Library()]))
        assert not controllable()
    blas._openblas.cache_clear()


def test_importing_does_no_work() -> None:
    code = (
        "import sys; import npfacenet.threads.blas as blas;"
        "print(blas._openblas.cache_info().currsize)"
    )
    assert run(code) == "0"
