"""Nobody vanishes from a folder: who is a picture of whom, and what is reported as passed over."""

from __future__ import annotations

import io
import os
import unicodedata
from pathlib import Path

import numpy as np
import PIL.features
import PIL.Image
import pytest

from npfacenet.errors import GalleryError
from npfacenet.images.picture_kinds import LONGEST_SIGNATURE, SUFFIXES, kind
from npfacenet.recognition.people_folder import people_in

KINDS = {
    "JPEG": "JPEG", "PNG": "PNG", "GIF": "GIF", "BMP": "BMP", "TIFF": "TIFF", "WEBP": "WebP",
    "PPM": "PNM", "JPEG2000": "JPEG 2000", "AVIF": "AVIF",
}  # fmt: skip


def picture(form: str = "PNG", mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 20, 3), np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).convert(mode).save(file, form)
    return file.getvalue()


def fill(root: Path, *names: str, content: bytes | None = None) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(picture() if content is None else content)
    return root


def passed_over(root: Path) -> dict[str, str]:
    found = people_in(root).passed_over
    return {Path(s.source).relative_to(root).as_posix(): s.reason for s in found}


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.filterwarnings("ignore:Unknown feature:UserWarning")
def test_contents_say_what_a_picture_is(form: str) -> None:
    needed = {"WEBP": "webp", "JPEG2000": "jpg_2000", "AVIF": "avif"}.get(form)
    if needed is not None and not (needed in PIL.features.modules or PIL.features.check(needed)):
        pytest.skip(f"this Pillow does not write {form}")
    try:
        content = picture(form)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {form}")
    assert kind(content[:LONGEST_SIGNATURE]) == KINDS[form]


def test_other_beginnings() -> None:
    assert kind(picture("PPM", "1")) == kind(picture("PPM", "L")) == "PNM"
    assert kind(b"\0\0\0\x18ftypheic\0\0\0\0") == "HEIC"
    assert kind(b"\0\0\0\x18ftypmif1\0\0\0\0") == "HEIF"
    for text in (b"", b"P", b"P6", b"P6x", b"BM", b"BMI is a number of", b"RIFF1234WAVE", b"II",
                 b"%PDF-1.7", b"<html>", b"\0" * 16, b"\0\0\0\x18ftypisom", b"GIF8"):  # fmt: skip
        assert kind(text) is None


@pytest.mark.parametrize(
    "name",
    ["dan", "dan.jfif", "dan.pjpeg", "dan.pjp", "dan.JPG", "dan.photo", "dan.DAT", "dan.jpg_large",
     "dan.jpg.bak", "dan.jpg.jpg", "dan.png.JPEG", "dan.Jpeg", "dan/1", "dan/1.jfif",
     "dan/photo.xyz", "dan.tmp"],
)  # fmt: skip
def test_a_picture_is_somebody_by_suffix_or_contents(tmp_path: Path, name: str) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        found = people_in(fill(tmp_path, name, content=picture(form)))
        assert dict(found.people) == {"dan": (tmp_path / name,)}
        assert found.passed_over == ()


def test_a_dot_in_a_name_is_not_a_suffix(tmp_path: Path) -> None:
    names = ("J. Smith", "Mr.Bean", "2.5", "Ada v.", "Dr. No.jpg", "Eve.A", "Eve.B")
    assert set(people_in(fill(tmp_path, *names)).people) == {
        "J. Smith", "Mr.Bean", "2.5", "Ada v.", "Dr. No", "Eve.A", "Eve.B"
    }  # fmt: skip


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_known_suffixes_are_pictures_even_damaged_ones(tmp_path: Path, suffix: str) -> None:
    for name in (f"dan{suffix}", f"eva{suffix.upper()}"):
        fill(tmp_path, name, content=b"damaged")
    assert set(people_in(tmp_path).people) == {"dan", "eva"}


