"""MTCNN's cascade: three steps from a picture to faces, each looking closer.

Zhang et al. 2016, "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks", section 2. Thresholds, scales and rounding are those of facenet-pytorch's
`detect_face.py`. They go back to the authors' MATLAB code, so in places pixels count from 1, and
the last row and column belong to a box.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite, is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.boxes import Boxes, Points, Scores, moved, sides, squares, suppress
from npfacenet.faces.detector import Detector
from npfacenet.faces.faces import Faces
from npfacenet.faces.ready_network import ReadyNetwork, require_network
from npfacenet.faces.summed_area import SummedAreaTable
from npfacenet.layers import Array
from npfacenet.recipes.mtcnn import O_NET_SIDE, P_NET_STRIDE, P_NET_WINDOW, R_NET_SIDE

LIKE_ANOTHER = 0.5
"""Intersection over union above which two windows of one scale show the same face."""
SAME_FACE = 0.7
"""Overlap above which two boxes show the same face, after each step."""
TOGETHER = 128
"""Candidates in a batch of R-Net or O-Net."""


@dataclass(frozen=True)
class Candidates:
    """Boxes (N, 4) that may hold a face, with the scores (N,) of one step of the cascade.

    `best_score` is the best that the last network gave to any place, dropped ones too; None if no
    network has looked at one.
    """

    boxes: Boxes
    scores: Scores
    best_score: float | None = None

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Candidates:
        """Return some of them."""
        return Candidates(self.boxes[rows], self.scores[rows], self.best_score)


@dataclass(frozen=True, eq=False)
class Mtcnn(Detector):
    """The detector MTCNN: three networks in a cascade.

    `thresholds` are the scores that a candidate needs to pass P-Net, R-Net and O-Net. `factor` is
    that between one scale at which a picture is searched and the next. Raises ArgumentError for
    other values.
    """

    name: ClassVar[str] = "mtcnn"
    sure_score: ClassVar[float] = 0.85
    """1 of 251 photographs of BSDS500 without a face has a false one with more.

    All 5,428 photographs of LFW at hand have a face with 0.876 or more, all but one with 0.98; of
    600 crops of UTKFace 599 have one with 0.907 or more (`tools/experiments/detection.py --lfw
    5428`).
    """

    pnet: ReadyNetwork = field(repr=False)
    rnet: ReadyNetwork = field(repr=False)
    onet: ReadyNetwork = field(repr=False)
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
    factor: float = 0.709

    def __post_init__(self) -> None:
        for network, more in ((self.pnet, ()), (self.rnet, ()), (self.onet, ("landmarks",))):
            require_network(network, "probability", "box", *more)
        row: object = self.thresholds
        if not (isinstance(row, tuple) and len(row) == 3 and all(map(is_finite, row))):
            raise ArgumentError(f"thresholds are three numbers, not {quoted(row)}")
        if not (is_real(self.factor, 0.01, 0.99)):
            raise ArgumentError(f"factor is from 0.01 to 0.99, not {quoted(self.factor)}")

    @property
    def pixels_of_a_face(self) -> float:
        """O-Net sees faces at 48x48 pixels."""
        return float(O_NET_SIDE)

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Find the faces of one picture (H, W, 3), the surest first."""
        table = SummedAreaTable(picture)
        candidates = self.propose(table, smallest_face, threads)
        candidates = self.refine(table, candidates, threads)
        return self.decide(table, candidates, threads)

    def propose(
        self, table: SummedAreaTable, smallest_face: float, threads: int | None = None
    ) -> Candidates:
        """Step 1: P-Net looks at every window of 12x12 pixels, at every scale."""
        found = []
        for scale in scales(table, smallest_face, self.factor):
            size = int(table.height * scale + 1), int(table.width * scale + 1)
            outputs = self.pnet.run(scaled(table.resized(*size)[np.newaxis]), threads)
            windows, shares = windows_above(outputs, scale, self.thresholds[0])
            kept = suppress(windows.boxes, windows.scores, LIKE_ANOTHER)
            found.append((windows[kept], shares[kept]))
        if not found:
            return Candidates(np.empty((0, 4), np.float32), np.empty(0, np.float32))
        boxes = np.concatenate([windows.boxes for windows, _ in found])
        scores = np.concatenate([windows.scores for windows, _ in found])
        kept = suppress(boxes, scores, SAME_FACE)
        shares = np.concatenate([shares for _, shares in found])[kept]
        best = max(windows.best_score or 0.0 for windows, _ in found)
        return Candidates(squares(moved(boxes[kept], shares)), scores[kept], best)

    def refine(
        self, table: SummedAreaTable, candidates: Candidates, threads: int | None = None
    ) -> Candidates:
        """Step 2: R-Net looks at each candidate at 24x24 pixels, and corrects its box."""
        candidates, outputs = look(self.rnet, table, candidates, R_NET_SIDE, threads)
        passed = np.flatnonzero(candidates.scores > self.thresholds[1])
        candidates, shares = candidates[passed], outputs["box"][passed]
        kept = suppress(candidates.boxes, candidates.scores, SAME_FACE)
        boxes = moved(candidates.boxes[kept], shares[kept], pixel=1)
        return Candidates(squares(boxes), candidates.scores[kept], candidates.best_score)

    def decide(
        self, table: SummedAreaTable, candidates: Candidates, threads: int | None = None
    ) -> Faces:
        """Step 3: O-Net looks at what is left at 48x48 pixels, and places landmarks."""
        candidates, outputs = look(self.onet, table, candidates, O_NET_SIDE, threads)
        passed = np.flatnonzero(candidates.scores > self.thresholds[2])
        candidates, shares = candidates[passed], outputs["box"][passed]
        points = landmarks(candidates.boxes, outputs["landmarks"][passed])
        boxes = moved(candidates.boxes, shares, pixel=1)
        proper = np.flatnonzero((boxes[:, :2] <= boxes[:, 2:]).all(axis=1))
        candidates, boxes, points = candidates[proper], boxes[proper], points[proper]
        kept = suppress(boxes, candidates.scores, SAME_FACE, of="smaller", pixel=1)
        scores, best = candidates.scores[kept], candidates.best_score
        return Faces(boxes[kept], points[kept], scores, best_score=best)


