"""From maps of cells, each of which predicts a face, to boxes, landmarks and scores.

A network halves the picture several times. Its maps have a cell for every s x s pixels, for strides
s of 8, 16 and 32, and each cell holds a score (`cls_s`, and `obj_s` where the network has it), a
box (`bbox_s`) and five landmarks (`kps_s`), in cells from its own top left corner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import WeightsError
from npfacenet.faces.boxes import Boxes, Points, Scores, overlaps, suppress
from npfacenet.layers import Array

LARGEST = 10.0
"""Logarithm of the largest side of a face in cells: larger than any picture, but finite."""
FARTHEST = 1e7
"""Cells from a cell to the face that it sees: beyond any picture, and in pixels a finite number."""


@dataclass(frozen=True)
class Detections:
    """Boxes (N, 4), landmarks (N, 5, 2) and scores (N,) that belong together.

    `best_score` is the best of all cells from which they were taken, None without cells.
    """

    boxes: Boxes
    landmarks: Points
    scores: Scores
    best_score: float | None = None

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Detections:
        """Return some of them."""
        boxes, landmarks, scores = self.boxes[rows], self.landmarks[rows], self.scores[rows]
        return Detections(boxes, landmarks, scores, self.best_score)

    def enlarged(self, horizontally: float, vertically: float) -> Detections:
        """Return them in pixels of a picture that is larger by these factors."""
        factors = np.array([horizontally, vertically], np.float32)
        boxes, landmarks = self.boxes * np.tile(factors, 2), self.landmarks * factors
        return Detections(boxes, landmarks, self.scores, self.best_score)

    def suppressed(self, most_shared: float) -> Detections:
        """Return them without those that overlap a better one by more than `most_shared`."""
        return self[suppress(self.boxes, self.scores, most_shared)]

    def merged(self, least_score: float, most_shared: float, agreeing: float) -> Detections:
        """Return the faces of at least a score, each where those that agree with it see it.

        Detections that overlap a better one by more than `most_shared` are dropped. The boxes and
        landmarks of the others become the means of all that overlap them by at least `agreeing`,
        weighted by their squared scores: neighbouring cells err in different ways (Gidaris and
        Komodakis 2015, "Object detection via a multi-region and semantic segmentation-aware CNN
        model", section 5).
        """
        best = self.suppressed(most_shared)
        best = best[best.scores >= least_score]
        boxes, landmarks = best.boxes.copy(), best.landmarks.copy()
        for row, box in enumerate(best.boxes):
            alike = overlaps(box, self.boxes) >= agreeing
            if not alike.any():  # a box without an area does not even overlap itself
                continue
            votes = np.square(self.scores[alike])
            votes /= votes.sum()
            boxes[row] = votes @ self.boxes[alike]
            landmarks[row] = np.tensordot(votes, self.landmarks[alike], axes=1)
        return Detections(boxes, landmarks, best.scores, self.best_score)


def joined(some: list[Detections]) -> Detections:
    """Return several sets of detections as one."""
    return Detections(
        np.concatenate([np.empty((0, 4), np.float32), *(one.boxes for one in some)]),
        np.concatenate([np.empty((0, 5, 2), np.float32), *(one.landmarks for one in some)]),
        np.concatenate([np.empty(0, np.float32), *(one.scores for one in some)]),
        max((one.best_score for one in some if one.best_score is not None), default=None),
    )


def decoded(outputs: Mapping[str, Array], strides: Sequence[int], least_score: float) -> Detections:
    """Decode the faces of one picture, in its pixels, before any is suppressed.

    `outputs` are the maps of a batch of one. The score of a cell is `cls_s`, or its geometric mean
    with `obj_s` if there is such a map. Raises WeightsError for a face beyond any picture.
    """
    return joined([_of_one_map(outputs, stride, least_score) for stride in strides])


def _of_one_map(outputs: Mapping[str, Array], stride: int, least_score: float) -> Detections:
    scores = outputs[f"cls_{stride}"][0, ..., 0]
    if (fits := outputs.get(f"obj_{stride}")) is not None:
        scores = np.sqrt(np.clip(scores, 0, 1) * np.clip(fits[0, ..., 0], 0, 1))
    rows, columns = np.nonzero(scores >= least_score)
    corners = np.stack([columns, rows], axis=1).astype(np.float32)
    box = outputs[f"bbox_{stride}"][0, rows, columns]
    centres, halves = corners + box[:, :2], np.exp(np.minimum(box[:, 2:], LARGEST)) / 2
    points = outputs[f"kps_{stride}"][0, rows, columns].reshape(-1, 5, 2)
    if max(np.abs(box[:, :2]).max(initial=0), np.abs(points).max(initial=0)) > FARTHEST:
        raise WeightsError(
            f"the weights of the detector place a face more than {FARTHEST:,.0f} cells away, "
            "beyond any picture; obtain them again"
        )
    return Detections(
        np.concatenate([centres - halves, centres + halves], axis=1) * stride,
        (points + corners[:, np.newaxis]) * stride,
        scores[rows, columns],
        float(scores.max()),
    )
