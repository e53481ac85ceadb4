"""Decoded pictures in memory, and the views of them that a network is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from npfacenet.errors import ArgumentError, ImageError, TrainingError, quoted
from npfacenet.images import central_square, centre_crop, read, require_contrast, resize
from npfacenet.images.pillow import import_pillow
from npfacenet.progress import Progress, silent
from npfacenet.threads.sharing import in_batches
from npfacenet.training.augmentation import Augmentation, Picture
from npfacenet.training.checks import (
    require_kind,
    require_number,
    require_whole,
    whole_numbers,
)
from npfacenet.training.picture_preparation import FaceFinder, FoundFace

ROOM = 1.5  # times the side of a crop is kept, for views that are shifted
LOOKED_AT = 160  # pixels a side for the contrast, whatever the size of views: all stores agree


class PictureStore:
    """Decoded pictures, cut to what their views can show and cached up to a limit.

    `crop` is the side in pixels of a view that is not shifted (None: the central square); `size`
    the side at which views are returned. With a `finder`, a view shows the aligned face that is
    found in the picture, and `crop` is None. `room` is how many times the side of an unshifted view
    is kept for the others; 1 if only plain pictures are wanted. Up to `memory` bytes of pictures
    are kept; the others are read again each time, but faces are found once.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        crop: int | None,
        size: int,
        memory: int = 1 << 29,
        *,
        finder: FaceFinder | None = None,
        room: float = ROOM,
    ) -> None:
        require_kind("the paths of pictures", paths, tuple, list)
        require_kind("the finder of faces", finder, FaceFinder, type(None))
        if crop is not None:
            require_whole("crop", crop, 1, 100_000)
        require_whole("the size of a view", size, 1, 100_000)
        require_whole("the memory for pictures", memory, 0, 2**63)
        require_number("the room about a crop", room, 1, 3)
        if crop is not None and finder is not None:
            raise ArgumentError("a face is found or the centre is cropped, not both")
        self.paths, self.crop, self.size = tuple(paths), crop, size
        self.finder, self._room = finder, room
        self._left = memory
        self._kept: dict[int, Picture] = {}

    def read_all(self, progress: Progress | None = None, threads: int = 1) -> None:
        """Decode every picture once and keep what the memory allows; raises as `read_all`."""
        read_all([self], progress, threads)

    def forget(self) -> None:
        """Drop all cached pictures; they are read again when needed."""
        self._left += sum(picture.nbytes for picture in self._kept.values())
        self._kept.clear()

    def examined(self, index: int, threads: int | None = None) -> Picture | str:
        """Decode a picture; return what is kept of it, or why it cannot be used.

        A picture cannot be used if it is damaged, has no contrast, or shows no face where one is
        looked for. The reason is text, because an exception would hold the frames in which it was
        raised, and they the picture.
        """
        path = self.paths[index]
        try:
            picture = read(path)
            if self.finder is None:
                kept = self._cut(picture, index)
                seen = resize(self._unshifted(picture), LOOKED_AT, "bilinear")
            else:
                self.finder.found(picture, path, threads)
                kept = self._cut(picture, index)
                seen = self.finder.cut(picture, path, LOOKED_AT)
            require_contrast(seen, quoted(str(path)))
        except ImageError as error:
            return str(error)
        return kept

    def view(self, index: int, augmentation: Augmentation, rng: np.random.Generator) -> Picture:
        """Return a random view of a picture: uint8 (size, size, 3)."""
        require_kind("augmentation", augmentation, Augmentation)
        picture, crop = self._picture(index), self.crop
        if self.finder is not None:
            crop = self._side_of_face(self.finder.found(picture, self.paths[index]))
        return augmentation(picture, self.size, rng, crop)

    def plain(self, index: int) -> Picture:
        """Return the picture as it is embedded: cropped, uint8 (S, S, 3) of any size S.

        A face has the size of views, and is cut out of the photograph itself as `Model.embed` cuts
        it.
        """
        if self.finder is None:
            return self._unshifted(self._picture(index))
        if self._room == 1:
            return self._picture(index)
        path = self.paths[self._checked(index)]
        return self.finder.cut(read(path), path, self.size)

    def keep(self, index: int, picture: Picture) -> Picture:
        """Cache what `examined` returned if the memory allows; return it."""
        if picture.nbytes <= self._left and index not in self._kept:
            self._kept[index] = np.ascontiguousarray(picture)
            self._left -= picture.nbytes
        return picture

    def _unshifted(self, picture: Picture) -> Picture:
        return central_square(picture) if self.crop is None else centre_crop(picture, self.crop)

    def _side_of_face(self, found: FoundFace) -> int:
        """Return how many pixels of what is kept are the side of a view that is not shifted."""
        return self.size if self._room == 1 else found.crop_side(self.size)

    def _checked(self, index: int) -> int:
        (index,) = whole_numbers("the number of a picture", [index]).tolist()
        return require_whole("the number of a picture", index, 0, len(self.paths) - 1)

    def _picture(self, index: int) -> Picture:
        index = self._checked(index)
        if index in self._kept:
            return self._kept[index]
        return self.keep(index, self._cut(read(self.paths[index]), index))

    def _cut(self, picture: Picture, index: int) -> Picture:
        """Return the part of a picture that its views can show."""
        side, path = min(picture.shape[:2]), self.paths[index]
        if self.finder is not None:
            crop = self._side_of_face(self.finder.found(picture, path))
            whole = _with_room(crop, self._room)
            return self.finder.cut(picture, path, whole, room=whole / crop)
        if self.crop is None:
            picture = central_square(picture)
            return resize(picture, 3 * self.size, "bilinear") if side > 4 * self.size else picture
        if side < self.crop:
            raise ImageError(
                f"{path} has {picture.shape[1]}x{picture.shape[0]} pixels, of which {self.crop} a "
                "side cannot be cropped"
            )
        return centre_crop(picture, _with_room(self.crop, self._room, side))