def scales(table: SummedAreaTable, smallest_face: float, factor: float) -> Iterator[float]:
    """Yield the scales at which a face fills P-Net's window, from the smallest face on."""
    scale = P_NET_WINDOW / smallest_face
    shorter = min(table.height, table.width) * scale
    while shorter >= P_NET_WINDOW:
        yield scale
        scale *= factor
        shorter *= factor


def scaled(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scale pixels from 0 to 255 to about -1 to 1, as the networks take them."""
    return (images - np.float32(127.5)) * np.float32(1 / 128)


def windows_above(
    outputs: dict[str, Array], scale: float, threshold: float
) -> tuple[Candidates, Boxes]:
    """Return P-Net's windows with enough score, in pixels of the picture, and their `box`."""
    scores = outputs["probability"][0, :, :, 1]
    rows, columns = np.nonzero(scores >= threshold)
    corner = np.stack([columns, rows], axis=1).astype(np.float32) * P_NET_STRIDE
    begin = np.floor((corner + 1) / np.float32(scale))
    end = np.floor((corner + P_NET_WINDOW) / np.float32(scale))
    boxes = np.concatenate([begin, end], axis=1)
    windows = Candidates(boxes, scores[rows, columns], float(scores.max()))
    return windows, outputs["box"][0, rows, columns]


def look(
    network: ReadyNetwork,
    table: SummedAreaTable,
    candidates: Candidates,
    side: int,
    threads: int | None = None,
) -> tuple[Candidates, dict[str, Array]]:
    """Crop each candidate, scale it to side x side, and run a network on it.

    Returns the candidates inside the picture, with the network's scores, and the network's outputs
    (N, numbers).
    """
    pixels = visible_part(candidates.boxes, table)
    inside = np.flatnonzero((pixels[:, 2:] > pixels[:, :2]).all(axis=1))
    pixels, boxes = pixels[inside], candidates.boxes[inside]
    batches = [
        network.run(scaled(table.crops(pixels[start : start + TOGETHER], side, side)), threads)
        for start in range(0, max(len(pixels), 1), TOGETHER)
    ]
    outputs = {
        name: np.concatenate([batch[name] for batch in batches])[:, 0, 0] for name in batches[0]
    }
    scores = outputs["probability"][:, 1]
    best = float(scores.max()) if len(scores) else candidates.best_score
    return Candidates(boxes, scores, best), outputs


def visible_part(boxes: Boxes, table: SummedAreaTable) -> npt.NDArray[np.intp]:
    """Return the whole pixels of boxes inside the picture, as edges; boxes count pixels from 1."""
    pixels = np.trunc(boxes).astype(np.intp)
    begin = np.maximum(pixels[:, :2], 1) - 1
    end = np.minimum(pixels[:, 2:], (table.width, table.height))
    return np.concatenate([begin, end], axis=1)


def landmarks(boxes: Boxes, shares: Array) -> Points:
    """Return landmarks (N, 5, 2) from five x and five y as fractions of the box, (N, 10)."""
    width, height = sides(boxes)
    size = np.stack([width, height], axis=1)[:, np.newaxis] + 1
    corners = boxes[:, np.newaxis, :2]
    points: Points = shares.reshape(-1, 2, 5).transpose(0, 2, 1) * size + corners - 1
    return points
