"""Found faces by the tone of the cheeks: a part of `finding.py`.

The tone is the individual typology angle of dermatology (Chardon et al. 1991), which is measured on
skin in known light: arctan((L* - 50) / b*) in degrees, larger for lighter skin. Photographs do not
tell their light, so that a light face in the shade counts as dark: this is no measure of people,
but shows whether faces that look dark are found as often as others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from finding_table import Row, share
from finding_truth import TOGETHER, Floats, Picture, Teachers
from picture_archives import pictures_in

from npfacenet.errors import EvaluationError
from npfacenet.faces import Detector, Faces
from npfacenet.images import read, resize

MIXED = 13_000
"""The first so many crops mix skin colours on purpose."""
BORDER = 0.5  # of a crop's side, added on each of its sides
PARTS = 5  # of the crops, from the darkest to the lightest
SMALL = 48  # pixels of a crop that is made smaller
PATCH = 0.12
"""Half the side of the square on a cheek, as a share of the distance of the eyes."""
LEAST_YELLOW = 1.0
"""The least b* that counts, so that pictures without colour are told by their lightness."""
WHITE = np.array([0.95047, 1.0, 1.08883])  # D65
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # of linear sRGB


def crops(shared: Path, most: int) -> list[Picture]:
    """Return crops of `faces.zip` among those that mix skin colours.

    Raises EvaluationError for an archive that cannot be read.
    """

    def chosen(names: list[str]) -> list[str]:
        order = np.random.default_rng(0).permutation(len(names[:MIXED]))[:most]
        return [names[i] for i in order]

    return [read(each) for each in pictures_in(shared / "faces.zip", EvaluationError, chosen)]


def bordered(crop: Picture, side: int | None = None) -> Picture:
    """Return a crop, scaled to `side` if given, with a border of repeated pixels."""
    scaled = crop if side is None else resize(crop, side, "bilinear")
    border = round(BORDER * len(scaled))
    return np.pad(scaled, ((border, border), (border, border), (0, 0)), mode="edge")


def the_face(found: Faces, side: int) -> int | None:
    """Return the face whose centre lies in the middle half of the crop in a bordered picture."""
    centres = found.boxes.reshape(-1, 2, 2).mean(axis=1)
    away = np.abs(centres - side / 2).max(axis=1)
    inside = away <= side / (1 + 2 * BORDER) / 4
    return int(np.flatnonzero(inside)[0]) if inside.any() else None


def tone(picture: Picture, landmarks: Floats) -> float:
    """Return the angle in degrees at the cheeks, half way from each eye to its corner of the mouth.

    >>> eyes_and_mouth = np.array([[8, 8], [24, 8], [16, 16], [8, 24], [24, 24]])
    >>> light, dark = (np.full((32, 32, 3), (r, 0.75 * r, 0.6 * r)).astype("u1") for r in (240, 90))
    >>> round(tone(light, eyes_and_mouth)), round(tone(dark, eyes_and_mouth))
    (46, -59)
    """
    half = PATCH * float(np.hypot(*(landmarks[1] - landmarks[0])))
    patches = []
    for eye, mouth in ((0, 3), (1, 4)):
        x, y = (landmarks[eye] + landmarks[mouth]) / 2
        rows, columns = (slice(max(0, int(at - half)), int(at + half) + 1) for at in (y, x))
        patches.append(picture[rows, columns].reshape(-1, 3))
    colour = np.median(np.concatenate(patches), axis=0)
    lightness, yellow = lightness_and_yellow(colour)
    return float(np.degrees(np.arctan2(lightness - 50, max(yellow, LEAST_YELLOW))))


def lightness_and_yellow(colour: Floats) -> tuple[float, float]:
    """Return L* and b* of an sRGB colour (3,), 0 to 255.

    >>> [round(number, 3) for number in lightness_and_yellow(np.array([255, 255, 255]))]
    [100.0, -0.01]
    """
    share_of_white = colour / 255
    linear = np.where(
        share_of_white <= 0.04045, share_of_white / 12.92, ((share_of_white + 0.055) / 1.055) ** 2.4
    )
    ratio = TO_XYZ @ linear / WHITE
    _, f_y, f_z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * 841 / 108 + 4 / 29)
    return float(116 * f_y - 16), float(200 * (f_y - f_z))


def tones(pictures: Sequence[Picture], teachers: Teachers) -> Floats:
    """Return the tone of each bordered crop.

    The landmarks are those of the teachers, of one if only one sees the face. Where none does, they
    are where the median face of the crops has them, so that no crop is left out. Raises
    EvaluationError if the teachers see no face at all.
    """
    landmarks = np.full((len(pictures), 2, 5, 2), np.nan)
    for teacher, detector in enumerate((teachers.mtcnn, teachers.yunet)):
        for number, found in enumerate(detector.detect(pictures, threads=teachers.threads)):
            face = the_face(found, len(pictures[number]))
            if face is not None:
                landmarks[number, teacher] = found.landmarks[face]
    seen = ~np.isnan(landmarks[:, :, 0, 0])
    if not seen.any():
        raise EvaluationError(f"the teachers see no face in any of {len(pictures)} crops")
    landmarks[~seen.any(axis=1)] = np.median(landmarks[seen], axis=0)
    return np.array(
        [
            tone(each, np.nanmean(place, axis=0))
            for each, place in zip(pictures, landmarks, strict=True)
        ]
    )


def of_tones(
    detectors: Mapping[str, Detector], shared: Path, most: int, teachers: Teachers
) -> Iterator[Row]:
    """Measure the share of crops in which the face is found, by fifths of their tones."""
    chosen = crops(shared, most)
    measured = tones([bordered(crop) for crop in chosen], teachers)
    groups = np.array_split(np.argsort(measured, kind="stable"), PARTS)
    for side, label in ((None, f"{len(chosen[0])}"), (SMALL, f"{SMALL}")):
        hits = {
            name: found_in(chosen, side, each, teachers.threads) for name, each in detectors.items()
        }
        for part, rows in enumerate(groups, 1):
            low, high = measured[rows].min(initial=90), measured[rows].max(initial=-90)
            cells = {name: share(int(each[rows].sum()), len(rows)) for name, each in hits.items()}
            yield Row(
                f"tone {part} of {PARTS}, {low:.0f} to {high:.0f}: crops of {label} pixels", cells
            )


def found_in(
    chosen: Sequence[Picture], side: int | None, detector: Detector, threads: int
) -> npt.NDArray[np.bool_]:
    """Return in which crops, scaled to `side` pixels, a detector finds the face."""
    hits: list[bool] = []
    for start in range(0, len(chosen), TOGETHER):
        pictures = [bordered(crop, side) for crop in chosen[start : start + TOGETHER]]
        found = detector.detect(pictures, threads=threads)
        hits += [
            the_face(each, len(picture)) is not None
            for each, picture in zip(found, pictures, strict=True)
        ]
    return np.array(hits, bool)
