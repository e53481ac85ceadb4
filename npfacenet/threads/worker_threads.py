"""Threads that wait for work, to run beside the thread that calls.

Starting a thread takes as long as a small network, so threads are kept after their work, about as
many as there are cores.

After a pause Linux moves threads that wake each other (here, for the interpreter's lock) to one
core, and takes some 50 ms to separate them. So for the first 60 ms after a pause each is kept on
cores that the other does not use. Later the system places them, which is better beside other
processes.
"""

from __future__ import annotations

import _thread
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from queue import SimpleQueue
from typing import NamedTuple, TypeAlias

from npfacenet.threads.forks import forks, require_same_process, without_forks
from npfacenet.threads.signal import Signal

Job: TypeAlias = Callable[[], object]
Cores: TypeAlias = set[int]
_LEFT = os.cpu_count() or 1  # threads that wait
_PAUSE, _YOUNG = 0.004, 0.06  # seconds


class _Order(NamedTuple):
    job: Job
    done: Signal
    stay: Cores | None
    allowed: Cores | None


class _Kept(NamedTuple):
    allowed: Cores
    since: float


class _Burst:
    """Blocks with hardly a pause between them: when the first began and the last ended."""

    began = ended = -math.inf

    def is_young(self) -> bool:
        """Whether a block that begins now is one of the first after a pause."""
        now = time.monotonic()
        if now - self.ended > _PAUSE:
            self.began = now
        return now - self.began < _YOUNG


class _State:
    """Orders for waiting threads, a token for each of them, and threads kept on some cores."""

    def __init__(self) -> None:
        self.orders: SimpleQueue[_Order] = SimpleQueue()
        self.waiting: deque[None] = deque()
        self.kept: dict[int, _Kept] = {}
        self.burst = _Burst()


_state = _State()


@contextmanager
def beside(jobs: Sequence[Job]) -> Iterator[int]:
    """Have other threads call the jobs while this block runs, and wait for them at its end.

    Yields how many jobs are called: fewer if the system has no more threads. Jobs must not raise.
    If an error ends the block, it does not wait for them. In a child that this thread forks within
    the block, the end of the block raises an NpfacenetError.

    Meanwhile this thread may be kept on one core and the others on the rest: after a pause, unless
    another thread is kept, or there are more threads than cores.
    """
    if not jobs:
        yield 0
        return
    began = forks()
    allowed = _allowed()
    stay = _parting(len(jobs), allowed)
    try:
        if allowed and stay:
            _keep_on(allowed - stay, allowed)
        signals = [_ordered(job, stay, allowed) for job in jobs[: _threads(len(jobs))]]
        yield len(signals)
        require_same_process(began)
        for done in signals:
            done.wait()
    finally:
        let_go()
        _state.burst.ended = time.monotonic()


def loosen() -> None:
    """Between two pieces of work, release this thread if it was kept on its core long enough."""
    kept = _state.kept.get(_thread.get_ident())
    if kept and time.monotonic() - kept.since >= _YOUNG:
        let_go()


def let_go() -> None:
    """Allow this thread all of its cores again, also if an interrupt left it on one."""
    this = _thread.get_ident()
    if kept := _state.kept.get(this):
        _stay_on(kept.allowed)
        _state.kept.pop(this, None)


def _threads(count: int) -> int:
    """Find or start `count` threads for an order each; return how many there are."""
    for number in range(count):
        try:
            _state.waiting.popleft()
        except IndexError:
            try:
                _thread.start_new_thread(_serve, (_state,))
            except RuntimeError:  # the system has no more
                return number
    return count


def _ordered(job: Job, stay: Cores | None, allowed: Cores | None) -> Signal:
    """Order a job; return a signal that is given when it is done."""
    done = Signal()
    _state.orders.put(_Order(job, done, stay, allowed))
    return done


def _serve(state: _State) -> None:
    more = True
    while more:
        job, done, stay, allowed = state.orders.get()
        if allowed:
            _keep_on(stay, allowed) if stay else _stay_on(allowed)
        more = False
        try:
            job()
            more = len(state.waiting) < _LEFT
        finally:
            del job  # or a waiting thread would keep what it refers to
            # It waits on the same cores, where the next order reaches it soonest.
            state.kept.pop(_thread.get_ident(), None)
            if more:
                state.waiting.append(None)
            done.give()


def _parting(count: int, allowed: Cores | None) -> Cores | None:
    """The cores for `count` others if this thread is to stay where it is, else None."""
    where, young = _where(), _state.burst.is_young()
    if not (where and allowed and young):
        return None
    others = allowed - {where()}
    enough = count <= len(others) < len(allowed)
    now = time.monotonic()
    alone = all(now - kept.since >= _YOUNG for kept in [*_state.kept.values()])
    return others if enough and alone else None


def _keep_on(cores: Cores, allowed: Cores) -> None:
    _state.kept[_thread.get_ident()] = _Kept(allowed, time.monotonic())
    _stay_on(cores)


def _allowed() -> Cores | None:
    """The cores that this thread may use; None if the system cannot tell or restrict them."""
    if kept := _state.kept.get(_thread.get_ident()):
        return kept.allowed
    return os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None


def _stay_on(cores: Cores) -> None:
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setaffinity(0, cores)


@cache
def _where() -> Callable[[], int] | None:
    """The function that tells the core of this thread; None if the system has none."""
    with suppress(ImportError, AttributeError, OSError, TypeError), without_forks():
        import ctypes

        # As PyDLL, which keeps the interpreter's lock: getting it back can take 5 ms.
        where: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
        return where
    return None


def _begin_anew() -> None:
    """In a forked child, which has no thread but its own."""
    global _state
    kept = _state.kept.get(_thread.get_ident())
    _state = _State()
    if kept:
        _state.kept[_thread.get_ident()] = kept


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
