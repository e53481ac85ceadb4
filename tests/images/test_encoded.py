"""Pictures as text: recognised, and never repeated."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import encode
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ImageError
from npfacenet.images import named, read, source_name
from npfacenet.images.encoded import text_for_path

SCENE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
KINDS = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]


def refusal(source: object) -> str:
    with pytest.raises(ImageError) as error:
        read(source, position=7)  # type: ignore[arg-type]  # the fault under test
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_base64_in_all_its_forms_is_recognised_and_not_printed(kind: str) -> None:
    plain = base64.b64encode(encode(SCENE, kind)).decode()
    forms = {
        plain: "base64.b64decode(text)",
        base64.encodebytes(encode(SCENE, kind)).decode(): "base64.b64decode(text)",
        f"  {plain}\n": "base64.b64decode(text)",
        f'"{plain}"': "base64.b64decode(text)",
        f"data:image/{kind.lower()};base64,{plain}": "base64.b64decode(text.partition(',')[2])",
        f"DATA:image/x;base64,{plain}": "text.partition(',')",
        encode(SCENE, kind).hex(): "bytes.fromhex(text)",
        str(encode(SCENE, kind)): "pass the bytes themselves",
    }
    for text, remedy in forms.items():
        for source in (text, Path(text)):
            message = refusal(source)
            assert remedy in message, message
            assert message.startswith("text (")
            assert "at index 7" in message
            assert text.strip()[40:60] not in message
            assert len(message) < 300
            assert source_name(source, 7).startswith("text (")
    for held in (plain.encode(), f"data:image/png;base64,{plain}".encode()):
        message = refusal(held)
        assert "not the picture itself; decode it: base64.b64decode" in message
        assert plain[:20] not in message


def test_urlsafe_base64() -> None:
    safe = base64.urlsafe_b64encode(encode(SCENE, "JPEG")).decode()
    assert "base64.urlsafe_b64decode(text)" in refusal(safe)


def test_a_small_picture_in_base64() -> None:
    tiny = base64.b64encode(encode(SCENE[:1, :1], "GIF")).decode()
    assert len(tiny) < 100
    assert "base64 text, not a path" in refusal(tiny)
    assert tiny not in refusal(tiny)


def test_a_picture_file_with_base64_inside(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(base64.b64encode(encode(SCENE)))
    assert "is base64 text, not the picture itself" in refusal(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
@pytest.mark.parametrize(
    ("encoding", "errors"), [("latin-1", "strict"), ("utf-8", "surrogateescape")]
)
def test_content_read_as_text(kind: str, encoding: str, errors: str) -> None:
    message = refusal(encode(SCENE, kind).decode(encoding, errors))
    assert "read as text, which loses bytes" in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://example.org/face.jpg", "is not fetched; download"),
        ("ftp://example.org/face.jpg", "is not fetched; download"),
        ("s3://bucket/face.jpg", "is not fetched; download"),
        ("gs://bucket/face.jpg", "is not fetched; download"),
        ("HTTP://example.org/face.jpg", "is not fetched; download"),
        ("file:///home/me/face.jpg", "address of a file; pass its path"),
    ],
)
def test_addresses(address: str, said: str) -> None:
    assert said in refusal(address)
    assert said in refusal(Path(address))
    long = refusal(address + "x" * 5000)
    assert len(long) < 500


@pytest.mark.parametrize(
    "text",
    ["one\ntwo", "a.jpg\nb.jpg\n", json.dumps({"image": "x" * 5000}), "secret " * 2000, "a/" * 5000,
     "x" * 300, "\0" * 1000],
)  # fmt: skip
def test_other_text_is_not_repeated(text: str) -> None:
    message = refusal(text)
    assert len(message) < 550
    assert len(source_name(text)) <= 200
    assert text[:201] not in message


def test_a_file_is_read_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [base64.b64encode(encode(SCENE, "JPEG")[:90]).decode().replace("/", "-"), "b'x'"]
    names += ["data:x"] + (["one\ntwo.png", "h ttps:"] if os.name != "nt" else [])
    for name in names:
        Path(name).write_bytes(encode(SCENE))
        np.testing.assert_array_equal(read(name), SCENE)
        assert source_name(name) == name
    deep = tmp_path.joinpath(*["d" * 50] * 6)
    deep.mkdir(parents=True)
    (deep / "face.png").write_bytes(encode(SCENE))
    assert source_name(deep / "face.png") == str(deep / "face.png")
    assert len(named(deep / "face.png")) <= 200
    assert len(source_name(deep / "missing.png")) <= 200


@given(st.text(max_size=300))
def test_any_text_is_refused_in_few_words(text: str) -> None:
    if os.path.exists(text.replace("\0", "")):
        return
    assert len(refusal(text)) < 700
    assert len(source_name(text)) <= 300


@given(st.from_regex(r"[\w .-]{1,30}(/[\w .-]{1,30}){0,3}\.(jpg|png)", fullmatch=True))
def test_ordinary_paths_are_paths(path: str) -> None:
    assert text_for_path(path) is None


class Odd(os.PathLike[str]):
    def __init__(self, given: object) -> None:
        self.given = given

    def __fspath__(self) -> str:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given  # type: ignore[return-value]  # the fault under test


@pytest.mark.parametrize("given_path", [3, None, RuntimeError("x" * 5000), KeyError("k")])
def test_paths_that_are_none(given_path: object) -> None:
    assert "object of type Odd" in refusal(Odd(given_path))
    assert source_name(Odd(given_path)) == "object of type Odd"
