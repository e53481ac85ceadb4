"""The parameters of a weight file, held in memory only while they are needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.reading import Checkpoint
from npfacenet.errors import WeightsError
from npfacenet.layers import Array
from npfacenet.networks import NetworkParameters, ParameterName
from npfacenet.threads import Lock

_log = logging.getLogger(__name__)


class ReloadableParameters(Mapping[ParameterName, Array]):
    """Read-only float32 arrays by (layer, parameter) that can be released: the file has them.

    Accessing an array after `release` rereads the whole file, by `read`, and holds all arrays
    again; arrays that were handed out before stay as they are. Raises WeightsError if the file
    can no longer be read, or does not hold the same weights (`digest` is that of the first
    reading). If several threads access arrays at once, one reads and the others wait. Pickling
    gives a plain dict, and holds nothing afterwards.
    """

    def __init__(self, checkpoint: Checkpoint, read: Callable[[], Checkpoint]) -> None:
        self.digest, self.path = _digest(checkpoint), checkpoint.path
        self._shapes = {name: tensor.shape for name, tensor in checkpoint.parameters.items()}
        self._read = read
        self._held: NetworkParameters | None = checkpoint.parameters
        self._reading = Lock()

    @property
    def outline(self) -> NetworkParameters:
        """Arrays of the same shapes: those held, or zeros that take no memory."""
        if (held := self._held) is not None:
            return held
        zero = np.float32(0)
        return {name: np.broadcast_to(zero, shape) for name, shape in self._shapes.items()}

    def __getitem__(self, name: ParameterName) -> Array:
        if name not in self._shapes:
            raise KeyError(name)
        held = self._held
        if held is None:
            with self._reading.held():
                held = self._held
                if held is None:
                    held = self._held = self._read_again()
        return held[name]

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __iter__(self) -> Iterator[ParameterName]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __repr__(self) -> str:
        return f"<{len(self)} parameters of {self.path}>"

    def __reduce__(self) -> tuple[object, ...]:
        held = self._held
        return dict, (dict(self._read_again() if held is None else held),)

    def __or__(self, other: NetworkParameters) -> dict[ParameterName, Array]:
        return {**self, **other}

    def __ror__(self, other: NetworkParameters) -> dict[ParameterName, Array]:
        return {**other, **self}

    def shared(self) -> ReloadableParameters:
        """Return another mapping of the same arrays, which is released on its own."""
        other = object.__new__(ReloadableParameters)
        other.__dict__ |= self.__dict__
        other._reading = Lock()
        return other

    def release(self) -> None:
        """Free the arrays; the next access rereads them."""
        self._held = None

    def _read_again(self) -> NetworkParameters:
        _log.info("reading the parameters of %s again", self.path)
        checkpoint = self._read()
        if _digest(checkpoint) != self.digest:
            raise WeightsError(
                f"{self.path} holds other weights than when the model was loaded from it: "
                "the model goes on, but its parameters are gone; load it again"
            )
        return checkpoint.parameters


def _digest(checkpoint: Checkpoint) -> str:
    return weights_digest(checkpoint.parameters, checkpoint.checksums)
