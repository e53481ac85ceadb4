"""Threads, locks and cores: a room that knows nothing of networks or pictures."""

from npfacenet.threads.forks import Lock, OfProcess, forks, require_same_process, without_forks

__all__ = ["Lock", "OfProcess", "forks", "require_same_process", "without_forks"]


def __dir__() -> list[str]:
    return sorted(__all__)
