"""Found, missed and false faces of whole pictures: three parts of `finding.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from detection_rates import reference_faces
from finding_table import Row, false_faces, quantile, share
from finding_truth import (
    SAME,
    Face,
    Floats,
    Teachers,
    agreed,
    best_overlap,
    central,
    landmark_errors,
)
from picture_archives import backgrounds

from npfacenet.errors import EvaluationError
from npfacenet.faces import Detector, Faces
from npfacenet.faces.boxes import overlaps

SMALLEST_FACE = 20  # of the reference files
CLOSE = 0.6
"""The overlap from which on a face of LFW counts as found."""
WORST = 3  # scores in a cell


def of_reference(
    detectors: Mapping[str, Detector], shared: Path, most: int | None, threads: int
) -> Iterator[Row]:
    """Measure on the 44 pictures with reference detections of both teachers."""
    mtcnn, yunet = (
        json.loads((shared / "reference" / file).read_text("utf-8"))["pictures"]
        for file in ("mtcnn_facenet_pytorch.json", "yunet_opencv.json")
    )
    names = list(mtcnn)[:most]
    seen = [(reference_faces(mtcnn[each]["faces"]), reference_faces(yunet[each])) for each in names]
    truth = [agreed(*both) for both in seen]
    found, neither = {}, {}
    for name, detector in detectors.items():
        faces = detector.detect(
            [shared / each for each in names], smallest_face=SMALLEST_FACE, threads=threads
        )
        hits = [
            best_overlap(each, face.box)[0] >= SAME
            for each, expected in zip(faces, truth, strict=True)
            for face in expected
        ]
        found[name] = share(sum(hits), len(hits))
        counts = [len(alone(each, both)) for each, both in zip(faces, seen, strict=True)]
        neither[name] = false_faces(counts)
    yield Row("reference: faces that both teachers see", found)
    yield Row("reference: faces that neither sees", neither)


def alone(found: Faces, others: Sequence[Faces]) -> list[int]:
    """Return the faces that none of the others shows."""
    boxes = np.concatenate([each.boxes for each in others])
    shared = overlaps(found.boxes, boxes).reshape(len(found), len(boxes))
    return np.flatnonzero(shared.max(axis=1, initial=0) < SAME).tolist()


def held_out(shared: Path) -> tuple[bytes, ...]:
    """Return the photographs without a face that are kept for measuring.

    Raises EvaluationError for an archive that cannot be read.
    """
    return backgrounds(shared, EvaluationError, held_out=True)


def of_backgrounds(
    detectors: Mapping[str, Detector], pictures: Sequence[bytes], threads: int
) -> Iterator[Row]:
    """Measure on photographs without a face."""
    false, sure, worst, places = {}, {}, {}, {}
    for name, detector in detectors.items():
        found = detector.detect(pictures, threads=threads)
        scores = np.sort(np.concatenate([each.scores for each in found]))[::-1]
        false[name] = false_faces([len(each) for each in found])
        counts = [int((each.scores >= detector.sure_score).sum()) for each in found]
        sure[name] = false_faces(counts)
        worst[name] = " ".join(f"{score:.3f}" for score in scores[:WORST]) or "none"
        best = sorted((each.best_score or 0.0 for each in found), reverse=True)
        places[name] = " ".join(f"{score:.3f}" for score in best[:WORST])
    yield Row("backgrounds: false faces", false)
    yield Row("backgrounds: those that are certain", sure)
    yield Row("backgrounds: best scores of false faces", worst)
    yield Row("backgrounds: of any place in a picture", places)


def of_photographs(
    detectors: Mapping[str, Detector], paths: Sequence[Path], teachers: Teachers
) -> Iterator[Row]:
    """Measure on the face in the middle of LFW's pictures, where both teachers see one."""
    faces = [central(each) for each in teachers(paths)]
    known = [(path, face) for path, face in zip(paths, faces, strict=True) if face is not None]
    overlap, errors = {}, {}
    for name, detector in detectors.items():
        seen = detector.detect([path for path, _ in known], threads=teachers.threads)
        pairs = list(zip(seen, (face for _, face in known), strict=True))
        overlap[name] = np.array([best_overlap(each, face.box)[0] for each, face in pairs])
        errors[name] = errors_of_landmarks(pairs)
    for least in (CLOSE, SAME):
        cells = {name: share(int((x >= least).sum()), len(x)) for name, x in overlap.items()}
        yield Row(f"lfw: {len(paths)} pictures, overlap {least}", cells)
    for column, level, label in (
        (0, 0.5, "from the mean, median"),
        (0, 0.95, "from the mean, 95 % below"),
        (1, 0.5, "from MTCNN's, median"),
        (2, 0.5, "from YuNet's, median"),
    ):
        cells = {name: quantile(each[:, column], level) for name, each in errors.items()}
        yield Row(f"lfw: landmarks {label}", cells)


def errors_of_landmarks(pairs: Sequence[tuple[Faces, Face]]) -> Floats:
    """Return the errors of landmarks of the faces that were found: (N, 3), `landmark_errors`."""
    errors = []
    for found, face in pairs:
        shared, best = best_overlap(found, face.box)
        if shared >= SAME:
            errors.append(landmark_errors(found.landmarks[best], face))
    return np.array(errors).reshape(-1, 3)
