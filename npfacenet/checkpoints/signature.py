"""Opening weight files, and telling by its first bytes whether one is HDF5.

HDF5's own code sees nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from npfacenet.errors import WeightsError
from npfacenet.files import open_regular

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_WEIGHTS = 2 << 30
"""Bytes of the largest weight file that is opened, copied or downloaded."""


def open_weights(path: Path) -> BinaryIO:
    """Open what should be a weight file; WeightsError unless it is regular and not too large."""
    return open_regular(path, what="a weight file", largest=LARGEST_WEIGHTS, error=WeightsError)


def open_hdf5(path: Path) -> BinaryIO:
    """Open a file that begins as HDF5 files do.

    Raises WeightsError for any other; the message says what it is instead, if that is known, and
    the remedy.
    """
    file = open_weights(path)
    try:
        _require_hdf5(path, file)
    except OSError as fault:
        file.close()
        if isinstance(fault, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    except BaseException:
        file.close()
        raise
    return file


def _require_hdf5(path: Path, file: BinaryIO) -> None:
    start = file.read(512)
    if start.startswith(SIGNATURE) or _has_user_block(file):
        return
    if SIGNATURE.startswith(start[: len(SIGNATURE)]):
        raise WeightsError(f"{path} ends after {len(start)} bytes; fetch or copy it again")
    from npfacenet.checkpoints.other_formats import advice  # needed by messages only

    what = advice(path, file)
    raise WeightsError(
        f"{path} is {what}"
        if what
        else f"{path} is not an HDF5 file: it begins with {start[:8]!r}; weights are read from "
        "Keras' .h5 files"
    )


def _has_user_block(file: BinaryIO) -> bool:
    """Whether HDF5 begins behind a user block: at 512, 1024, 2048, ..."""
    for exponent in range(9, 21):
        file.seek(1 << exponent)
        if file.read(len(SIGNATURE)) == SIGNATURE:
            return True
    return False
