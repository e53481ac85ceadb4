"""Random variants of a picture, as other photographs might have shown the same face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.affine import Matrix, resampled
from npfacenet.images.crop import central_square, centre_crop
from npfacenet.images.degradation import blurred, erased, jpeg_compressed, relit
from npfacenet.images.warp import warp
from npfacenet.training.checks import is_number, require_kind, require_whole

Picture: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float64]

ASPECT = 3.0  # the largest ratio of an erased rectangle's sides
_LIMITS = {
    "flip": (0, 1), "shift": (0, 0.5), "scale": (0, 0.5), "rotation": (0, 180),
    "brightness": (0, 1), "contrast": (0, 1), "jpeg": (0, 1), "jpeg_quality": (1, 100),
    "blur": (0, 1), "blur_radius": (0, 100), "erase": (0, 1), "erase_area": (0, 1),
}  # fmt: skip
_PAIRS = ("blur_radius", "jpeg_quality", "erase_area")


@dataclass(frozen=True)
class Augmentation:
    """How much pictures are varied.

    - flip: probability of mirroring left to right
    - shift: largest shift in x and in y, as a share of the square's side, 0 to 0.5
    - scale: the square's side is multiplied by 1 - scale to 1 + scale, 0 to 0.5
    - rotation: largest rotation either way in degrees, 0 to 180
    - brightness, contrast: factors from 1 - x to 1 + x, 0 to 1
    - blur: probability; blur_radius: standard deviation in pixels of the result, 0 to 100
    - jpeg: probability; jpeg_quality: whole numbers, 1 to 100
    - erase: probability of covering a rectangle with one colour; erase_area: its share of the
      picture, 0 to 1 (above 1/3 the longest ones do not fit, and are cut short)

    All values are drawn uniformly, an erased rectangle's aspect on a logarithmic scale. Pairs may
    be lists, as in JSON. Raises ArgumentError, naming the field and its value.

    >>> Augmentation(rotation=0, blur_radius=[0.5, 1.0]).blur_radius
    (0.5, 1.0)
    """

    flip: float = 0.5
    shift: float = 0.05
    scale: float = 0.1
    rotation: float = 8.0
    brightness: float = 0.2
    contrast: float = 0.2
    blur: float = 0.1
    blur_radius: tuple[float, float] = (0.3, 1.2)
    jpeg: float = 0.25
    jpeg_quality: tuple[int, int] = (30, 90)
    erase: float = 0.25
    erase_area: tuple[float, float] = (0.02, 0.15)

    def __post_init__(self) -> None:
        for name, limits in _LIMITS.items():
            value = getattr(self, name)
            if name in _PAIRS:
                object.__setattr__(self, name, _pair(name, value, limits))
            elif not _is_within(value, limits):
                raise ArgumentError(f"{name} is {limits[0]} to {limits[1]}, not {quoted(value)}")

    @classmethod
    def none(cls) -> Augmentation:
        """Return an augmentation that only crops and resizes, bilinear.

        >>> image = np.arange(144, dtype=np.uint8).reshape(6, 8, 3)
        >>> square = Augmentation.none()(image, 4, np.random.default_rng(18), crop=4)
        >>> np.array_equal(square, image[1:5, 2:6])
        True
        """
        return cls(0, 0, 0, 0, 0, 0, blur=0, jpeg=0, erase=0)

    def __call__(
        self, image: Picture, size: int, rng: np.random.Generator, crop: int | None = None
    ) -> Picture:
        """Return one variant of a picture, uint8 (H, W, 3), as a new array, uint8 (size, size, 3).

        It shows the central square, or the central `crop` pixels a side, jittered. The picture is
        warped (one resampling, directly to its size), relit, blurred, compressed and erased, in
        this order. Each call draws 19 numbers from `rng` whatever is switched on, so that switching
        one variation off does not change the others.

        Raises ArgumentError for a size or crop below 1, ImageError if the picture is smaller
        than the crop or is not a picture.
        """
        require_kind("the generator of random numbers", rng, np.random.Generator)
        require_whole("the size of a variant", size, 1, 100_000)
        if crop is not None:
            require_whole("crop", crop, 1, 100_000)
        geometry, others = np.split(rng.random(19), (5,))
        return self._degraded(self._warped(image, size, crop, geometry), others)

    def through(
        self, image: Picture, matrix: Matrix, size: int, rng: np.random.Generator
    ) -> Picture:
        """Return one variant of the square that a map shows, uint8 (size, size, 3).

        `matrix` (2, 3) maps a point of the square of `size` pixels to the point of the picture,
        uint8 (H, W, 3), that it shows, as of an aligned face (`faces.alignment.crop_to_picture`).
        The square is jittered as another crop is, and the picture resampled once. Numbers are drawn
        as by a call. Raises what `images.affine.resampled` raises, ArgumentError for another
        generator.
        """
        require_kind("the generator of random numbers", rng, np.random.Generator)
        require_whole("the size of a variant", size, 1, 100_000)
        geometry, others = np.split(rng.random(19), (5,))
        moved = self._moved(size, geometry)
        whole = np.vstack([matrix, (0, 0, 1)]) @ np.vstack([moved, (0, 0, 1)])
        return self._degraded(resampled(image, whole[:2], size), others)

    def _degraded(self, result: Picture, drawn: Floats) -> Picture:
        """Return a picture relit, blurred, compressed and partly covered."""
        light, blur, jpeg, erase = np.split(drawn, (2, 4, 6))
        if self.brightness or self.contrast:
            brightness, contrast = 1 + _both_ways(light) * (self.brightness, self.contrast)
            result = relit(result, float(brightness), float(contrast))
        if blur[0] < self.blur:
            result = blurred(result, _between(self.blur_radius, blur[1]))
        if jpeg[0] < self.jpeg:
            low, high = self.jpeg_quality
            result = jpeg_compressed(result, low + int((high - low + 1) * jpeg[1]))
        if erase[0] < self.erase:
            result = self._erased(result, erase[1:])
        return result

    def _warped(self, image: Picture, size: int, crop: int | None, drawn: Floats) -> Picture:
        square = central_square(image) if crop is None else centre_crop(image, crop)
        (height, width, _), side = image.shape, len(square)
        right, down, larger, turn = _both_ways(drawn[1:])
        return warp(
            image,
            size,
            centre=(
                (width - side) // 2 + side * (0.5 + self.shift * right),
                (height - side) // 2 + side * (0.5 + self.shift * down),
            ),
            extent=side * (1 + self.scale * larger),
            degrees=self.rotation * turn,
            mirrored=bool(drawn[0] < self.flip),
        )

    def _moved(self, size: int, drawn: Floats) -> Matrix:
        """Return the map (2, 3) from a jittered square to the one that is not."""
        right, down, larger, turn = _both_ways(drawn[1:])
        step, angle = 1 + self.scale * larger, math.radians(self.rotation * turn)
        linear = step * np.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        if drawn[0] < self.flip:
            linear[:, 0] *= -1
        centre = np.array([size / 2, size / 2])
        moved = centre + self.shift * size * np.array([right, down])
        return np.column_stack([linear, moved - linear @ centre])

    def _erased(self, image: Picture, drawn: Floats) -> Picture:
        size = len(image)
        side = size * math.sqrt(_between(self.erase_area, drawn[0]))
        stretch = math.sqrt(ASPECT) ** (2 * drawn[1] - 1)
        height, width = (min(max(round(x), 1), size) for x in (side * stretch, side / stretch))
        top, left = int(drawn[2] * (size - height + 1)), int(drawn[3] * (size - width + 1))
        red, green, blue = (int(256 * channel) for channel in drawn[4:])
        return erased(image, top, left, height, width, (red, green, blue))


def _both_ways(drawn: Floats) -> Floats:
    """Map numbers from [0, 1] to [-1, 1]."""
    return 2 * drawn - 1


def _between(limits: tuple[float, float], drawn: float) -> float:
    return float(limits[0] + (limits[1] - limits[0]) * drawn)


def _is_within(value: object, limits: tuple[float, float]) -> TypeGuard[float]:
    return is_number(value, *limits)


def _pair(name: str, value: object, limits: tuple[float, float]) -> tuple[float, float]:
    match value:
        case (low, high) if _is_within(low, limits) and _is_within(high, limits) and low <= high:
            if name != "jpeg_quality":
                return low, high
            if low % 1 == high % 1 == 0:
                return int(low), int(high)
    raise ArgumentError(
        f"{name} is two numbers of {limits[0]} to {limits[1]}, whole ones for a quality, "
        f"the smaller first, not {quoted(value)}"
    )
