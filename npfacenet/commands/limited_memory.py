"""A command under a limit on memory (`ulimit -v`), which may end its process from below Python.

Where OpenBLAS gets no memory, it ends the process with exit code 1, which would be read as the
decision "not the same"; other libraries crash. So the command runs in a forked child then, which
says its exit code through a pipe: a child that said nothing has not decided anything.
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
_SECONDS = 6  # on a core, in which NumPy is imported and multiplies on any machine
_ENOUGH = 1 << 30  # bytes, for several threads that multiply at a time


def memory_limit() -> int | None:
    """The smallest limit on this process's memory in bytes, or None where there is none."""
    try:
        import resource
    except ImportError:  # not POSIX
        return None
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=None)


def in_child(command: Callable[[], int], limit: int) -> int:
    """The exit code of a command that runs in a forked child; 2 if the child had none to say.

    To be called before any library has started threads. In the child this returns as well, so
    that both processes end as they would.
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
    """What a message says about a limit that memory did not suffice under."""
    return (
        f"a limit of {limit / 1e6:,.0f} MB is set (ulimit -v, ulimit -d), and NumPy with a network "
        "takes about 200 MB or, for inception-resnet-v1, 500 MB; raise it"
    )


def _silence_libraries() -> None:
    """Leave number 2, to which native code writes, to the null device; Python keeps the stream."""
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
    """Let NumPy take its memory, by as few threads as need be; end this process if it hangs.

    OpenBLAS takes a buffer for each thread that multiplies, and old versions of it try for ever
    to get one. What NumPy raises is left to the command, which imports it again.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the library keeps it to one anyway
    if limit < _ENOUGH:
        os.environ.setdefault("NPFACENET_THREADS", "1")
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    with suppress(BaseException):
        import numpy as np

        square = np.eye(256, dtype=np.float32)  # so large that it takes the buffer
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
