"""Which cells of the finder's maps learn which face, and what its outputs lose by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from finder_answers import Labels

from npfacenet.losses import CompleteIoU, QualityFocal, SmoothL1, intersection_over_union
from npfacenet.losses.quality_focal import IGNORED
from npfacenet.recipes.finder import STRIDES

Array: TypeAlias = npt.NDArray[np.floating]

SIZES = {8: (0.0, 48.0), 16: (36.0, 112.0), 32: (84.0, np.inf)}
"""Geometric means of the sides of the faces that the cells of a stride learn, in pixels."""
CENTRE, AMBIGUOUS = 0.22, 0.38
"""Distance of a cell from the centre, in sides of the box: a face up to the first; beyond the
second none, and between them neither."""
NEAR = 1.6
"""Factor between the size of a face and those of a stride up to which a cell is neither."""
BOXES = 2.0  # weight, against the loss of the scores
POSITIVE, NEGATIVE, NEITHER = 1, 0, IGNORED
OUTPUTS = tuple(
    f"{name}_{stride}{'_logits' * (name == 'cls')}"
    for name in ("cls", "bbox", "kps")
    for stride in STRIDES
)


@dataclass(frozen=True)
class Targets:
    """What the cells of one stride learn.

    `kinds` (N, h, w) says which cells are POSITIVE, NEGATIVE or NEITHER; `cells` (P, 3) are the
    positive ones as picture, row and column, with boxes (P, 4) and landmarks (P, 5, 2) in pixels.
    """

    kinds: npt.NDArray[np.int8]
    cells: npt.NDArray[np.intp]
    boxes: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]


@dataclass(frozen=True)
class FinderLoss:
    """The value, its gradients by the network's outputs, and measures for people to read."""

    value: float
    gradients: dict[str, Array]
    measures: dict[str, float]


def targets(pictures: Sequence[Labels], side: int, stride: int) -> Targets:
    """Assign the faces of square pictures to the cells of a stride."""
    count = side // stride
    middle = (np.arange(count, dtype=np.float32) + 0.5) * stride
    kinds = np.full((len(pictures), count, count), NEGATIVE, np.int8)
    cells, boxes, landmarks = [], [], []
    low, high = SIZES[stride]
    for number, labels in enumerate(pictures):
        for box in labels.ignored:
            kinds[number][_away(box, middle) < 0.5] = NEITHER
        sizes = np.sqrt(np.prod(labels.boxes[:, 2:] - labels.boxes[:, :2], axis=1))
        owner = np.full((count, count), -1)
        for face in np.argsort(-sizes):  # of two faces, the smaller one has the cell
            box, size = labels.boxes[face], sizes[face]
            away = _away(box, middle)
            if low <= size < high:
                kinds[number][away < AMBIGUOUS] = NEITHER
                centre = (away < CENTRE) | _holds_centre(box, stride, count)
                kinds[number][centre], owner[centre] = POSITIVE, face
            elif low / NEAR <= size < high * NEAR:
                kinds[number][away < AMBIGUOUS] = NEITHER
                owner[away < AMBIGUOUS] = -1
        rows, columns = np.nonzero((kinds[number] == POSITIVE) & (owner >= 0))
        chosen = owner[rows, columns]
        cells.append(np.stack([np.full(len(rows), number), rows, columns], axis=1))
        boxes.append(labels.boxes[chosen])
        landmarks.append(labels.landmarks[chosen])
    return Targets(kinds, np.concatenate(cells), np.concatenate(boxes), np.concatenate(landmarks))


def finder_loss(
    outputs: Mapping[str, Array], wanted: Mapping[int, Targets], landmarks: float = 2.0
) -> FinderLoss:
    """Return the loss of a batch's outputs, the maps `OUTPUTS`; `landmarks` is their weight."""
    places, fits = _places(outputs, wanted, landmarks)
    scores = _scores(outputs, wanted, fits)
    return FinderLoss(
        places.value + scores.value,
        places.gradients | scores.gradients,
        places.measures | {"scores": scores.value},
    )


