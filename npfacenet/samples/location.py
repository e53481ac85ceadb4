"""Where a drawn face is: its box and five landmarks, as detectors of faces have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.samples.camera import Projection, depth_at
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.features import Features, features
from npfacenet.samples.identity import Identity
from npfacenet.samples.portrait import check_portrait
from npfacenet.samples.surface import DEPTH, surface

FOREHEAD = 1.05  # units above the eyes to which a box reaches
CHEEKS = 0.95  # of the head's half width, to which a box reaches
_HEIGHTS, _ANGLES = 24, 31


@dataclass(frozen=True, eq=False)
class Location:
    """Where a face is in a picture, in pixels from its upper left corner.

    - box: float32 (4,), left, top, right, bottom; from the forehead to the chin and from cheek to
      cheek, upright also around a turned face
    - landmarks: float32 (5, 2), x and y of the eye at the picture's left, the other eye, the tip of
      the nose, and the corners of the mouth at the picture's left and right; left and right are
      those of an upright face

    Both go beyond the picture where the face does.
    """

    box: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]


def face_of(identity: Identity, conditions: Conditions, size: int = 112) -> Location:
    """Return where the face is on the picture that `draw` makes of the same arguments.

    Raises ArgumentError as `draw` does.

    >>> face_of(Identity(), Conditions(), size=100).landmarks[:2].round().tolist()
    [[36.0, 42.0], [64.0, 42.0]]
    """
    check_portrait(identity, conditions, size)
    return located(identity, conditions, Projection.of_portrait(conditions, int(size)))


def located(who: Identity, now: Conditions, projection: Projection) -> Location:
    """Return where a projection shows a person's face."""
    face = features(who, now)
    landmarks = projection.pixels(_landmarks(who, face))
    outline = projection.pixels(_outline(who, face))
    box = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
    return Location(box.astype(np.float32), landmarks.astype(np.float32))


def _landmarks(who: Identity, face: Features) -> npt.NDArray[np.float64]:
    """Return eyes, tip of the nose and corners of the mouth in the head's coordinates (5, 3)."""
    askew, corner_y = who.lopsidedness, face.mouth_y - 0.65 * face.lift
    places = np.array(
        [
            (-face.eye_x, 0.02 * askew - 0.012),
            (face.eye_x, -0.02 * askew - 0.012),
            (0.0, face.nose_y - 0.03),
            (0.03 * askew - face.mouth_width, corner_y),
            (0.03 * askew + face.mouth_width, corner_y),
        ]
    )
    head = surface(who, face, volume=0.0)
    return np.column_stack([places, depth_at(head, *places.T)])


def _outline(who: Identity, face: Features) -> npt.NDArray[np.float64]:
    """Return points all over the face, (N, 3), in the head's coordinates."""
    chin = face.chin - 0.12
    heights = np.linspace(-FOREHEAD, chin, _HEIGHTS)
    angles = np.linspace(-np.pi / 2, np.pi / 2, _ANGLES)
    # The section of `surface`, but round above: a turned face has no corners.
    below = np.clip((heights + 0.4) / (face.chin + 0.4), 0, 1)
    above = np.clip((heights + 0.4) / (0.4 - FOREHEAD), 0, 1)
    rounded = CHEEKS * np.sqrt(1 - above**3)
    width = who.head_width * rounded * np.sqrt(1 - below**who.jaw)
    depth = DEPTH * rounded * np.sqrt(1 - below**6.0)
    x = np.multiply.outer(width, np.sin(angles))
    z = np.multiply.outer(depth, np.cos(angles))
    y = np.broadcast_to(heights[:, None], x.shape)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)
