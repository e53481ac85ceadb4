"""The training material of the default network: views of photographs, and drawn people."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from default_faces import TEMPLATE, KnownFaces, Landmarks, border_of, bordered
from picture_archives import pictures_in

from npfacenet.errors import TrainingError
from npfacenet.faces.alignment import crop_to_picture
from npfacenet.images import read
from npfacenet.images.blending import blended
from npfacenet.progress import Progress
from npfacenet.recipes.alignment import ALIGNMENTS, Template
from npfacenet.samples import conditions, face_of, identity, picture
from npfacenet.training import Augmentation, IdentityFolder
from npfacenet.training.people import read_people

Picture = npt.NDArray[np.uint8]

CROP = 150  # of LFW's 250 pixels, for views that are not aligned
FROM_LFW = 0.35  # the share of views; the network is judged by LFW's framing
UNALIGNED = 0.15  # the share of views that show crops as they are
PEOPLE, EACH = 1600, 6  # drawn people, and pictures of each
MIXED = 0.25  # the share of views that blend two pictures
SHARE = (0.2, 0.5)  # of the second one
JITTER = 0.03  # standard deviation of a landmark, in distances between the eyes
OF_CROPS = Augmentation(
    flip=0.5, shift=0.08, scale=0.18, rotation=12, brightness=0.35, contrast=0.4,
    blur=0.2, blur_radius=(0.3, 2.0), jpeg=0.3, jpeg_quality=(15, 90), erase=0.25,
    erase_area=(0.02, 0.2),
)  # fmt: skip
OF_FACES = replace(OF_CROPS, shift=0.02, scale=0.06, rotation=4)
OF_DRAWN = replace(Augmentation.none(), shift=0.02, scale=0.06, rotation=4)
DRAWN_SIZE = 160  # pixels a side of an aligned one


@dataclass(frozen=True)
class Photographs:
    """The crops of `faces.zip` and LFW's training people, encoded, and where their faces are.

    `landmarks` (N, 5, 2) are those of the crops and then those of LFW's pictures, NaN where no face
    is found; `jitter` is the standard deviation by which each is moved, in distances between the
    eyes. `view(number)` depends on the number and the seed only: uint8 (size, size, 3).
    """

    crops: tuple[bytes, ...]
    lfw: tuple[bytes, ...]
    landmarks: Landmarks
    size: int
    seed: int
    jitter: float = JITTER

    @classmethod
    def of(
        cls,
        shared: Path,
        size: int,
        seed: int,
        known: KnownFaces,
        *,
        jitter: float = JITTER,
        progress: Progress | None = None,
    ) -> Photographs:
        """Open all that the network may be trained on, and find the faces.

        Pictures are decoded when they are drawn. Raises TrainingError for an archive or list that
        cannot be read, or is empty.
        """
        crops = crops_in(shared / "faces.zip")
        people = read_people(shared / "lfw" / "train_people.txt")
        lfw = tuple(map(content, IdentityFolder.of(shared / "lfw" / "images", people).paths))
        landmarks = [
            known.landmarks(crops, tight=True, progress=progress),
            known.landmarks(lfw, tight=False, progress=progress),
        ]
        return cls(crops, lfw, np.concatenate(landmarks), size, seed, jitter)

    def view(self, number: int) -> Picture:
        """Return one augmented picture, or two of them blended."""
        rng = np.random.default_rng([self.seed, number])
        aligned, mixed, share = rng.random() >= UNALIGNED, rng.random() < MIXED, rng.uniform(*SHARE)
        first = self._one(rng, aligned)
        return blended(first, self._one(rng, aligned), share) if mixed else first

    def _one(self, rng: np.random.Generator, aligned: bool) -> Picture:
        from_lfw = rng.random() < FROM_LFW
        files = self.lfw if from_lfw else self.crops
        index = int(rng.integers(len(files)))
        image = read(files[index])
        landmarks = self.landmarks[index + (len(self.crops) if from_lfw else 0)]
        if aligned and np.isfinite(landmarks).all():
            border = 0 if from_lfw else border_of(image)  # a template shows more than tight crops
            wide = bordered(image, border)
            return jittered(wide, landmarks + border, self.size, rng, self.jitter)
        return OF_CROPS(image, self.size, rng, CROP if from_lfw else None)

    def about(self) -> dict[str, object]:
        """Return what determines the views, for their record."""
        return {
            "crops": len(self.crops), "lfw": len(self.lfw), "seed": self.seed,
            "checksums": [checksum(self.crops), checksum(self.lfw)],
            "landmarks": zlib.crc32(self.landmarks.astype("<f4").tobytes()),
            "faces": int(np.isfinite(self.landmarks).all(axis=(1, 2)).sum()),
            "template": repr(template()), "jitter": self.jitter, "unaligned": UNALIGNED,
            "crop": CROP, "from_lfw": FROM_LFW, "mixed": MIXED, "share": list(SHARE),
            "augmentation": [repr(OF_FACES), repr(OF_CROPS)],
        }  # fmt: skip


def crops_in(path: Path) -> tuple[bytes, ...]:
    """Return the pictures in an archive; raises TrainingError unless there are some."""
    crops = pictures_in(path, TrainingError)
    if not crops:
        raise TrainingError(f"{path} holds no .jpg")
    return crops


def content(path: Path) -> bytes:
    """Return the bytes of a file; raises TrainingError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error}") from error


def checksum(files: tuple[bytes, ...]) -> int:
    """Return a checksum of several files."""
    found = 0
    for file in files:
        found = zlib.crc32(file, found)
    return found


def template() -> Template:
    """Return where the landmarks of an aligned face lie."""
    chosen = ALIGNMENTS[TEMPLATE]
    if not isinstance(chosen, Template):
        raise TrainingError(f"{TEMPLATE} is not a template of landmarks")
    return chosen


def jittered(
    image: Picture,
    landmarks: Landmarks,
    size: int,
    rng: np.random.Generator,
    jitter: float,
    varied: Augmentation = OF_FACES,
) -> Picture:
    """Return a varied view of a face that is aligned by its landmarks (5, 2), which are moved.

    Each moves by a Gaussian of `jitter` times the distance between the eyes, in x and in y.
    """
    apart = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    moved = landmarks + rng.normal(0, 1, (5, 2)) * (jitter * apart)
    return varied.through(image, crop_to_picture(moved, template(), size), size, rng)


def drawn_view(number: int, jitter: float = JITTER) -> Picture:
    """Return a picture of a drawn person, `EACH` of each in sequence: uint8 (S, S, 3).

    Every other one is aligned by the landmarks that it was drawn with, moved as those of
    photographs are; the rest are crops as they are drawn.
    """
    crop = picture(number, EACH)
    if number % 2 == 0:
        return crop
    face = face_of(identity(number // EACH), conditions(number), len(crop))
    rng = np.random.default_rng([number, EACH])
    return jittered(crop, face.landmarks.astype(np.float64), DRAWN_SIZE, rng, jitter, OF_DRAWN)


def about_drawn(jitter: float) -> dict[str, object]:
    """Return what determines those pictures, besides the drawing itself."""
    return {
        "each": EACH, "aligned": "every other", "template": repr(template()), "jitter": jitter,
        "augmentation": repr(OF_DRAWN),
    }  # fmt: skip
