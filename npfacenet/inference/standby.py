"""Threads that stand by: they work beside the thread that calls, each on another core.

Starting a thread takes as long as a small network, so those that have worked wait for more. They
end with the process.
"""

from __future__ import annotations

import _thread
import math
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

Job = Callable[[], object]
_KEPT = os.cpu_count() or 1  # threads that wait
_PAUSE, _YOUNG = 0.004, 0.06  # seconds


class _Order(NamedTuple):
    job: Job
    done: _thread.LockType
    cores: Collection[int] | None


class _Standby:
    """A thread that does one job after the other, each ordered while it is in `_waiting`."""

    def __init__(self) -> None:
        self._orders: deque[_Order] = deque()
        self._ordered = _thread.allocate_lock()
        self._ordered.acquire()
        _thread.start_new_thread(self._serve, ())

    def order(self, job: Job, cores: Collection[int] | None) -> _thread.LockType:
        """Have a job done, on these cores; the lock is free when it is."""
        done: _thread.LockType = _thread.allocate_lock()
        done.acquire()
        self._orders.append(_Order(job, done, cores))
        self._ordered.release()
        return done

    def _serve(self) -> None:
        more = True
        while more:
            self._ordered.acquire()
            job, done, cores = self._orders.popleft()
            if cores is not None:
                _stay_on(cores)
            try:
                job()
                more = len(_waiting) < _KEPT
                if more:
                    _waiting.append(self)
            finally:
                done.release()
            del job, done  # while it waits


class _Burst:
    """Blocks with hardly a pause between them: when they began, when the last one ended."""

    began = ended = -math.inf

    def is_young(self) -> bool:
        """Whether a block that begins now is one of the first after a pause."""
        now = time.monotonic()
        if now - self.ended > _PAUSE:
            self.began = now
        return now - self.began < _YOUNG


_waiting: deque[_Standby] = deque()
_apart = _thread.allocate_lock()
_burst = _Burst()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)  # a child has no thread but its own


@contextmanager
def beside(jobs: Sequence[Job]) -> Iterator[int]:
    """Have other threads call the jobs while this block runs, and wait for them at its end.

    Gives how many jobs are called: fewer if the system has no more threads. Jobs do not raise.
    Where an error ends the block nobody waits.

    After a pause Linux moves threads that wake each other (here, for the interpreter's lock) to
    one core, and takes some 50 ms to part them. So at first this thread stays on the core where
    it is, and the others stay away from it: for blocks that begin less than 60 ms after a pause,
    unless another block is being run, or there are more threads than cores. Later they go where
    they like, which is better beside other processes.
    """
    with _kept_apart(len(jobs)) as others:
        locks = []
        for job in jobs:
            with suppress(RuntimeError):  # no more threads
                locks.append(_take().order(job, others))
        yield len(locks)
        for done in locks:
            done.acquire()


def _take() -> _Standby:
    try:
        return _waiting.popleft()
    except IndexError:
        return _Standby()


@contextmanager
def _kept_apart(count: int) -> Iterator[Collection[int] | None]:
    """Keep this thread on its core; gives the cores for `count` others, None if unknown."""
    where = _where()
    if where is None or not count:
        yield None
        return
    mine = os.sched_getaffinity(0)
    if not _apart.acquire(blocking=False):
        yield mine
        return
    try:
        here = {where()}
        if len(mine - here) < count or not _burst.is_young():
            yield mine
            return
        try:
            _stay_on(here)
            yield mine - here
        finally:
            _stay_on(mine)
    finally:
        _burst.ended = time.monotonic()
        _apart.release()


def _stay_on(cores: Collection[int]) -> None:
    with suppress(OSError):  # a sandbox may not allow it
        os.sched_setaffinity(0, cores)


@cache
def _where() -> Callable[[], int] | None:
    """What tells the core that this thread runs on, or None where threads cannot be kept."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    with suppress(ImportError, AttributeError, OSError):
        import ctypes

        # As PyDLL, which keeps the interpreter's lock: getting it back can take 5 ms.
        where: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
        return where
    return None
