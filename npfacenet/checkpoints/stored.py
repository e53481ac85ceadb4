"""The parameters of a weight file, in memory only while somebody needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

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
    `checkpoint` held). Several threads may use it. A pickle of it is one of a plain dict.
    """

    def __init__(self, checkpoint: Checkpoint, digest: str, read: Callable[[], Checkpoint]) -> None:
        self._names = dict.fromkeys(checkpoint.parameters)
        self._held: NetworkParameters | None = checkpoint.parameters
        self._digest, self._read = digest, read
        self._lock = threading.Lock()

    def __getitem__(self, name: ParameterName) -> Array:
        if name not in self._names:
            raise KeyError(name)
        return self._all()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[ParameterName]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __reduce__(
        self,
    ) -> tuple[type[dict[ParameterName, Array]], tuple[dict[ParameterName, Array]]]:
        return dict, (dict(self._all()),)

    def let_go(self) -> None:
        """Hold the arrays no longer, until one is asked for."""
        with self._lock:
            self._held = None

    def _all(self) -> NetworkParameters:
        with self._lock:
            if self._held is None:
                self._held = self._read_again()
            return self._held

    def _read_again(self) -> NetworkParameters:
        checkpoint = self._read()
        if weights_digest(checkpoint.parameters, checkpoint.checksums) != self._digest:
            raise WeightsError(
                f"{checkpoint.path} holds other weights than when the model was loaded from it: "
                "the model goes on, but its parameters are gone; load it anew"
            )
        return checkpoint.parameters
