"""Finding faces, choosing among them, and cutting them out as a network sees them.

    detector = npfacenet.faces.load("finder")  # or "mtcnn", "yunet"
    faces = detector.detect("group.jpg")
    faces.boxes, faces.landmarks, faces.scores

The weights of "finder" come with the package, those of the others do not (`loading.py`):
`npfacenet weights fetch mtcnn` gets MTCNN's three networks, `npfacenet weights add yunet_n.onnx`
takes YuNet's.

The way of a photograph, and the files in the order in which to read them:

    photograph -> images          decode, turn upright, RGB, uint8 (H, W, 3); reduced if only large
                                  faces are wanted
               -> detector.py     Detector.detect: one picture or many, and the smallest face
               -> pyramid.py      the search of Finder (finder.py) and Yunet (yunet.py), or
                  mtcnn.py        that of Mtcnn; both are described below
               -> faces.py        Faces: boxes (N, 4), landmarks (N, 5, 2), scores (N,)
               -> choice.py       which of them: the largest, the central one, the only one, or all
               -> alignment.py    aligned: landmarks, or the box, to a square of uint8 (S, S, 3)

`cropping.py` does all of it, one photograph at a time (`FaceCropper`); `Model.embed` uses it.

All shrink the picture again and again (`summed_area.py`), because a network knows faces of a
certain size only, run networks on it (`ready_network.py`; one page each in `recipes/`), and drop
boxes that show a face a second time (`boxes.py`).

MTCNN asks three networks, each of which looks closer at less:

    picture, at every scale --> P-Net --> windows --> candidates                 propose
       |        at 12x12 pixels, every 2 pixels           |
       |                                                  v
       +-- cut out each candidate, at 24x24 --> R-Net --> fewer, better placed   refine
       |                                                  |
       |                                                  v
       +-- cut out each of those, at 48x48 ---> O-Net --> faces, with landmarks  decide

Each network says how likely a face is, and how far to move the four edges of the window, as
fractions of its sides; O-Net also places the landmarks. After each step of the cascade, boxes that
overlap a better one are dropped, and the others are made square for the next network.

The finder and YuNet ask one network each, once for each scale. Its outputs are maps of cells of
s = 8, 16 and 32 pixels (`cells.py`), and every cell predicts one face:

       column c                    score      = cls (YuNet: sqrt(cls * obj))
        |                          centre     = (c + bbox[0]) * s, (r + bbox[1]) * s
    +---+---+---+                  width      = exp(bbox[2]) * s
    |   |   |   |                  height     = exp(bbox[3]) * s
    +---+---+---+                  landmark i = (c + kps[2i]) * s, (r + kps[2i+1]) * s
    |   | o-|---|---> centre
    +---+---+---+-- row r          in pixels of the scale; o is the corner of the cell (r, c)

Cells that score enough become boxes. The finder moves each of them to the mean of the boxes of all
cells that see the same face (`Detections.merged`). Boxes of a fine scale inside a face that is too
large for it are parts of that face, and dropped.

A face is aligned by one of `recipes.alignment.ALIGNMENTS`. A template says where the landmarks
belong; the best map that turns, scales and moves them there is found by least squares, and the
picture is resampled through it once (`images/affine.py`):

        photograph                             crop
      o         .                          +-----------+
           o        landmarks              | o       o |  template
         x          -----------------> fit |     x     |
      -       .     similarity (Umeyama    |   -   -   |
         -          1991), or affine       +-----------+

A margin needs no landmarks: the box is widened by it and stretched to the square.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from npfacenet.threads import without_forks

if TYPE_CHECKING:
    from npfacenet.faces.alignment import affine, aligned, similarity
    from npfacenet.faces.choice import CHOICES, Choice, ChosenFace
    from npfacenet.faces.cropping import FaceCrop, FaceCropper
    from npfacenet.faces.detector import Detector
    from npfacenet.faces.faces import LANDMARKS, Faces
    from npfacenet.faces.finder import Finder
    from npfacenet.faces.loading import DETECTORS, default_name, load
    from npfacenet.faces.mtcnn import Mtcnn
    from npfacenet.faces.yunet import Yunet

_HOMES = {
    "CHOICES": "choice",
    "Choice": "choice",
    "ChosenFace": "choice",
    "DETECTORS": "loading",
    "Detector": "detector",
    "FaceCrop": "cropping",
    "FaceCropper": "cropping",
    "Faces": "faces",
    "Finder": "finder",
    "LANDMARKS": "faces",
    "Mtcnn": "mtcnn",
    "Yunet": "yunet",
    "affine": "alignment",
    "aligned": "alignment",
    "default_name": "loading",
    "load": "loading",
    "similarity": "alignment",
}

__all__ = [
    "CHOICES",
    "DETECTORS",
    "LANDMARKS",
    "Choice",
    "ChosenFace",
    "Detector",
    "FaceCrop",
    "FaceCropper",
    "Faces",
    "Finder",
    "Mtcnn",
    "Yunet",
    "affine",
    "aligned",
    "default_name",
    "load",
    "similarity",
]


def __getattr__(name: str) -> object:
    # When it is first used: models import this room, and embed crops without it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with without_forks():
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
