"""The detectors of `bench.py detection`, each in a process and an environment of its own.

A detector takes the path of a picture and returns a function that finds its faces and counts them.
JPEG files are read anew by each call, arrays (.npy) once. Nothing but the standard library and
NumPy is imported by all of them.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from npfacenet.faces import Detector

Find: TypeAlias = Callable[[Any], int]
SMALLEST_FACE = 20
TURN = 0.2  # seconds that the measured calls of a turn take together, at least
LONG = 1.0  # seconds; so long a call does not depend on what the caches held before it


def finder(_: Path, threads: int) -> Find:
    """Run our finder, as `_searching` says."""
    from npfacenet.faces import load

    return _searching(load("finder"), threads)


def yunet(weights: Path, threads: int) -> Find:
    """Run our YuNet, as `_searching` says."""
    from npfacenet.faces import load

    return _searching(load(weights / "yunet_n.onnx"), threads)


def _searching(detector: Detector, threads: int) -> Find:
    """Search arrays at their own size alone, as OpenCV does, and files as users do."""
    from dataclasses import replace

    from npfacenet.faces.pyramid import PyramidDetector

    if not isinstance(detector, PyramidDetector):
        raise TypeError(f"{detector.name} is not searched for at scales")
    at_own_size = replace(detector, scales=(1.0,))

    def find(picture: Any) -> int:
        chosen = detector if isinstance(picture, bytes) else at_own_size
        return len(chosen.detect(picture, threads=threads))

    return find


def mtcnn(weights: Path, threads: int) -> Find:
    """Run our MTCNN: arrays at the settings of facenet-pytorch, files as users do."""
    from npfacenet.faces import load

    detector = load(weights / "mtcnn")

    def find(picture: Any) -> int:
        smallest = None if isinstance(picture, bytes) else SMALLEST_FACE
        return len(detector.detect(picture, smallest_face=smallest, threads=threads))

    return find


def opencv(weights: Path, threads: int) -> Find:
    """Run OpenCV's FaceDetectorYN, at a picture's own size."""
    import cv2

    cv2.setNumThreads(threads)
    detector = cv2.FaceDetectorYN.create(
        str(weights / "yunet_n.onnx"), "", (320, 320), 0.6, 0.3, 5000
    )

    def find(picture: Any) -> int:
        if isinstance(picture, bytes):
            picture = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        else:
            picture = np.ascontiguousarray(picture[..., ::-1])
        detector.setInputSize(picture.shape[1::-1])
        _, faces = detector.detect(picture)
        return 0 if faces is None else len(faces)

    return find


def facenet_pytorch(_: Path, threads: int) -> Find:
    """Run facenet-pytorch's MTCNN with its own settings."""
    import torch

    torch.set_num_threads(threads)
    module = import_module("facenet_pytorch")  # it is not in the project's environment
    detector = module.MTCNN(keep_all=True, min_face_size=SMALLEST_FACE)

    def find(picture: Any) -> int:
        boxes, _ = detector.detect(_decoded(picture))
        return 0 if boxes is None else len(boxes)

    return find


def faceie(_: Path, __: int) -> Find:
    """Run faceie's MTCNN; its threads are those of NumPy's BLAS."""
    from PIL import Image

    module = import_module("faceie.mtcnn")

    def find(picture: Any) -> int:
        return len(module.detect_faces(Image.fromarray(_decoded(picture))))

    return find


DETECTORS: Mapping[str, Callable[[Path, int], Find]] = {
    "finder": finder,
    "yunet": yunet,
    "mtcnn": mtcnn,
    "opencv": opencv,
    "facenet-pytorch": facenet_pytorch,
    "faceie": faceie,
}


def serve(engine: str, weights: str, picture: str, warm: str, threads: str) -> None:
    """Take a turn for every line of standard input; print its seconds and the peak memory.

    First it finds faces in another picture, `warm`, and then prints the number of faces in this one
    and the seconds of that first call: a size that was not seen before has to be prepared.
    """
    find = DETECTORS[engine](Path(weights), int(threads))
    find(_source(warm))
    source = _source(picture)
    start = time.perf_counter()
    count = find(source)
    print(json.dumps([count, time.perf_counter() - start]), flush=True)
    shortest = min(_seconds(find, source) for _ in range(2))
    for _ in sys.stdin:
        if shortest < LONG:
            find(source)
        counted = [_seconds(find, source) for _ in range(1 + int(TURN / shortest))]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([statistics.median(counted), peak]), flush=True)


def make_pictures(photograph: str, folder: str) -> None:
    """Write the pictures of the benchmark: the photograph, small, and enlarged to 12 megapixels."""
    from PIL import Image

    with Image.open(photograph) as image:
        group = image.convert("RGB")
    width, height = group.size
    np.save(Path(folder, "group.npy"), np.asarray(group))
    np.save(Path(folder, "640x480.npy"), np.asarray(group.resize((640, 480))))
    group.resize((640, 480)).save(Path(folder, "640x480.jpg"), quality=90)
    np.save(Path(folder, "warm.npy"), np.asarray(group.resize((200, 150))))
    wide = group.resize((4000, 4000 * height // width))
    large = Image.new("RGB", (4000, 3000))
    for top in range(0, 3000, wide.height):
        large.paste(wide, (0, top))
    large.save(Path(folder, "12-megapixels.jpg"), quality=90)
    wide.resize((400, 300)).save(Path(folder, "warm.jpg"))


def _source(path: str) -> Any:
    return Path(path).read_bytes() if path.endswith(".jpg") else np.load(path)


def _decoded(picture: Any) -> Any:
    if not isinstance(picture, bytes):
        return picture
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def _seconds(find: Find, source: Any) -> float:
    start = time.perf_counter()
    find(source)
    return time.perf_counter() - start
