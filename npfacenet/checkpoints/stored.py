"""The parameters of a weight file, in memory only while somebody needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.reading import Checkpoint
from npfacenet.errors import WeightsError
from npfacenet.layers import Array
from npfacenet.networks import NetworkParameters, ParameterName


class StoredParameters(Mapping[ParameterName, Array]):
    """Read-only float32 arrays by (layer, parameter) that `let_go` frees: the file has them.

    Who asks for an array after that has all of them read again, by `read`, and they are held from
    then on; arrays that were handed out before stay as they are. Raises WeightsError where the
    file cannot be read any more, or does not hold the same as before (`digest` is of what
    `checkpoint` held). Several threads may use it. A pickle of it is one of a plain dict, and
    making one holds nothing.
    """

    def __init__(self, checkpoint: Checkpoint, digest: str, read: Callable[[], Checkpoint]) -> None:
        self.digest, self.path = digest, checkpoint.path
        self.outline: NetworkParameters = {
            name: np.broadcast_to(np.float32(0), tensor.shape)
            for name, tensor in checkpoint.parameters.items()
        }
        """Zeros of the same shapes, which take no memory."""
        self._read = read
        self._held: NetworkParameters | None = checkpoint.parameters
        self._lock = threading.Lock()

    def __getitem__(self, name: ParameterName) -> Array:
        if name not in self.outline:
            raise KeyError(name)
        with self._lock:
            if self._held is None:
                self._held = self._read_again()
            return self._held[name]

    def __contains__(self, name: object) -> bool:
        return name in self.outline

    def __iter__(self) -> Iterator[ParameterName]:
        return iter(self.outline)

    def __len__(self) -> int:
        return len(self.outline)

    def __repr__(self) -> str:
        return f"<{len(self)} parameters of {self.path}>"

    def __reduce__(self) -> tuple[object, ...]:
        with self._lock:
            tensors = self._read_again() if self._held is None else self._held
        return dict, (dict(tensors),)

    def let_go(self) -> None:
        """Hold the arrays no longer, until one is asked for."""
        with self._lock:
            self._held = None

    def _read_again(self) -> NetworkParameters:
        checkpoint = self._read()
        if weights_digest(checkpoint.parameters, checkpoint.checksums) != self.digest:
            raise WeightsError(
                f"{self.path} holds other weights than when the model was loaded from it: "
                "the model goes on, but its parameters are gone; load it anew"
            )
        return checkpoint.parameters
