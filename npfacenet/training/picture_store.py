"""Decoded pictures in memory, and the views of them that a network is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from npfacenet.errors import ImageError, TrainingError, quoted
from npfacenet.images import central_square, centre_crop, read, require_contrast, resize
from npfacenet.progress import Progress, silent
from npfacenet.training.augmentation import Augmentation, Picture
from npfacenet.training.checks import require_kind, require_whole, whole_numbers

ROOM = 1.5  # pixels kept about a crop, as a factor of its side, for views that are shifted
LOOKED_AT = 160  # pixels a side for the contrast, whatever the size of views: all stores agree


class PictureStore:
    """Decoded pictures, cut to what their views can show and cached up to a limit.

    `crop` is the side in pixels of a view that is not shifted (None: the central square); `size`
    the side at which views are returned. Up to `memory` bytes of pictures are kept; the others
    are read again each time.
    """

    def __init__(
        self, paths: Sequence[Path], crop: int | None, size: int, memory: int = 1 << 29
    ) -> None:
        require_kind("the paths of pictures", paths, tuple, list)
        if crop is not None:
            require_whole("crop", crop, 1, 100_000)
        require_whole("the size of a view", size, 1, 100_000)
        require_whole("the memory for pictures", memory, 0, 2**63)
        self.paths, self.crop, self.size = tuple(paths), crop, size
        self._left = memory
        self._kept: dict[int, Picture] = {}

    def read_all(self, progress: Progress | None = None) -> None:
        """Decode every picture once and keep what the memory allows; raises as `read_all`."""
        read_all([self], progress)

    def forget(self) -> None:
        """Drop all cached pictures; they are read again when needed."""
        self._left += sum(picture.nbytes for picture in self._kept.values())
        self._kept.clear()

    def fault(self, index: int) -> str | None:
        """Decode and cache a picture; return why it cannot be used, or None if it can.

        A picture cannot be used if it is damaged or has no contrast. The reason is text, because
        an exception would hold the frames in which it was raised, and they the picture.
        """
        try:
            picture = read(self.paths[index])
            kept = self._cut(picture, index)
            seen = resize(self._unshifted(picture), LOOKED_AT, "bilinear")
            require_contrast(seen, quoted(str(self.paths[index])))
            self._keep(index, kept)
        except ImageError as error:
            return str(error)
        return None

    def view(self, index: int, augmentation: Augmentation, rng: np.random.Generator) -> Picture:
        """Return a random view of a picture: uint8 (size, size, 3)."""
        require_kind("augmentation", augmentation, Augmentation)
        return augmentation(self._picture(index), self.size, rng, self.crop)

    def plain(self, index: int) -> Picture:
        """Return the picture as it is embedded: cropped, uint8 (S, S, 3) of any size S."""
        return self._unshifted(self._picture(index))

    def _unshifted(self, picture: Picture) -> Picture:
        return central_square(picture) if self.crop is None else centre_crop(picture, self.crop)

    def _picture(self, index: int) -> Picture:
        (index,) = whole_numbers("the number of a picture", [index]).tolist()
        require_whole("the number of a picture", index, 0, len(self.paths) - 1)
        if index in self._kept:
            return self._kept[index]
        return self._keep(index, self._cut(read(self.paths[index]), index))

    def _cut(self, picture: Picture, index: int) -> Picture:
        """Return the part of a picture that its views can show."""
        side = min(picture.shape[:2])
        if self.crop is None:
            picture = central_square(picture)
            if side > 4 * self.size:
                picture = resize(picture, 3 * self.size, "bilinear")
        else:
            if side < self.crop:
                raise ImageError(
                    f"{self.paths[index]} has {picture.shape[1]}x{picture.shape[0]} pixels, of "
                    f"which {self.crop} a side cannot be cropped"
                )
            # An odd difference would move the middle by half a pixel.
            room = min(side, int(ROOM * self.crop))
            picture = centre_crop(picture, room - (room - self.crop) % 2)
        return picture

    def _keep(self, index: int, picture: Picture) -> Picture:
        """Cache a picture if there is room; return it."""
        if picture.nbytes <= self._left and index not in self._kept:
            self._kept[index] = np.ascontiguousarray(picture)
            self._left -= picture.nbytes
        return picture


def read_all(stores: Sequence[PictureStore], progress: Progress | None = None) -> None:
    """Decode every picture of these stores once.

    Raises TrainingError that counts the pictures that cannot be used and names the first, so that
    all are found before the run and not hours into it.
    """
    report = silent if progress is None else progress
    every = [(store, index) for store in stores for index in range(len(store.paths))]
    faults = []
    for done, (store, index) in enumerate(every, 1):
        if fault := store.fault(index):
            faults.append(fault)
        report("reading pictures", done, len(every))
    if faults:
        for store in stores:
            store.forget()  # or the error's traceback would keep the pictures
        raise unusable(faults, len(every))


def unusable(faults: Sequence[str], total: int) -> TrainingError:
    """Return the error that reports the faults of some of `total` pictures."""
    return TrainingError(
        f"{len(faults)} of {total} pictures cannot be used: {faults[0]}; repair or remove them, or "
        "skip them"
    )
