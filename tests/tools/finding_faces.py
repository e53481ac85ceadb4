"""Faces and archives of pictures for the tests of `finding.py`."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from drawn_detector import faces_in
from PIL import Image
from tool_modules import tool

BOX = (90.0, 80.0, 150.0, 170.0)
FAR = (10.0, 10.0, 40.0, 40.0)


def face_at(box: tuple[float, float, float, float]) -> Any:
    """A face that both teachers see in this box."""
    (face,) = tool("finding_truth").agreed(faces_in(box), faces_in(box))
    return face


def archive(path: Path, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
    """Write a zip of JPEGs."""
    with zipfile.ZipFile(path, "w") as file:
        for name, pixels in pictures.items():
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "JPEG", quality=95)
            file.writestr(name, data.getvalue())
