"""Detections against references, false faces and missed faces: the work of `detection.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from picture_archives import pictures_in

from npfacenet import faces
from npfacenet.errors import EvaluationError
from npfacenet.faces import Detector, Faces, Yunet
from npfacenet.faces.boxes import overlaps

MIDDLE = (125.0, 135.0)
"""A point of LFW's pictures (250x250) that lies in the face whose name they bear."""
SEED = 0
CROPS = 600  # of UTKFace
SAME = 0.5
"""Intersection over union from which on a face is the one of the reference."""


@dataclass
class Differences:
    """The worst of many comparisons: overlap, landmarks in parts of a box, score."""

    faces: int = 0
    missed: int = 0
    more: int = 0
    overlap: float = 1.0
    landmarks: float = 0.0
    score: float = 0.0

    def add(self, found: Faces, expected: Faces) -> None:
        """Compare the faces of one picture."""
        self.faces += len(expected)
        same = 0
        for box, points, score in zip(
            expected.boxes, expected.landmarks, expected.scores, strict=True
        ):
            shared = overlaps(box, found.boxes)
            if not shared.size or shared.max() < SAME:
                self.missed += 1
                continue
            same += 1
            best, side = int(shared.argmax()), float(max(box[2:] - box[:2]))
            away = float(np.abs(found.landmarks[best] - points).max()) / side
            self.overlap = min(self.overlap, float(shared[best]))
            self.landmarks = max(self.landmarks, away)
            self.score = max(self.score, abs(float(found.scores[best] - score)))
        self.more += len(found) - same

    def __str__(self) -> str:
        return (
            f"{self.faces} faces, {self.missed} missed, {self.more} more; least overlap "
            f"{self.overlap:.5f}, landmarks within {100 * self.landmarks:.3f} % of the box, scores "
            f"within {self.score:.5f}"
        )


def reference_faces(entries: list[dict[str, list[float]]]) -> Faces:
    """Return the faces of one picture of a reference file."""
    return Faces(
        np.array([face["box"] for face in entries], np.float32).reshape(-1, 4),
        np.array([face["landmarks"] for face in entries], np.float32).reshape(-1, 5, 2),
        np.array([face["score"] for face in entries], np.float32),
    )


def against(detector: Detector, folder: Path, file: str, smallest_face: float) -> Differences:
    """Compare a detector with the detections in a reference file."""
    entries = json.loads((folder / "reference" / file).read_text("utf-8"))["pictures"]
    differences = Differences()
    for name, entry in entries.items():
        expected = reference_faces(entry["faces"] if isinstance(entry, dict) else entry)
        found = detector.detect(folder / name, smallest_face=smallest_face)
        differences.add(found, expected)
    return differences


def false_faces(detector: Detector, file: Path) -> str:
    """Count what a detector finds in pictures without a face."""
    pictures = pictures_in(file, EvaluationError)
    faces = detector.detect(pictures)
    found = sum(map(len, faces))
    sure = sum(bool(len(each)) and each.scores[0] >= detector.sure_score for each in faces)
    return (
        f"{found} in {len(pictures)} pictures, {100 * found / len(pictures):.2f} per 100; "
        f"pictures with one that is certain: {sure}"
    )


def central_faces(detector: Detector, folder: Path, count: int) -> str:
    """Count the pictures of LFW in which the face in the middle is found."""
    paths = sorted(folder.glob("*/*.jpg"))
    chosen = np.random.default_rng(SEED).permutation(len(paths))[:count]
    scores = []
    for each in detector.detect([paths[i] for i in chosen]):
        inside = (each.boxes[:, :2] < MIDDLE) & (each.boxes[:, 2:] > MIDDLE)
        scores.append(each.scores[inside.all(axis=1)].max(initial=0))
    return counted(detector, scores)


def face_crops(detector: Detector, file: Path, count: int) -> str:
    """Count the crops of UTKFace in which a face is found."""

    def chosen(names: list[str]) -> list[str]:
        order = np.random.default_rng(SEED).permutation(len(names))[:count]
        return [names[i] for i in order]

    crops = pictures_in(file, EvaluationError, chosen)
    return counted(detector, [each.scores.max(initial=0) for each in detector.detect(crops)])


def counted(detector: Detector, scores: Sequence[float]) -> str:
    """Say in how many pictures a face is found (a score above 0), and is certain."""
    found = [score for score in scores if score > 0]
    sure = sum(score >= detector.sure_score for score in found)
    least = f", the least sure {min(found):.3f}" if found else ""
    return f"{len(found)} of {len(scores)}, {sure} of them certain{least}"


def report(folder: Path, lfw: int) -> None:
    """Print all numbers of both detectors.

    Raises an NpfacenetError for files that cannot be used, OSError for missing ones.
    """
    mtcnn = faces.load(folder / "weights/mtcnn")
    yunet = faces.load(folder / "weights/yunet_n.onnx")
    as_opencv = replace(yunet, scales=(1.0,)) if isinstance(yunet, Yunet) else yunet
    for detector, like, file in (
        (mtcnn, mtcnn, "mtcnn_facenet_pytorch.json"),
        (yunet, as_opencv, "yunet_opencv.json"),
    ):
        print(f"{detector.name} against {file}: {against(like, folder, file, 20)}", flush=True)
        false = false_faces(detector, folder / "backgrounds.zip")
        print(f"{detector.name} false faces: {false}", flush=True)
        central = central_faces(detector, folder / "lfw/images", lfw)
        print(f"{detector.name} central faces of LFW: {central}", flush=True)
        crops = face_crops(detector, folder / "faces.zip", CROPS)
        print(f"{detector.name} crops of UTKFace with a face: {crops}", flush=True)
