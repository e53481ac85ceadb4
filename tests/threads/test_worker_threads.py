"""Threads that stand by."""

from __future__ import annotations

import _thread
import os
import subprocess
import sys
import threading
import time

import pytest

from npfacenet.threads import worker_threads
from npfacenet.threads.cores import cores
from npfacenet.threads.worker_threads import beside, loosen

TOGETHER = 20  # seconds, more than enough for threads to meet
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores and an affinity",
)


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of other tests are left alone, and there has been a pause."""
    monkeypatch.setattr(worker_threads, "_state", worker_threads._State())


def test_jobs_run_beside_this_thread_and_are_waited_for() -> None:
    meeting = threading.Barrier(3, timeout=TOGETHER)
    threads: list[int] = []

    def job() -> None:
        meeting.wait()
        threads.append(_thread.get_ident())

    with beside([job, job]) as helping:
        meeting.wait()
    assert helping == 2
    assert len({*threads, _thread.get_ident()}) == 3


def test_a_thread_that_has_worked_works_again() -> None:
    threads: list[int] = []
    for _ in range(5):
        with beside([lambda: threads.append(_thread.get_ident())]):
            pass
    assert len(set(threads)) == 1
    assert len(threads) == 5


def test_no_more_threads_wait_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_threads, "_LEFT", 1)
    meeting = threading.Barrier(4, timeout=TOGETHER)
    with beside([meeting.wait] * 3):
        meeting.wait()
    assert len(worker_threads._state.waiting) == 1
    with beside([lambda: None] * 2) as helping:
        pass
    assert helping == 2


def test_without_more_threads_fewer_jobs_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    called: list[int] = []
    with beside([lambda: called.append(1)]) as helping:
        assert helping == 0
    assert not called


def test_nobody_waits_where_there_was_an_error() -> None:
    free = threading.Event()
    finished = threading.Event()

    def job() -> None:
        free.wait(TOGETHER)
        finished.set()

    with pytest.raises(ValueError, match="meanwhile"), beside([job]):
        raise ValueError("meanwhile")
    assert not finished.is_set()
    free.set()
    assert finished.wait(TOGETHER)


@needs_affinity
class TestCores:
    def affinities(self) -> tuple[set[int], list[set[int]]]:
        """Of this thread and of another, within a block."""
        others: list[set[int]] = []
        with beside([lambda: others.append(os.sched_getaffinity(0))]):
            mine = os.sched_getaffinity(0)
        return mine, others

    def test_this_thread_stays_on_one_and_the_other_elsewhere(self) -> None:
        before = os.sched_getaffinity(0)
        mine, (others,) = self.affinities()
        assert len(mine) == 1
        assert others == before - mine
        assert os.sched_getaffinity(0) == before

    def test_are_given_back_after_an_error(self) -> None:
        before = os.sched_getaffinity(0)
        with pytest.raises(ValueError, match="x"), beside([lambda: None]):
            raise ValueError("x")
        assert os.sched_getaffinity(0) == before
        assert not worker_threads._state.kept

    @pytest.mark.parametrize("where", ["beside", "within"])
    def test_a_second_block_leaves_threads_where_they_are(self, where: str) -> None:
        before = os.sched_getaffinity(0)
        seen: list[set[int]] = []

        def second() -> None:
            with beside([lambda: seen.append(os.sched_getaffinity(0))]):
                pass

        with beside([second if where == "beside" else lambda: None]):
            if where == "within":
                second()
        assert seen == [before]
        assert os.sched_getaffinity(0) == before

    def test_are_those_that_were_allowed_while_a_thread_is_kept(self) -> None:
        before = os.sched_getaffinity(0)
        with beside([lambda: None]):
            assert len(os.sched_getaffinity(0)) == 1
            assert cores() == len(before)

    def test_are_given_back_in_the_middle_of_a_long_block(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, now = os.sched_getaffinity(0), [100.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        with beside([lambda: None]):
            loosen()
            assert os.sched_getaffinity(0) != before
            now[0] += 0.06
            loosen()
            assert os.sched_getaffinity(0) == before

    def test_are_given_back_by_the_next_block_where_an_interrupt_kept_a_thread(self) -> None:
        before = os.sched_getaffinity(0)
        abandoned = beside([lambda: None])
        abandoned.__enter__()
        assert os.sched_getaffinity(0) != before
        with beside([lambda: None]):
            pass
        assert os.sched_getaffinity(0) == before

    def test_a_core_that_is_not_allowed_keeps_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for core in (-1, 10_000):
            monkeypatch.setattr(worker_threads, "_where", lambda core=core: lambda: core)
            mine, (others,) = self.affinities()
            assert mine == others == os.sched_getaffinity(0)

    def test_are_free_again_while_blocks_follow_each_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, now = os.sched_getaffinity(0), [100.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        kept = []
        for moment in [*(100 + 0.003 * i for i in range(30)), 101.0]:
            now[0] = moment
            mine, (others,) = self.affinities()
            kept.append(mine != before)
            assert (others == before) == (mine == before)
        assert kept == [True] * 20 + [False] * 10 + [True]

    def test_more_threads_than_cores_go_where_they_like(self) -> None:
        before = os.sched_getaffinity(0)
        seen: list[set[int]] = []
        with beside([lambda: seen.append(os.sched_getaffinity(0))] * len(before)):
            assert os.sched_getaffinity(0) == before
        assert seen == [before] * len(before)

    def test_a_sandbox_may_forbid_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbid(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "sched_setaffinity", forbid)
        called: list[int] = []
        with beside([lambda: called.append(1)]):
            pass
        assert called == [1]


@pytest.mark.parametrize("missing", ["affinity", "library"])
def test_systems_without_affinity_have_their_jobs_done(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_threads._where.cache_clear()
    if missing == "affinity":
        monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "ctypes", None)
    called: list[int] = []
    try:
        with beside([lambda: called.append(1)]):
            pass
    finally:
        worker_threads._where.cache_clear()
    assert called == [1]


def answer(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_does_not_count_on_its_parents_threads() -> None:
    code = """
import os
from npfacenet.threads.worker_threads import beside
done = []
with beside([lambda: done.append(1)]):
    pass
child = os.fork()
with beside([lambda: done.append(2)]):
    pass
if child:
    _, status = os.waitpid(child, 0)
    print(done, status)
else:
    os._exit(0 if done == [1, 2] else 1)
"""
    assert answer(code) == "[1, 2] 0"


def test_waiting_threads_do_not_keep_a_process_alive() -> None:
    code = (
        "from npfacenet.threads.worker_threads import beside\n"
        "with beside([print]): pass\nprint('end')"
    )
    assert answer(code) == "end"
