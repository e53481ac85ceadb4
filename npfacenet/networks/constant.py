"""Arrays that cannot be changed any more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.layers import Array


def memory_of(array: Array) -> bytes | None:
    """The `bytes` in which an array's numbers lie, or None if they lie elsewhere.

    What lies in `bytes` cannot be changed. A flag that says "read-only" does not say so much: it
    is that of a view, and the owner of the memory can write, or set the flag back.
    """
    whole: object = array
    while isinstance(whole, np.ndarray):
        whole = whole.base
    if isinstance(whole, memoryview):
        whole = whole.obj
    return whole if type(whole) is bytes and not array.flags.writeable else None


def constant(array: npt.ArrayLike) -> Array:
    """Return the array as float32 that cannot be changed: itself if it already is one, else a copy.

    >>> numbers = np.zeros(2, np.float32)
    >>> kept = constant(numbers)
    >>> numbers[0] = 1
    >>> float(kept[0]), kept.flags.writeable, constant(kept) is kept
    (0.0, False, True)
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
        tensor = np.asarray(array, np.float32)
    if memory_of(tensor) is not None:
        return tensor
    if not tensor.size:
        return np.broadcast_to(np.float32(0), tensor.shape)
    # Through a memoryview: arrays whose base is `bytes` could be made writeable in old versions.
    return np.frombuffer(memoryview(tensor.tobytes()), np.float32).reshape(tensor.shape)
