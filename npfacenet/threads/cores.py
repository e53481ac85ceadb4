"""How many cores this process may use, and how many threads it should work with."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from npfacenet.errors import ArgumentError, printable, quoted, shortened
from npfacenet.threads.worker_threads import let_go

_VARIABLE = "NPFACENET_THREADS"
_LIMITS = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
_ROOT = Path("/")
_FRESH = 1.0  # seconds for which limits are remembered: reading them takes up to 0.5 ms


def cores() -> int:
    """Return how many cores this process may use; the variable NPFACENET_THREADS overrides it.

    It is the number of cores in the process's affinity, limited by the processor time that its
    control groups (a container's limit) allow, rounded up. A changed limit is seen after a second.

    Raises ArgumentError if NPFACENET_THREADS is anything but a whole number of at least 1.
    """
    if (value := os.environ.get(_VARIABLE)) is not None:
        if not re.fullmatch(r"0{0,9}[1-9][0-9]{0,8}", value):
            said = shortened(printable(value))
            raise ArgumentError(f"{_VARIABLE} is a whole number of at least 1, not '{said}'")
        return int(value)
    let_go()  # this thread may be kept on one of them
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min([allowed or 1, *_allowed(_ROOT, int(time.monotonic() / _FRESH))])


def threads_to_use(requested: int | None) -> int:
    """Return how many threads to work with: as many as requested, or `cores()` for None.

    Raises ArgumentError for anything but a whole number of at least 1.

    >>> threads_to_use(3)
    3
    """
    if requested is not None and (type(requested) is not int or requested < 1):
        raise ArgumentError(f"threads is a whole number of at least 1, not {quoted(requested)}")
    return cores() if requested is None else requested


@lru_cache(maxsize=1)
def _allowed(root: Path, _moment: int) -> list[int]:
    return list(_quotas(root))


def _quotas(root: Path) -> Iterator[int]:
    """Yield the cores that each limit of this process's control groups allows, rounded up."""
    groups = ""
    with suppress(OSError):  # not Linux
        groups = (root / "proc/self/cgroup").read_text("utf-8", "surrogateescape")
    for controllers, path in re.findall(r"^\d+:(.*?):(.*)$", groups, re.MULTILINE):
        if "cpu" not in (controllers or "cpu").split(","):  # version 2 names none
            continue
        mount = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = mount / path.lstrip("/")
        # A container may use the machine's name for its group, but see it as the topmost.
        for folder in (f for f in (group, *group.parents) if f.is_relative_to(mount)):
            for files in _LIMITS:
                with suppress(OSError, ValueError):  # no such file, or "max"
                    # As bytes: the first text in ASCII imports its codec, perhaps during a fork.
                    words = b" ".join((folder / file).read_bytes() for file in files)
                    quota, period = map(int, words.split())
                    if quota > 0 and period > 0:  # -1 is no limit
                        yield -(-quota // period)
