"""Work on a sequence in batches, by several threads, with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_batches(
    items: Iterable[Item],
    work: Callable[[list[Item]], Result],
    *,
    size: int,
    threads: int,
) -> Iterator[Result]:
    """The results of `work` for batches of up to `size` items, in order.

    Each thread takes whole batches, and no more than a few wait: items come as they are needed,
    always in the caller's thread. The first error of a batch is raised in its turn, and batches
    that have not begun are given up. One batch alone needs no threads.

    >>> list(in_batches("abcde", "".join, size=2, threads=2))
    ['ab', 'cd', 'e']
    """
    left = iter(items)
    batches = iter(lambda: list(islice(left, size)), [])
    first = list(islice(batches, 2))
    if threads == 1 or len(first) < 2:
        yield from map(work, chain(first, batches))
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # importing it costs 5 ms

    waiting: deque[Future[Result]] = deque()
    executor = ThreadPoolExecutor(threads)
    try:
        for batch in chain(first, batches):
            waiting.append(executor.submit(work, batch))
            if len(waiting) > threads + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)
