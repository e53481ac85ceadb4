"""Running a command under a limit on memory (`ulimit -v`).

If OpenBLAS gets no memory, it ends the process with exit code 1, which would be read as the
decision "not the same"; other libraries crash. So under a limit the command runs in a forked
child, which sends its exit code through a pipe: a child that sent nothing has decided nothing.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import FrameType

from npfacenet.commands.signals import handling
from npfacenet.commands.streams import say_error

_ERROR = 2
_SECONDS = 6  # of a core's time, enough to import NumPy and multiply on any machine
_ENOUGH = 1 << 30  # bytes, for several threads that multiply at the same time


def memory_limit() -> int | None:
    """Return the smallest limit on this process's memory in bytes, or None without a limit."""
    try:
        import resource
    except ImportError:  # not POSIX
        return None
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=None)


def in_child(command: Callable[[], int], limit: int) -> int:
    """Run a command in a forked child and return its exit code, 2 if the child sent none.

    To be called before any library has started threads. It returns in the child too, so that both
    processes end normally.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _silence_libraries()
        _try_numpy(limit)
        try:
            code = command()
        except SystemExit as left:  # of --help
            code = left.code if isinstance(left.code, int) else _ERROR
        os.write(write, bytes([code & 0xFF]))
        return code
    os.close(write)
    with _passing_signals_on(child):
        said = os.read(read, 1)
        _, status = os.waitpid(child, 0)
    os.close(read)
    if said:
        return said[0]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGINT, signal.SIGTERM):
        return 128 + os.WTERMSIG(status)
    say_error(f"npfacenet: error: not enough memory: {too_small(limit)}")
    return _ERROR


def too_small(limit: int) -> str:
    """Return the part of a message that explains a limit on memory and the remedy."""
    return (
        f"a limit of {limit / 1e6:,.0f} MB is set (ulimit -v, ulimit -d), and NumPy with a network "
        "takes about 200 MB or, for inception-resnet-v1, 500 MB; raise it"
    )


def _silence_libraries() -> None:
    """Redirect file descriptor 2, which native code writes to, but not Python's standard error."""
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        kept = os.dup(sys.stderr.fileno())
        sys.stderr = io.TextIOWrapper(
            os.fdopen(kept, "wb", buffering=0),
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            write_through=True,
        )
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)


def _try_numpy(limit: int) -> None:
    """Let NumPy allocate its memory, with as few threads as possible; end the process if it hangs.

    OpenBLAS allocates a buffer for each thread that multiplies, and its old versions try for ever
    to get one. What NumPy raises is left to the command, which imports it again.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the library keeps it to one anyway
    if limit < _ENOUGH:
        os.environ.setdefault("NPFACENET_THREADS", "1")
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    with suppress(BaseException):
        import numpy as np

        square = np.eye(256, dtype=np.float32)  # large enough to need the buffer
        np.linalg.qr(square @ square)
    signal.setitimer(signal.ITIMER_PROF, 0)


def _passing_signals_on(child: int) -> AbstractContextManager[None]:
    """Pass SIGTERM on to the child, which tidies up and says so."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            os.kill(child, number)

    # A terminal sends Ctrl-C and its closing to the child as well.
    return handling(
        {
            signal.SIGTERM: pass_on,
            signal.SIGINT: signal.SIG_IGN,
            signal.SIGHUP: signal.SIG_IGN,
        }
    )
