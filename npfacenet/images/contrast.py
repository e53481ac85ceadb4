"""Contrast, by which empty pictures such as black frames and white walls are refused."""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ImageError
from npfacenet.images.array import picture
from npfacenet.images.crop import central_square
from npfacenet.images.pillow import import_pillow

LEAST_CONTRAST = 1.0
"""Grey levels; a picture with less is refused.

Measured at the size of the networks (96 by nearest neighbour, 160 bilinear), the lowest contrast is
2.98 for the 20,643 face crops of UTKFace, 15.7 for 5,428 photographs of LFW and 11.7 for their
centre crops of 150 pixels, 23.0 for the course's pictures and for photographs with several faces,
7.8 for 1,000 drawn people, and 1.61 for 1,200 drawn as dark and flat as `samples.Conditions`
allows; it is 2.25 for views of photographs that the default augmentation makes as dark, flat and
blurred as it can. Subtracting noise changes the contrast of a photograph by at most 1 in 600; noise
of 8 levels on grey, equal in all channels of 96 x 96 pixels, has 0.5. To measure it again:
`pytest -m slow -s tests/images/test_contrast.py`.
"""
_CELLS = 16
_DEGREE = 4
_MOST_NOISE = 12.0  # grey levels, a camera in the dark; with more, the frame is not flat


def contrast(image: npt.NDArray[np.uint8]) -> float:
    """Return the contrast of the central square of uint8 (H, W, 3), in grey levels, 0 to 127.

    Luminance (ITU-R 601) is averaged over 16 x 16 cells, which removes sensor noise. The best
    polynomial of degree 4 is subtracted, which removes gradients, vignettes and uneven light on a
    wall. The contrast is the standard deviation of the rest, less the share of it that noise,
    independent from pixel to pixel, leaves in such averages.

    Raises ImageError if this is not a picture.

    >>> ramp = np.arange(160, dtype=np.uint8)[:, None, None].repeat(160, 1).repeat(3, 2)
    >>> contrast(ramp) < 0.1 < contrast(ramp // 20 % 2 * 100)
    True
    """
    import_pillow()
    from PIL import Image

    grey = np.asarray(Image.fromarray(central_square(picture(image))).convert("L"))
    cells = _averages(grey)
    smooth = _smooth_fields()
    structure = float((cells - smooth @ (smooth.T @ cells)).var())
    return sqrt(max(0.0, structure - _noise_of_averages(grey.astype(np.int16))))


def require_contrast(image: npt.NDArray[np.uint8], name: str) -> None:
    """Raise ImageError, naming the picture, if it has less contrast than any face.

    >>> require_contrast(np.zeros((96, 96, 3), np.uint8), "'night.jpg'")
    Traceback (most recent call last):
    npfacenet.errors.ImageError: 'night.jpg' has a contrast of 0.00 grey levels, and a face has at \
least 1.00: it is black, white, of one colour, or out of focus; use a picture that shows a face
    """
    if (value := contrast(image)) < LEAST_CONTRAST:
        raise ImageError(
            f"{name} has a contrast of {value:.2f} grey levels, and a face has at least "
            f"{LEAST_CONTRAST:.2f}: it is black, white, of one colour, or out of focus; use a "
            "picture that shows a face"
        )


def _averages(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the means of 16 x 16 cells, row by row."""
    each, rest = divmod(len(grey), _CELLS)
    if not rest:  # for the sizes of the networks, in a third of the time
        sums = grey.reshape(_CELLS, each, _CELLS * each).sum(axis=1, dtype=np.uint32)
        return np.asarray(sums.reshape(_CELLS**2, each).sum(axis=1) / each**2, np.float64)
    from PIL import Image

    smaller = Image.fromarray(grey).convert("F").resize((_CELLS, _CELLS), Image.Resampling.BOX)
    return np.asarray(smaller, np.float64).ravel()


def _noise_of_averages(grey: npt.NDArray[np.int16]) -> float:
    """Return the variance that the noise of pixels leaves in the averages of cells.

    Noise is measured by how far four neighbours are from lying in a plane, which edges and slopes
    hardly affect. It is bounded by what a camera makes.
    """
    if min(grey.shape) < 2:
        return 0.0
    down = grey[1:] - grey[:-1]
    bend = (down[:, 1:] - down[:, :-1]).ravel().astype(np.float32)
    of_pixels = min(float(bend @ bend) / bend.size / 4, _MOST_NOISE**2)
    return of_pixels * min(1.0, _CELLS**2 / grey.size)


@cache
def _smooth_fields() -> npt.NDArray[np.float64]:
    """Return an orthonormal basis (cells, 15) of the polynomials of degree 4 in two variables."""
    place = (np.arange(_CELLS) + 0.5) / _CELLS * 2 - 1
    y, x = (axis.ravel() for axis in np.meshgrid(place, place, indexing="ij"))
    terms = [x**i * y**j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    basis, _ = np.linalg.qr(np.stack(terms, axis=1))
    return np.asarray(basis, np.float64)
