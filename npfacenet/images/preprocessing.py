"""Scaling pictures to the numbers that a network was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, ImageError, ShapeError, quoted, shortened
from npfacenet.images.argument import is_plain_array, is_several, require_size
from npfacenet.images.crop import central_square
from npfacenet.images.resize import Filter, resize

Scaling: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of a square picture for a network.

    `scaling` maps one picture, uint8 (S, S, 3), to float32 of the same shape.
    """

    name: str
    resize_filter: Filter
    scaling: Scaling = field(repr=False)

    def scale(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scale each of the pictures, uint8 (N, S, S, 3), to float32 of the same shape.

        Raises ShapeError for another shape or dtype.

        >>> preprocessing("fixed").scale(np.array([[[[0, 127, 255]]]], np.uint8))
        array([[[[-0.99609375, -0.00390625,  0.99609375]]]], dtype=float32)
        """
        if not is_plain_array(images):
            raise ShapeError(
                f"pictures must be a uint8 array (N, S, S, 3), received a {type(images).__name__}"
            )
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ShapeError(
                f"pictures must be uint8 (N, S, S, 3), received {shortened(str(images.dtype))} "
                f"{quoted(images.shape)}"
            )
        scaled = np.empty(images.shape, np.float32)
        for image, row in zip(images, scaled, strict=True):
            row[...] = self.scaling(image)
        return scaled


def _raw(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Numbers as they are, 0 to 255."""
    return image.astype(np.float32)


def _unit(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Divide by 255, as the course's assignment does."""
    return image.astype(np.float32) / np.float32(255)


def _fixed(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(x - 127.5) / 128, as `fixed_image_standardization` in facenet-pytorch."""
    return (image.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def _prewhiten(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(x - mean) / max(deviation, 1 / sqrt(size)), as `facenet.prewhiten` in davidsandberg/facenet.

    Mean and deviation are over all pixels and channels of this picture; the lower bound avoids a
    division by zero for a picture of one colour.
    """
    values = image.astype(np.float64)
    deviation = max(values.std(), 1 / np.sqrt(values.size))
    white: npt.NDArray[np.float32] = ((values - values.mean()) / deviation).astype(np.float32)
    return white


PREPROCESSINGS: Mapping[str, Preprocessing] = MappingProxyType(
    {
        each.name: each
        for each in (
            Preprocessing("unit", "nearest", _unit),
            Preprocessing("fixed", "bilinear", _fixed),
            Preprocessing("prewhiten", "bilinear", _prewhiten),
            Preprocessing("raw", "bilinear", _raw),
        )
    }
)
"""The known ones by name."""


def preprocessing(name: str) -> Preprocessing:
    """Look up a preprocessing by name. Raises ArgumentError that lists the known names.

    >>> preprocessing("unit")
    Preprocessing(name='unit', resize_filter='nearest')
    """
    if not is_one_of(name, *PREPROCESSINGS):
        raise ArgumentError(f"no preprocessing {quoted(name)}; known: {', '.join(PREPROCESSINGS)}")
    return PREPROCESSINGS[name]


def prepare(
    images: Iterable[npt.NDArray[np.uint8]], size: int, preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """Prepare decoded pictures, each uint8 (H, W, 3), for a network: float32 (N, size, size, 3).

    Each is cropped to its central square, resized and scaled. Raises ImageError for an array
    that is not a picture, ArgumentError for a size below 1.

    >>> prepare([np.full((3, 5, 3), 255, np.uint8)], 2, preprocessing("unit")).shape
    (1, 2, 2, 3)
    """
    require_size(size)
    if not isinstance(preprocessing, Preprocessing):
        raise ArgumentError(f"preprocessing must be a Preprocessing, not {quoted(preprocessing)}")
    if not is_several(images):
        raise ImageError(f"pictures must be several arrays, not a {type(images).__name__}")
    resized = [resize(central_square(image), size, preprocessing.resize_filter) for image in images]
    return preprocessing.scale(np.array(resized, np.uint8).reshape(-1, size, size, 3))
