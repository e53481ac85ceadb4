"""Pictures: from a file, bytes, a PIL image or an array to what a network takes.

The only room that uses Pillow, which it loads when a picture is first read or resized.
"""

from npfacenet.images.crop import central_square, centre_crop
from npfacenet.images.decode import MAX_PIXELS, ChannelOrder, ImageSource, describe, read
from npfacenet.images.preprocessing import PREPROCESSINGS, Preprocessing, prepare, preprocessing
from npfacenet.images.resize import Filter, resize

__all__ = [
    "MAX_PIXELS",
    "PREPROCESSINGS",
    "ChannelOrder",
    "Filter",
    "ImageSource",
    "Preprocessing",
    "central_square",
    "centre_crop",
    "describe",
    "prepare",
    "preprocessing",
    "read",
    "resize",
]


def __dir__() -> list[str]:
    return sorted(__all__)
