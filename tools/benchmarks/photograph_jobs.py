"""What the processes of `bench.py photographs` do: one photograph, many of them, or crops.

Models and detectors are found by their names, in the folder of $NPFACENET_WEIGHTS. The job on
crops uses nothing that older versions of npfacenet lack.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import npfacenet
from npfacenet.images import ImageSource, read

Parts: TypeAlias = tuple[float, float, float]
"""Seconds for decoding, for finding faces, and for aligning and embedding one."""

CALLS = 3
"""Calls in a turn, of which the fastest counts."""
SAMPLE = 60
"""Photographs whose parts are measured one after the other."""
DISTINCT = 60
"""Files of photographs, each of another size."""
WIDTHS = (4000, 2400, 1920, 1200, 1200, 1200, 640, 640, 480, 480)
KINDS = ("JPEG", "JPEG", "PNG", "JPEG", "JPEG", "WEBP", "JPEG")
THRESHOLD = 1.0
"""Any will do: what decisions take does not depend on it."""
CROP = 150
CROPS = 20


@dataclass(frozen=True, eq=False)
class Way:
    """A model and a detector, which use this number of threads."""

    model: npfacenet.Model
    detector: npfacenet.faces.Detector
    threads: int

    @classmethod
    def load(cls, network: str, detector: str, threads: int) -> Way:
        """Load both by their names."""
        variant = "openface" if network == "nn4.small2" else None
        model = npfacenet.load(network, variant=variant)
        return cls(model, npfacenet.faces.load(detector), threads)

    def whole(self, photograph: ImageSource, known: npfacenet.Embeddings | None = None) -> None:
        """Go the whole way with one photograph: to a decision, if there is a known embedding."""
        found = self.model.embed(photograph, detect=self.detector, threads=self.threads)
        if known is not None:
            npfacenet.verify(found, known, threshold=THRESHOLD)

    def parts(self, photograph: ImageSource) -> Parts:
        """Go the same way in parts; return the seconds of each."""
        from npfacenet.models.face_options import FaceOptions

        card, name = self.model.card, "the photograph"
        cropper = FaceOptions().cropper(card, self.detector)
        start = time.perf_counter()
        pixels = read(photograph)
        decoded = time.perf_counter()
        (face,) = cropper.find(pixels, name, threads=self.threads)
        detected = time.perf_counter()
        crop = cropper.cut(pixels, face, card.input_size, name)
        self.model.embed(crop, detect=False, threads=self.threads)
        return decoded - start, detected - decoded, time.perf_counter() - detected


@dataclass
class Watch:
    """Notes the memory and the pauses between reports of progress."""

    marks: tuple[int, ...]
    memory: dict[int, int] = field(default_factory=dict)
    pause: float = 0.0
    _last: float = field(default_factory=time.perf_counter)

    def report(self, _: str, done: int, __: int | None) -> None:
        """Take a report of progress, as `Model.embed` gives it."""
        now = time.perf_counter()
        self.pause, self._last = max(self.pause, now - self._last), now
        if done in self.marks:
            self.memory[done] = round(megabytes_now())


def one(network: str, detector: str, picture: str, warm: str, threads: str) -> None:
    """Take a turn for every line of standard input; print its seconds, whole and in parts.

    First print the peak memory of the whole way.
    """
    way = Way.load(network, detector, int(threads))
    content = Path(picture).read_bytes()
    way.whole(Path(warm).read_bytes())
    for _ in range(2):
        way.whole(content)
    print(json.dumps(peak_megabytes()), flush=True)
    known = way.model.embed(content, detect=way.detector)
    for _ in sys.stdin:
        whole = min(seconds(lambda: way.whole(content, known)) for _ in range(CALLS))
        parts = min((way.parts(content) for _ in range(CALLS)), key=sum)
        print(json.dumps([whole, *parts]), flush=True)


def many(network: str, detector: str, folder: str, count: str, threads: str) -> None:
    """Embed this number of photographs, then some of them in parts; print both as JSON."""
    way, number = Way.load(network, detector, int(threads)), int(count)
    files = sorted(Path(folder).iterdir())
    way.whole(files[-1])
    watch = Watch(tuple(sorted({max(1, number // 10), max(1, number // 2), number})))
    start = time.perf_counter()
    way.model.embed(
        [files[i % len(files)] for i in range(number)],
        detect=way.detector, threads=way.threads, progress=watch.report,
    )  # fmt: skip
    taken, peak = time.perf_counter() - start, peak_megabytes()
    alone = Way(way.model, way.detector, 1)
    sample = files[: min(SAMPLE, number)]
    parts = [sum(each) / len(sample) for each in zip(*map(alone.parts, sample), strict=True)]
    print(json.dumps([taken, parts, watch.memory, watch.pause, peak]), flush=True)


def crops(folder: str) -> None:
    """Embed all crops in a folder for every line of standard input; print the seconds."""
    files = sorted(Path(folder).iterdir())
    model = npfacenet.load("npfacenet-small")
    model.embed(files[:CROPS])
    print(json.dumps(len(files)), flush=True)
    for _ in sys.stdin:
        print(
            json.dumps(min(seconds(lambda: model.embed(files)) for _ in range(CALLS))), flush=True
        )


def make_files(photograph: str, folder: str, crops: str) -> None:
    """Write a photograph of 12 megapixels, some of mixed sizes and kinds, and crops; print cores.

    One of six is stored on its side, with an orientation in EXIF.
    """
    import detection_engines
    import engine_files
    from PIL import Image

    from npfacenet.samples import picture
    from npfacenet.threads.cores import cores

    detection_engines.make_pictures(photograph, folder)
    mixed, small = Path(folder, "mixed"), Path(folder, "crops")
    mixed.mkdir()
    small.mkdir()
    with Image.open(photograph) as image:
        group = image.convert("RGB")
    for number in range(DISTINCT):
        width = WIDTHS[number % len(WIDTHS)] - 3 * number
        resized = group.resize((width, round(width * group.height / group.width)))
        exif = Image.Exif()
        if number % 6 == 1:
            exif[0x0112] = 6
            resized = resized.transpose(Image.Transpose.ROTATE_90)
        kind = KINDS[number % len(KINDS)]
        resized.save(mixed / f"{number:03}.{kind.lower()}", kind, quality=90, exif=exif)
    for number in range(int(crops)):
        drawn = Image.fromarray(picture(number % CROPS, 1, CROP))
        drawn.save(small / f"{number:04}.jpg", quality=90)
    print(json.dumps({"cores": cores(), "blas": engine_files.blas()}), flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_megabytes() -> float:
    """Return the largest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def megabytes_now() -> float:
    """Return the memory of this process; where the system does not tell, its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return peak_megabytes()
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
