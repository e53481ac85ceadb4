"""The training material of the default network: views of photographs, and drawn people."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.errors import TrainingError
from npfacenet.images import read
from npfacenet.images.blending import blended
from npfacenet.samples import picture
from npfacenet.training import Augmentation, IdentityFolder
from npfacenet.training.people import read_people
from npfacenet.training.picture_store import PictureStore

Picture = npt.NDArray[np.uint8]

CROP = 150  # of LFW's 250 pixels
FROM_LFW = 0.35  # the share of views; the network is judged by LFW's framing
PEOPLE, EACH = 1600, 6  # drawn people, and pictures of each
MIXED = 0.25  # the share of views that blend two pictures
SHARE = (0.2, 0.5)  # of the second one
AUGMENTATION = Augmentation(
    flip=0.5, shift=0.08, scale=0.18, rotation=12, brightness=0.35, contrast=0.4,
    blur=0.2, blur_radius=(0.3, 2.0), jpeg=0.3, jpeg_quality=(15, 90), erase=0.25,
    erase_area=(0.02, 0.2),
)  # fmt: skip


@dataclass(frozen=True)
class Photographs:
    """The crops of `faces.zip`, as bytes, and LFW's training people.

    `view(number)` depends on the number and the seed only: uint8 (size, size, 3).
    """

    crops: tuple[bytes, ...]
    checksum: int
    lfw: PictureStore
    size: int
    seed: int

    @classmethod
    def of(cls, shared: Path, size: int, seed: int) -> Photographs:
        """Open all that the network may be trained on; crops are decoded when they are drawn.

        Raises TrainingError for an archive or list that cannot be read, or is empty.
        """
        try:
            with zipfile.ZipFile(shared / "faces.zip") as archive:
                names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
                crops = tuple(archive.read(name) for name in names)
        except (OSError, zipfile.BadZipFile) as error:
            raise TrainingError(f"{shared / 'faces.zip'} cannot be read: {error}") from error
        if not crops:
            raise TrainingError(f"{shared / 'faces.zip'} holds no .jpg")
        people = read_people(shared / "lfw" / "train_people.txt")
        paths = IdentityFolder.of(shared / "lfw" / "images", people).paths
        checksum = 0
        for crop in crops:
            checksum = zlib.crc32(crop, checksum)
        store = PictureStore(paths, CROP, size, memory=1 << 30)
        return cls(crops, checksum, store, size, seed)

    def view(self, number: int) -> Picture:
        """Return one augmented picture, or two of them blended."""
        rng = np.random.default_rng([self.seed, number])
        mixed, share = rng.random() < MIXED, rng.uniform(*SHARE)
        first = self._one(rng)
        return blended(first, self._one(rng), share) if mixed else first

    def _one(self, rng: np.random.Generator) -> Picture:
        if rng.random() < FROM_LFW:
            return self.lfw.view(int(rng.integers(len(self.lfw.paths))), AUGMENTATION, rng)
        crop = read(self.crops[int(rng.integers(len(self.crops)))])
        return AUGMENTATION(crop, self.size, rng)

    def about(self) -> dict[str, object]:
        """Return what determines the views, for their record."""
        return {
            "crops": len(self.crops), "checksum": self.checksum, "lfw": len(self.lfw.paths),
            "crop": CROP, "seed": self.seed, "from_lfw": FROM_LFW, "mixed": MIXED,
            "share": list(SHARE), "augmentation": repr(AUGMENTATION),
        }  # fmt: skip


def drawn_view(number: int) -> Picture:
    """Return a picture of a drawn person, `EACH` of each in sequence: uint8 (112, 112, 3)."""
    return picture(number, EACH)


def about_drawn() -> dict[str, object]:
    """Return what determines those pictures, besides the drawing itself."""
    return {"each": EACH}