def _with_room(crop: int, room: float, most: int | None = None) -> int:
    """Return the side of a crop with room about it, of at most `most` pixels."""
    side = int(room * crop) if most is None else min(most, int(room * crop))
    return side - (side - crop) % 2  # an odd difference would move the middle by half a pixel


def read_all(
    stores: Sequence[PictureStore], progress: Progress | None = None, threads: int = 1
) -> None:
    """Decode every picture of these stores once, and find its face if they have a finder.

    Faces are looked for in up to `threads` pictures at a time. Raises TrainingError that counts
    the pictures that cannot be used and names the first, so that all are found before the run and
    not hours into it.
    """
    unknown = any(
        store.finder is not None and not all(map(store.finder.knows, store.paths))
        for store in stores
    )
    what = "finding faces" if unknown else "reading pictures"
    faults = [fault for _, fault in faults_in(stores, what, progress, threads)]
    if faults:
        for store in stores:
            store.forget()  # or the error's traceback would keep the pictures
        raise unusable(faults, sum(len(store.paths) for store in stores))


def faults_in(
    stores: Sequence[PictureStore], what: str, progress: Progress | None, threads: int
) -> Iterator[tuple[int, str]]:
    """Decode every picture of these stores, keep what the memory allows, and yield the faults.

    Each comes after its picture's index in its store. `progress` counts pictures, as `what`.
    """
    report = silent if progress is None else progress
    every = [(store, index) for store in stores for index in range(len(store.paths))]
    import_pillow()  # not in threads

    def examine(some: list[tuple[PictureStore, int]], threads: int) -> list[Picture | str]:
        return [store.examined(index, threads) for store, index in some]

    # Decoding alone is fast, and takes the least memory one picture at a time.
    cores = threads if any(store.finder is not None for store in stores) else 1
    batches = in_batches(every, examine, size=1, threads=cores)
    for done, ((store, index), (seen,)) in enumerate(zip(every, batches, strict=True), 1):
        if isinstance(seen, str):
            yield index, seen
        else:
            store.keep(index, seen)
        del seen
        report(what, done, len(every))


def unusable(faults: Sequence[str], total: int) -> TrainingError:
    """Return the error that reports the faults of some of `total` pictures."""
    return TrainingError(
        f"{len(faults)} of {total} pictures cannot be used: {faults[0]}; repair or remove them, or "
        "skip them"
    )
