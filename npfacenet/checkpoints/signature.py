"""Files that often come in place of an HDF5 file, known by their first bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from npfacenet.errors import WeightsError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_WEB_PAGE = "a web page, not the weights; download the file itself"
_PICKLE = "a Python pickle, which is never opened; convert it to HDF5 where it is trusted"
_TORCH = (
    "a PyTorch file, which holds pickles and is never opened; load it where PyTorch is and write "
    "its tensors under the Keras names"
)
_OTHER_FORMAT = "; Keras' HDF5 file of the network is needed"
_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not the weights; run 'git lfs pull'",
    b"<?xml": "an XML document (an error of the server, perhaps); download the file again",
    b"<": _WEB_PAGE,
    b"\xff\xfe<": _WEB_PAGE,
    b"\xfe\xff\x00<": _WEB_PAGE,
    b"{": "a text in JSON (an error of the server, perhaps), not the weights; download it again",
    b"\x1f\x8b": "gzip data; unpack it first: gunzip, or tar xzf",
    b"bzh": "bzip2 data; unpack it first",
    b"\xfd7zxz": "xz data; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"rar!": "a RAR archive; unpack it first",
    b"pk\x05\x06": "an empty zip archive; copy it again",
    b"\x80\x02\x8a\nl\xfc\x9c": _TORCH,
    b"\x80\x02": _PICKLE,
    b"\x80\x03": _PICKLE,
    b"\x80\x04": _PICKLE,
    b"\x80\x05": _PICKLE,
    b"\x93numpy": "a NumPy array; weights of a whole network are needed",
    b"\x08\x07\x12": f"an ONNX model{_OTHER_FORMAT}",
    b"\x08\x08\x12": f"an ONNX model{_OTHER_FORMAT}",
}


def require_hdf5(path: Path) -> None:
    """Raise WeightsError unless this is a regular file that begins as HDF5 files do.

    What it is instead is said where it is known, with the remedy.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise WeightsError(f"{path} is not a file; weights are an HDF5 file or a CSV folder")
        with open(path, "rb") as file:
            start = file.read(512)
            if _has_user_block(file):
                return
    except OSError as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if not start:
        raise WeightsError(f"{path} is empty; fetch or copy it again")
    if start.startswith(SIGNATURE):
        return
    if SIGNATURE.startswith(start[: len(SIGNATURE)]):
        raise WeightsError(f"{path} ends after {len(start)} bytes; fetch or copy it again")
    what = _zip(path) if start.startswith(b"PK\x03\x04") else _known(start)
    raise WeightsError(
        f"{path} is {what}"
        if what
        else f"{path} is not an HDF5 file: it begins with {start[:8]!r}; weights are read from "
        "Keras' .h5 files"
    )


def _has_user_block(file: BinaryIO) -> bool:
    """HDF5 may begin behind bytes of the user's: at 512, 1024, 2048, ..."""
    for exponent in range(9, 21):
        file.seek(1 << exponent)
        if file.read(len(SIGNATURE)) == SIGNATURE:
            return True
    return False


def _known(start: bytes) -> str | None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").lower()
    for beginning, what in _BEGINNINGS.items():
        if text.startswith(beginning):
            return what
    if start[4:8] == b"TFL3":
        return f"a TensorFlow Lite model{_OTHER_FORMAT}"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 30:
        return f"a safetensors file{_OTHER_FORMAT}"
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    return None


def _zip(path: Path) -> str:
    """A zip archive is told by its members: Keras and PyTorch both save as one."""
    import zipfile  # here, because opening an HDF5 file must not pay for it

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged zip archive, perhaps of Keras or PyTorch; copy it again"
    if "model.weights.h5" in names:
        return "a .keras archive; unzip it and take its model.weights.h5"
    if any(name.endswith("data.pkl") for name in names):
        return _TORCH
    return "a zip archive; unzip it and take the .h5 file in it"
