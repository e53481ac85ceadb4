"""YuNet on photographs: at several sizes, so that small and large faces are found alike.

The network knows faces of about 10 to 300 pixels, and takes the parts of a larger one for faces. A
photograph is therefore halved until the smallest face that is asked for just remains visible, and
then further, until a face as large as the whole picture is one the network knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.faces.detector import Detector
from npfacenet.faces.faces import Faces
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.faces.summed_area import SummedAreaTable
from npfacenet.faces.yunet_decoding import Detections, decoded, joined
from npfacenet.recipes.yunet import STRIDES


@dataclass(frozen=True, eq=False)
class Yunet(Detector):
    """The detector YuNet.

    `threshold` is the least score of a face. Of two that share more than `most_shared` of their
    union only the better one is a face. `scales` are those at which pictures are searched; None
    chooses them by the picture and the smallest face, and (1.0,) is what OpenCV's FaceDetectorYN
    does.
    """

    name: ClassVar[str] = "yunet"

    network: ReadyNetwork
    threshold: float = 0.6
    most_shared: float = 0.3
    scales: tuple[float, ...] | None = None

    def find(self, picture: npt.NDArray[np.uint8], smallest_face: float) -> Faces:
        """Find the faces of one picture (H, W, 3), the surest first."""
        height, width = picture.shape[:2]
        chosen = self.scales or scales(height, width, smallest_face)
        levels = [self.at_scale(picture, scale) for scale in chosen]
        faces = joined(levels).suppressed(self.most_shared)
        return Faces(faces.boxes, faces.landmarks, faces.scores)

    def at_scale(self, picture: npt.NDArray[np.uint8], scale: float) -> Detections:
        """Find faces in a picture that is made smaller, in pixels of the picture itself."""
        height, width = picture.shape[:2]
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        smaller: npt.NDArray[np.generic] = picture
        if (rows, columns) != (height, width):
            smaller = SummedAreaTable(picture).resized(rows, columns)
        found = decoded(self.network.run(prepared(smaller)), self.threshold)
        return found.suppressed(self.most_shared).enlarged(width / columns, height / rows)


def prepared(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """RGB (H, W, 3) as YuNet takes it: BGR, black at the right and below, a batch of one."""
    height, width = picture.shape[:2]
    whole = (-(-height // STRIDES[-1]) * STRIDES[-1], -(-width // STRIDES[-1]) * STRIDES[-1])
    batch = np.zeros((1, *whole, 3), np.float32)
    batch[0, :height, :width] = picture[:, :, ::-1]
    return batch


def scales(height: int, width: int, smallest_face: float) -> list[float]:
    return [1.0]