def test_everything_else_is_reported(tmp_path: Path) -> None:
    fill(tmp_path, "anna.jpg", "dan/1.jpg", "dan/old/2.jpg", "dan/old/older/3", "eva/old/1.png")
    fill(tmp_path, "notes.txt", "dan/list.csv", "dan/old/note.txt", content=b"not a picture")
    fill(tmp_path, ".hidden.jpg", ".old/1.jpg", "empty")
    (tmp_path / "empty").write_bytes(b"")
    for folder in ("nobody", "dan/none"):
        (tmp_path / folder).mkdir()
    fill(tmp_path, "sub/ .jpg")
    assert set(people_in(tmp_path).people) == {"anna", "dan", "sub"}
    reasons = passed_over(tmp_path)
    assert set(reasons) == {
        "dan/old/2.jpg", "dan/old/older/3", "eva", "eva/old/1.png", "notes.txt", "dan/list.csv",
        ".hidden.jpg", ".old", "empty", "nobody", "dan/none",
    }  # fmt: skip
    assert reasons["notes.txt"] == "is not a picture"
    assert reasons["empty"].startswith("is empty")
    assert reasons["dan/old/2.jpg"].startswith("lies deeper")
    assert reasons["nobody"] == "holds no picture"


def test_what_systems_leave_is_left_out_and_stops_nothing(tmp_path: Path) -> None:
    fill(tmp_path, "dan/1.jpg", "eva.png")
    litter = ("__MACOSX/._dan.jpg", "@eaDir/dan.jpg/SYNOFILE_THUMB_M.jpg", "#recycle/old.jpg",
              "$RECYCLE.BIN/S-1-5/x.jpg", "Thumbs.db", "desktop.ini", "._eva.png", ".DS_Store",
              "dan/._1.jpg", "dan/@eaDir/1.jpg/THUMB.jpg", "dan/Thumbs.db", "dan/Desktop.ini",
              "System Volume Information/x", ".Trashes/1.jpg", "dan/.DS_Store")  # fmt: skip
    fill(tmp_path, *litter)
    found = people_in(tmp_path)
    assert {name: len(paths) for name, paths in found.people.items()} == {"dan": 1, "eva": 1}
    assert found.passed_over == ()


def test_a_file_and_a_folder_of_one_name_are_one_person(tmp_path: Path) -> None:
    fill(tmp_path, "dan.jpg", "dan/1.jpg", "dan.png")
    assert {n: len(p) for n, p in people_in(tmp_path).people.items()} == {"dan": 3}


def test_two_spellings_in_unicode_are_one_person(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    fill(tmp_path, f"{composed}.jpg", f"{decomposed}/1.jpg")
    people = people_in(tmp_path).people
    assert len(people) == 1
    assert sum(map(len, people.values())) == 2
    assert next(iter(people)) == min(composed, decomposed)  # as it comes first


def test_what_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    fill(tmp_path, "dan.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "missing")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "again").symlink_to(tmp_path)
    reasons = passed_over(tmp_path)
    assert "pipe" in reasons["pipe"]
    assert "does not exist" in reasons["broken"]
    assert "bytes, more than a picture can have" in reasons["huge"]
    assert set(people_in(tmp_path).people) == {"dan"}


def test_a_folder_one_level_too_high_says_where_the_pictures_are(tmp_path: Path) -> None:
    fill(tmp_path, "lfw/Ada/1.jpg", "lfw/Bob/1.jpg")
    with pytest.raises(GalleryError, match=r"passed over: lfw/Ada/1\.jpg \(lies deeper than NAME/"):
        people_in(tmp_path)


@pytest.mark.parametrize("folder", [None, "", " ", 3, b"", [], "a\0b", "x" * 5000], ids=repr)
def test_paths_that_are_not_folders_are_refused_in_short(folder: str) -> None:
    with pytest.raises(GalleryError) as raised:
        people_in(folder)
    assert len(str(raised.value)) < 400
