"""Finding faces: where they are in a picture, and where their eyes, nose and mouth are.

detector = npfacenet.faces.load("mtcnn")
faces = detector.detect("group.jpg")
faces.boxes, faces.landmarks, faces.scores
"""

from npfacenet.faces.detector import Detector
from npfacenet.faces.faces import LANDMARKS, Faces
from npfacenet.faces.loading import DETECTORS, default_name, load
from npfacenet.faces.mtcnn import Mtcnn
from npfacenet.faces.yunet import Yunet

__all__ = [
    "DETECTORS",
    "LANDMARKS",
    "Detector",
    "Faces",
    "Mtcnn",
    "Yunet",
    "default_name",
    "load",
]


def __dir__() -> list[str]:
    return sorted(__all__)
