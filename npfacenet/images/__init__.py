"""Pictures: from a file, bytes, a PIL image or an array to the input of a network.

This is the only room that uses Pillow, which it loads when a picture is first read or resized.
"""

from npfacenet.images.contrast import LEAST_CONTRAST, contrast, require_contrast
from npfacenet.images.crop import central_square, centre_crop
from npfacenet.images.decode import read, read_reduced
from npfacenet.images.preprocessing import PREPROCESSINGS, Preprocessing, prepare, preprocessing
from npfacenet.images.resize import Filter, resize
from npfacenet.images.source import (
    MAX_BYTES,
    MAX_PIXELS,
    ChannelOrder,
    ImageSource,
    named,
    source_name,
)

__all__ = [
    "LEAST_CONTRAST",
    "MAX_BYTES",
    "MAX_PIXELS",
    "PREPROCESSINGS",
    "ChannelOrder",
    "Filter",
    "ImageSource",
    "Preprocessing",
    "central_square",
    "centre_crop",
    "contrast",
    "named",
    "prepare",
    "preprocessing",
    "read",
    "read_reduced",
    "require_contrast",
    "resize",
    "source_name",
]


def __dir__() -> list[str]:
    return sorted(__all__)
