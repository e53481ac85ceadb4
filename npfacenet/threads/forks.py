"""Locks and other state that stay usable in a forked child.

A forked child has one thread, the one that called `os.fork`, and a copy of all memory as it was at
that moment. A lock that another thread held then stays locked in the child for ever, and whatever
needs it hangs. Web servers and `multiprocessing` fork, and Python's own import locks are among
those locks. So state that threads share is kept in one of three ways:

- without a lock, in objects that the interpreter changes atomically (a deque, a dict): a child
  finds them consistent;
- behind a `Lock`, which a child finds free, if the guarded state is consistent at every moment (one
  assignment at the end) or belongs to the process (`OfProcess`);
- `without_forks`, for work that a fork must not interrupt at all: importing, and files that are
  open in a C library with locks of its own. A fork waits until it is done.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from npfacenet.errors import NpfacenetError

Value = TypeVar("Value")

_forks = 0
_unforked = threading.RLock()


def forks() -> int:
    """Return how many forks lie between this process and the one that imported the library."""
    return _forks


def require_same_process(began: int) -> None:
    """Raise NpfacenetError unless this is the process in which `forks()` was `began`.

    For work that several threads share: a child that one of them forks in the middle of it would
    wait for the others for ever.
    """
    if began != _forks:
        raise NpfacenetError(
            "this process was forked in the middle of a call that several threads share, and the "
            "child does not have them: call again in the child"
        )


class OfProcess(Generic[Value]):
    """A value of which each process has its own; a forked child makes a new one.

    >>> own = OfProcess(list)
    >>> own.get().append(1)
    >>> own.get()
    [1]
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._of_forks: dict[int, Value] = {}

    def get(self) -> Value:
        """Return the value of this process, made at the first call; all threads get the same."""
        own = self._of_forks.get(_forks)
        if own is None:
            own = self._of_forks.setdefault(_forks, self._make())
            for other in [*self._of_forks]:
                if other != _forks:  # a parent's: not used here
                    self._of_forks.pop(other, None)
        return own


class Lock:
    """A lock for one thread at a time, which a forked child finds free.

    That includes a child forked by the thread that holds it. Locks may be nested, but a thread
    must not take the same one twice.

    >>> lock = Lock()
    >>> with lock.held():
    ...     lock.locked()
    True
    """

    def __init__(self) -> None:
        self._lock = OfProcess(threading.Lock)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait until no other thread of this process holds the lock, and hold it in this block."""
        with self._lock.get():  # the same one is released, in a child too
            yield

    def locked(self) -> bool:
        """Whether a thread of this process holds it."""
        return self._lock.get().locked()


@contextmanager
def without_forks() -> Iterator[None]:
    """Keep other threads from forking this process within this block: `os.fork` waits for its end.

    For short work. Blocks of several threads take turns, and may be nested.
    """
    with _unforked:
        yield


# Modules whose own hooks hold a lock during a fork: the module, the lock, and a name that only
# versions with such hooks have (older versions of h5py have none).
_HOLDERS = (
    ("h5py._objects", "phil", "_phil_after_fork"),
    ("concurrent.futures.thread", "_global_shutdown_lock", "_global_shutdown_lock"),
)


def _before_fork() -> None:
    """Wait for the end of all `without_forks` blocks, and hold their lock.

    Hooks that were registered later have run before: h5py's holds the lock of all of HDF5. A thread
    in a block that reads a file would wait for that lock, and this thread for the block, so such
    locks are released while it waits. In the end all are held, also those of a module that was
    imported in the meantime: its own hook releases them after the fork.
    """
    if _unforked.acquire(blocking=False):
        return
    for lock in _locks_of_others():
        with suppress(RuntimeError):  # imported a moment ago, so its lock is not held yet
            lock.release()
    _unforked.acquire()
    for lock in _locks_of_others():
        lock.acquire()


def _locks_of_others() -> list[threading.Lock]:
    modules = [(sys.modules.get(name), lock, hook) for name, lock, hook in _HOLDERS]
    return [getattr(module, lock) for module, lock, hook in modules if hasattr(module, hook)]


def _after_fork_in_child() -> None:
    global _forks
    _forks += 1
    _unforked.release()


if hasattr(os, "register_at_fork"):
    # The thread that forks holds the lock, and so does the child's only thread: both release it.
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_unforked.release,
        after_in_child=_after_fork_in_child,
    )
