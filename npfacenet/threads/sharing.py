"""Work shared out to several threads: all items at once, or batches in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from npfacenet.threads.forks import forks, require_same_process
from npfacenet.threads.worker_threads import beside, loosen

Item = TypeVar("Item")
Result = TypeVar("Result")


def share_out(items: Iterable[Item], work: Callable[[Item], object], threads: int) -> None:
    """Call `work` for every item; threads, this one included, take them one after the other.

    After an error no more items are begun. It is raised once those under way are done.

    >>> done = []
    >>> share_out([1, 2, 3], done.append, threads=2)
    >>> sorted(done)
    [1, 2, 3]
    """
    left, errors = deque(items), deque[BaseException]()

    def take() -> None:
        try:
            while True:
                try:
                    item = left.popleft()
                except IndexError:
                    return
                work(item)
                loosen()
        except BaseException as error:  # noqa: BLE001  (raised again below, by the caller's thread)
            errors.append(error)
            left.clear()

    try:
        with beside([take] * (min(threads, len(left)) - 1)):
            take()
    except BaseException:
        left.clear()
        raise
    if errors:
        raise errors[0]


def in_batches(
    items: Iterable[Item],
    work: Callable[[list[Item], int], Result],
    *,
    size: int,
    threads: int,
) -> Iterator[Result]:
    """Yield the results of `work` for batches of up to `size` items, in order.

    `work` is called with a batch and the number of threads that it may use: one, or all of them
    for the only batch.

    Each thread takes whole batches. Items are read as they are needed, always in the caller's
    thread, so that only a few batches wait. The error of a batch is raised in its turn, and
    batches that have not begun are dropped. In a child that the caller forks in between, the next
    result is an NpfacenetError.

    >>> list(in_batches("abcde", lambda some, _: "".join(some), size=2, threads=2))
    ['ab', 'cd', 'e']
    """
    left = iter(items)
    batches = iter(lambda: list(islice(left, size)), [])
    first = list(islice(batches, 2))
    if threads == 1 or len(first) < 2:
        yield from (work(batch, threads) for batch in chain(first, batches))
        return
    waiting: deque[Future[Result]] = deque()
    executor, began = ThreadPoolExecutor(threads), forks()
    try:
        for batch in chain(first, batches):
            require_same_process(began)
            waiting.append(executor.submit(work, batch, 1))
            if len(waiting) > threads + 1:
                yield waiting.popleft().result()
        while waiting:
            require_same_process(began)
            yield waiting.popleft().result()
    finally:
        if forks() == began:  # else its threads are the parent's
            executor.shutdown(cancel_futures=True)
