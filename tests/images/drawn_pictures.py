"""Drawn pictures and the files that hold them."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import PIL.Image
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Picture = npt.NDArray[np.uint8]

pictures = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: hnp.arrays(np.uint8, (*size, 3))
)


def encode(image: PIL.Image.Image | Picture, kind: str = "PNG", **options: object) -> bytes:
    if isinstance(image, np.ndarray):
        image = PIL.Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int) -> PIL.Image.Exif:
    tags = PIL.Image.Exif()
    tags[0x0112] = orientation
    return tags