def _places(
    outputs: Mapping[str, Array], wanted: Mapping[int, Targets], landmarks: float
) -> tuple[FinderLoss, npt.NDArray[np.float64]]:
    """Return the loss of boxes and landmarks in positive cells, and how well each box fits (P,).

    Cells are in the order of `STRIDES`. Both losses are of lengths in sizes of the face.
    """
    at = np.concatenate([wanted[s].cells[:, :0:-1] for s in STRIDES]).astype(np.float64)
    measures = {"positives": float(len(at))}
    if not len(at):
        none = {n: np.zeros_like(outputs[n]) for n in OUTPUTS if not n.startswith("cls")}
        return FinderLoss(0.0, none, measures), np.zeros(0)
    sizes = {s: np.sqrt(np.prod(_sides(wanted[s].boxes), axis=1)) for s in STRIDES}
    size = np.concatenate([sizes[s] for s in STRIDES])[:, np.newaxis]
    units = np.concatenate([s / sizes[s] for s in STRIDES])[:, np.newaxis]  # cells in faces
    raw, points = _of_positives(outputs, "bbox", wanted), _of_positives(outputs, "kps", wanted)
    centres, halves = (at + raw[:, :2]) * units, np.exp(np.minimum(raw[:, 2:], 6)) * units / 2
    found = np.concatenate([centres - halves, centres + halves], axis=1)
    boxes = np.concatenate([wanted[s].boxes for s in STRIDES]) / size
    fit = CompleteIoU().value_and_gradient(found, boxes)
    fits = intersection_over_union(found, boxes)
    to_low, to_high = fit.gradient[:, :2], fit.gradient[:, 2:]
    to_boxes = np.concatenate([(to_low + to_high) * units, (to_high - to_low) * halves], axis=1)
    true_points = np.concatenate([wanted[s].landmarks for s in STRIDES]).reshape(-1, 10)
    near = SmoothL1(0.02).value_and_gradient((points + np.tile(at, 5)) * units, true_points / size)
    gradients = _to_maps(BOXES * to_boxes, outputs, "bbox", wanted)
    gradients |= _to_maps(landmarks * near.gradient * units, outputs, "kps", wanted)
    measures |= {"iou": float(fits.mean()), "landmarks": near.value}
    return FinderLoss(BOXES * fit.value + landmarks * near.value, gradients, measures), fits


def _of_positives(
    outputs: Mapping[str, Array], name: str, wanted: Mapping[int, Targets]
) -> npt.NDArray[np.float64]:
    """Return what the positive cells of all strides say, (P, numbers)."""
    rows = [outputs[f"{name}_{s}"][tuple(wanted[s].cells.T)] for s in STRIDES]
    return np.concatenate(rows).astype(np.float64)


def _to_maps(
    rows: npt.NDArray[np.float64],
    outputs: Mapping[str, Array],
    name: str,
    wanted: Mapping[int, Targets],
) -> dict[str, Array]:
    """Return maps like the outputs, 0 but for the positive cells: in which these rows are."""
    maps: dict[str, Array] = {}
    for s, part in zip(STRIDES, _by_stride(rows, wanted), strict=True):
        maps[f"{name}_{s}"] = np.zeros_like(outputs[f"{name}_{s}"])
        maps[f"{name}_{s}"][tuple(wanted[s].cells.T)] = part
    return maps


def _by_stride(
    rows: npt.NDArray[np.float64], wanted: Mapping[int, Targets]
) -> list[npt.NDArray[np.float64]]:
    """Split rows of positive cells, (P, ...), by stride."""
    return np.split(rows, np.cumsum([len(wanted[s].cells) for s in STRIDES])[:-1])


def _scores(
    outputs: Mapping[str, Array], wanted: Mapping[int, Targets], fits: npt.NDArray[np.float64]
) -> FinderLoss:
    """Return the loss of the scores; a positive cell learns how well its box fits."""
    logits, quality = [], []
    for s, part in zip(STRIDES, _by_stride(fits, wanted), strict=True):
        target = wanted[s].kinds.astype(np.float64)
        target[tuple(wanted[s].cells.T)] = np.maximum(part, 1e-3)
        quality.append(target.ravel())
        logits.append(outputs[f"cls_{s}_logits"].ravel())
    every, target = np.concatenate(logits), np.concatenate(quality)
    loss = QualityFocal().value_and_gradient(every, target)
    parts = np.split(loss.gradient, np.cumsum([len(each) for each in logits])[:-1])
    gradients = {
        f"cls_{s}_logits": part.reshape(outputs[f"cls_{s}_logits"].shape)
        for s, part in zip(STRIDES, parts, strict=True)
    }
    return FinderLoss(loss.value, gradients, {})


def _sides(boxes: Array) -> Array:
    sides: Array = boxes[:, 2:] - boxes[:, :2]
    return sides


def _away(box: Array, middle: Array) -> Array:
    """Return the distances of cells from the centre of a box, in its sides: (h, w)."""
    (x, y), (width, height) = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    across, down = np.abs(middle - x) / width, np.abs(middle - y) / height
    away: Array = np.maximum(across, down[:, np.newaxis])
    return away


def _holds_centre(box: Array, stride: int, count: int) -> npt.NDArray[np.bool_]:
    column, row = np.floor((box[:2] + box[2:]) / 2 / stride).astype(int)
    cells = np.zeros((count, count), bool)
    if 0 <= column < count and 0 <= row < count:
        cells[row, column] = True
    return cells
