"""YuNet on photographs: searched at several scales, so that faces of all sizes are found.

The network finds faces of about 10 to 300 pixels, and takes parts of larger ones for faces. So a
photograph is first halved as long as the smallest face asked for stays visible. Coarser scales
follow, until a face that fills the picture is small enough. What a fine scale finds inside a face
that is too large for it is a part of that face, and dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite, is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.boxes import sides
from npfacenet.faces.detector import Detector
from npfacenet.faces.faces import Faces
from npfacenet.faces.ready_network import ReadyNetwork, require_network
from npfacenet.faces.summed_area import SummedAreaTable
from npfacenet.faces.yunet_decoding import Detections, decoded, joined
from npfacenet.recipes.yunet import HEADS, STRIDES

SMALLEST_KNOWN = 12.0
"""Pixels of the smallest face that is found reliably."""
LARGEST_KNOWN = 256.0
"""Pixels of the largest face that is found reliably."""
STEP = 4
"""Factor from one scale to the next, smaller than LARGEST_KNOWN / SMALLEST_KNOWN."""


@dataclass(frozen=True, eq=False)
class Yunet(Detector):
    """The detector YuNet.

    `threshold` is the least score of a face. Of two whose intersection over union is above
    `most_shared` only the better one is kept. `scales` are those at which pictures are searched:
    None chooses them for each picture, (1.0,) does what OpenCV's FaceDetectorYN does. Raises
    ArgumentError for other values.
    """

    name: ClassVar[str] = "yunet"
    sure_score: ClassVar[float] = 0.7
    """None of 251 photographs of BSDS500 without a face has a false one with more (0.661 at most).

    All 5,428 photographs of LFW at hand have a face with 0.888 or more, of 600 crops of UTKFace 599
    have one with 0.838 or more (`tools/experiments/detection.py --lfw 5428`).
    """

    network: ReadyNetwork = field(repr=False)
    threshold: float = 0.6
    most_shared: float = 0.3
    scales: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        require_network(self.network, *(f"{name}_{s}" for name in HEADS for s in STRIDES))
        if not is_finite(self.threshold):
            raise ArgumentError(f"threshold is a number, not {quoted(self.threshold)}")
        if not is_real(self.most_shared, 0, 1):
            raise ArgumentError(f"most_shared is from 0 to 1, not {quoted(self.most_shared)}")
        row: object = (1.0,) if self.scales is None else self.scales
        if not (isinstance(row, tuple) and row and all(is_real(s, 1e-4, 4) for s in row)):
            raise ArgumentError(f"scales are numbers from 0.0001 to 4, not {quoted(row)}")

    @property
    def pixels_of_a_face(self) -> float:
        """Twice the smallest face that is known; with `scales` of its own, pictures stay whole."""
        return 2 * SMALLEST_KNOWN if self.scales is None else float("inf")

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Find the faces of one picture (H, W, 3), the surest first."""
        table = SummedAreaTable(picture)
        found = joined([])
        for scale in sorted(self.scales or scales(table, smallest_face)):  # the coarsest first
            new = self.at_scale(table, scale, threads)
            found = joined([found, new[~parts_of(new, found, scale)]])
        faces = found.suppressed(self.most_shared)
        return Faces(faces.boxes, faces.landmarks, faces.scores, best_score=faces.best_score)

    def at_scale(
        self, table: SummedAreaTable, scale: float, threads: int | None = None
    ) -> Detections:
        """Find faces in a picture at one scale; returns them in pixels of the picture itself."""
        height = max(1, round(table.height * scale))
        width = max(1, round(table.width * scale))
        outputs = self.network.run(prepared(table.resized(height, width)), threads)
        found = decoded(outputs, self.threshold).suppressed(self.most_shared)
        return found.enlarged(table.width / width, table.height / height)


def scales(table: SummedAreaTable, smallest_face: float) -> list[float]:
    """Return the scales at which a picture is searched, the finest first."""
    finest = 1.0
    while smallest_face * finest / 2 >= SMALLEST_KNOWN:
        finest /= 2
    chosen = [finest]
    while max(table.height, table.width) * chosen[-1] > LARGEST_KNOWN:
        chosen.append(chosen[-1] / STEP)
    return chosen


def parts_of(found: Detections, faces: Detections, scale: float) -> npt.NDArray[np.bool_]:
    """Tell which of the detections at a scale are parts of `faces` too large for it: (N,)."""
    width, height = sides(faces.boxes)
    large = faces[np.maximum(width, height) * scale > LARGEST_KNOWN]
    width, height = sides(found.boxes)
    centres = found.boxes[:, np.newaxis, :2] + np.stack([width, height], axis=1)[:, np.newaxis] / 2
    inside = np.all((centres > large.boxes[:, :2]) & (centres < large.boxes[:, 2:]), axis=2)
    parts: npt.NDArray[np.bool_] = np.any(inside, axis=1)
    return parts


def prepared(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Return RGB (H, W, 3) as YuNet takes it: BGR, padded with black, a batch of one."""
    height, width = picture.shape[:2]
    whole = (-(-height // STRIDES[-1]) * STRIDES[-1], -(-width // STRIDES[-1]) * STRIDES[-1])
    batch = np.zeros((1, *whole, 3), np.float32)
    for channel in range(3):  # whole planes are copied faster than pixels turned round
        batch[0, :height, :width, channel] = picture[:, :, 2 - channel]
    return batch
