"""How many threads NumPy's matrix products use.

NumPy leaves a matrix product to a BLAS, which spreads it over the cores with threads of its own.
Python threads that multiply at the same time then compete for the cores. Within `single_threaded`
each product stays on the core of the thread that calls it.

This works with OpenBLAS on its own threads, as NumPy's wheels for Linux and Windows bring it. With
any other BLAS (MKL, Accelerate, OpenBLAS on OpenMP) `single_threaded` does nothing: results are
correct, but may take longer.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from npfacenet.threads.forks import without_forks

if TYPE_CHECKING:
    import ctypes

# OpenBLAS's names of its functions in the wheels of NumPy 2 and 1.26, in systems, in 32 bits.
_SPELLINGS = ("scipy_openblas_{}64_", "openblas_{}64_", "openblas_{}", "scipy_openblas_{}")
_NUMPY_CORE = ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath")  # 2 and 1.26


class _OpenBLAS(NamedTuple):
    get_threads: Callable[[], int]
    set_threads: Callable[[int], object]


class _Use:
    """How many blocks of `single_threaded` there are, and the number to restore after them."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0
        self.before: int | None = None


_use = _Use()


def controllable() -> bool:
    """Whether the threads of the BLAS that NumPy is linked with can be counted and set."""
    return _openblas() is not None


@cache
def kernels() -> str | None:
    """Return OpenBLAS's kernels for this processor, such as "Haswell"; None for another BLAS.

    The variable OPENBLAS_CORETYPE makes OpenBLAS choose others.
    """
    with suppress(ImportError):
        from ctypes import c_char_p

        for (ask,) in _functions("get_corename"):
            ask.restype = c_char_p
            return str(ask().decode())
    return None


def blas_threads() -> int | None:
    """Return how many threads NumPy's matrix products use now; None if that is unknown.

    It is one number for the whole process: 1 while any thread is inside `single_threaded`.
    """
    blas = _openblas()
    return None if blas is None else blas.get_threads()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep each matrix product on the core of the thread that calls it, within this block.

    The number of threads belongs to the whole process: within the block it is 1 for all threads,
    and for other libraries that use NumPy. Blocks may be nested, and several threads may enter
    them at once: the first sets 1, and the last restores the number from before, also after an
    exception. If other code sets another number in the meantime, that one stays. A child forked in
    the meantime starts outside of any block, with the number from before.

    >>> with single_threaded():
    ...     blas_threads() in (1, None)
    True
    """
    blas = _openblas()
    if blas is None:
        yield
        return
    use = _use
    with use.lock:
        if use.inside == 0:
            if use.before is None:  # else an interrupt kept the last block from restoring it
                use.before = blas.get_threads()
            blas.set_threads(1)
        use.inside += 1
    try:
        yield
    finally:
        # In a child forked within the block it has ended, and its lock may never become free.
        if use is _use:
            with use.lock:
                use.inside -= 1
                if use.inside == 0:
                    _restore(blas, use)


@cache
@without_forks()
def _openblas() -> _OpenBLAS | None:
    """Return NumPy's OpenBLAS, if it is one with threads of its own; looked up once."""
    for get, set_, parallel in _functions("get_num_threads", "set_num_threads", "get_parallel"):
        if parallel() == 1:  # threads of its own; those of OpenMP are set for each thread
            blas = _OpenBLAS(get, set_)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=partial(_begin_anew, blas))
            return blas
    return None


def _functions(*names: str) -> Iterator[list[Any]]:
    """Yield OpenBLAS's functions of these names, from each library that has all of them."""
    for library in _loaded():
        for spelling in _SPELLINGS:
            with suppress(AttributeError):
                yield [library[spelling.format(name)] for name in names]


def _loaded() -> Iterator[ctypes.PyDLL]:
    """Yield loaded libraries that may answer for OpenBLAS; a second copy is never loaded."""
    # As PyDLL, which keeps the interpreter's lock: getting it back can take 5 ms, the calls 1 us.
    with suppress(ImportError, OSError):  # a Python without ctypes, a NumPy without files
        import ctypes

        if sys.platform == "win32":
            # There a library does not answer for the ones it is linked with.
            handle_of = ctypes.WinDLL("kernel32").GetModuleHandleW
            handle_of.restype = ctypes.c_void_p
            for dll in Path(np.__file__).parent.with_name("numpy.libs").glob("*openblas*.dll"):
                if handle := handle_of(dll.name):
                    yield ctypes.PyDLL(dll.name, handle=handle)
        else:
            for name in _NUMPY_CORE:
                if path := getattr(sys.modules.get(name), "__file__", None):
                    yield ctypes.PyDLL(path, os.RTLD_NOLOAD)


def _restore(blas: _OpenBLAS, use: _Use) -> None:
    if use.before is not None and blas.get_threads() == 1:  # if not 1, others have set it
        blas.set_threads(use.before)
    use.before = None


def _begin_anew(blas: _OpenBLAS) -> None:
    """In a forked child: leave the blocks of the parent's threads, which do not exist here."""
    global _use
    left, _use = _use, _Use()
    _restore(blas, left)
