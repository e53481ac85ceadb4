"""No module is imported while a fork may come: its child could never import it."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from npfacenet.samples import conditions, draw, identity

# Prints what is imported by the last argument's line while forks are not held off.
_WATCH = """
import sys
import npfacenet, npfacenet.threads
{before}
forks = sys.modules["npfacenet.threads.forks"]

class Watch:
    def find_spec(self, name, path=None, target=None):
        if not forks._unforked._is_owned():
            print(name)

sys.meta_path.insert(0, Watch())
{work}
"""


def _profiled(image: PIL.Image.Image, file: io.BytesIO) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(file, "PNG", icc_profile=profile)


def _turned(image: PIL.Image.Image, file: io.BytesIO) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    image.save(file, "JPEG", exif=exif.tobytes())


def _two_frames(image: PIL.Image.Image, file: io.BytesIO) -> None:
    image.save(file, "MPO", save_all=True, append_images=[image])


def _tiff(image: PIL.Image.Image, file: io.BytesIO) -> None:
    image.save(file, "TIFF")


@pytest.mark.parametrize("save", [_profiled, _turned, _two_frames, _tiff])
@pytest.mark.parametrize(
    "work",
    ["images.read({path!r})", "load().embed({path!r}, detect=False)", "load().embed({path!r})"],
)
def test_the_first_picture_imports_nothing_that_a_fork_may_fall_into(
    tmp_path: Path, save: Callable[[PIL.Image.Image, io.BytesIO], None], work: str
) -> None:
    path, file = tmp_path / "picture", io.BytesIO()
    drawn = draw(identity(32), conditions(32), 96)
    save(PIL.Image.fromarray(np.rot90(drawn) if save is _turned else drawn), file)
    path.write_bytes(file.getvalue())
    assert _imported(f"npfacenet.{work.format(path=str(path))}") == ""


@pytest.mark.parametrize(
    "work",
    [
        "npfacenet.images.contrast(np.zeros((9, 9, 3), np.uint8))",
        "npfacenet.images.resize(np.zeros((9, 9, 3), np.uint8), 4, 'nearest')",
        "npfacenet.load('nn4.small2.v1')",
    ],
)
def test_nor_does_anything_else_that_comes_first(work: str) -> None:
    assert _imported(f"try: {work}\nexcept npfacenet.errors.NpfacenetError: pass") == ""


def _imported(work: str) -> str:
    code = _WATCH.format(before="import numpy as np; npfacenet.errors; npfacenet.images", work=work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
