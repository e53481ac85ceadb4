"""Drawn pictures: arrays, PIL images of every mode, and the bytes of files."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import PIL.Image
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Picture = npt.NDArray[np.uint8]

ORIENTATION = 0x0112
SMALL = 8  # up to this side elements are drawn one by one; larger pictures come from a seed
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16")
HOLDERS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("1", "L", "P"),
    "WEBP": ("RGB", "RGBA"),
}
WITH_EXIF = ("PNG", "JPEG", "TIFF", "WEBP")


def pictures(largest: int = SMALL) -> st.SearchStrategy[Picture]:
    """Pictures as arrays, uint8 (H, W, 3), of 1 to `largest` pixels a side."""
    sides = st.tuples(st.integers(1, largest), st.integers(1, largest))

    def of(size: tuple[int, int]) -> st.SearchStrategy[Picture]:
        if max(size) <= SMALL:
            return hnp.arrays(np.uint8, (*size, 3))
        return st.integers(0, 2**16).map(
            lambda seed: np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
        )

    return sides.flatmap(of)


@st.composite
def pil_images(
    draw: st.DrawFn, modes: tuple[str, ...] = MODES, largest: int = SMALL
) -> PIL.Image.Image:
    """PIL images in every mode, with an EXIF orientation or none.

    None came from a file, so that they have only orientations for which it can be seen whether
    they are turned already: 5 to 8 where they are not square, else 1.
    """
    image = draw(_upright_images(modes, largest))
    square = image.width == image.height
    orientation = draw(st.sampled_from([None, 1] if square else [None, 1, 5, 6, 7, 8]))
    if orientation is not None:
        image.getexif()[ORIENTATION] = orientation
    return image


@st.composite
def _upright_images(draw: st.DrawFn, modes: tuple[str, ...], largest: int) -> PIL.Image.Image:
    image = PIL.Image.fromarray(draw(pictures(largest)))
    mode = draw(st.sampled_from(modes))
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image = PIL.Image.fromarray(grey)
    elif mode in ("LA", "RGBA"):
        image = image.convert(mode)
        image.putalpha(draw(st.integers(0, 255)))
    else:
        image = image.convert(mode)
    return image


@st.composite
def encoded_pictures(draw: st.DrawFn, largest: int = SMALL) -> bytes:
    """The bytes of picture files: every format in every mode that it holds, with EXIF or not.

    EXIF states one of the eight orientations.
    """
    kind = draw(st.sampled_from(sorted(HOLDERS)))
    image = draw(_upright_images(HOLDERS[kind], largest))
    orientation = draw(st.one_of(st.none(), st.integers(1, 8)))
    if orientation is not None:
        image.getexif()[ORIENTATION] = orientation
    options = {"exif": image.getexif()} if kind in WITH_EXIF else {}
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
