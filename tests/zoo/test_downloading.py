"""Files from an https address: resumed, verified, and nothing kept that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPMessage, IncompleteRead
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

import npfacenet
from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.errors import ArgumentError, FetchError, WeightsError
from npfacenet.zoo import adding, downloading
from npfacenet.zoo.adding import add, fetch_url, free_name
from npfacenet.zoo.downloading import Response, download

URL = "https://example.org/models/mine.h5"
CONTENT = bytes(range(256)) * 3000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Answers as a server would, and breaks the line after some bytes if told to."""

    def __init__(self, content: bytes, *, ranges: bool = True) -> None:
        self.content = content
        self.ranges = ranges
        self.breaks_after: int | None = None
        self.asked: list[int] = []

    @contextmanager
    def open_url(self, url: str, start: int) -> Iterator[Response]:
        self.asked.append(start)
        yield Answer(self, start if self.ranges else 0)


class Answer:
    def __init__(self, server: Server, start: int) -> None:
        self._left = server.content[start:]
        self._until_break = server.breaks_after
        self.status = 206 if start else 200
        self.headers = HTTPMessage()
        self.headers["Content-Length"] = str(len(self._left))

    def read(self, size: int, /) -> bytes:
        if self._until_break is not None:
            if self._until_break <= 0:
                raise IncompleteRead(b"")
            size = min(size, self._until_break)
            self._until_break -= size
        chunk, self._left = self._left[:size], self._left[size:]
        return chunk


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server(CONTENT)
    monkeypatch.setattr(downloading, "open_url", made.open_url)
    return made


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_right_file_is_placed(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    target = tmp_path / "below" / "mine.h5"
    assert download(URL, target, sha256=SHA256, progress=lambda *s: seen.append(s)) == target
    assert target.read_bytes() == CONTENT
    assert listing(target.parent) == ["mine.h5"]
    assert seen[-1] == ("downloading mine.h5", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_line_is_resumed(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.ranges = ranges
    server.breaks_after = 300_000
    target = tmp_path / "mine.h5"
    with pytest.raises(FetchError, match="fetch again to resume"):
        download(URL, target, sha256=SHA256)
    assert not target.exists()
    server.breaks_after = None
    download(URL, target, sha256=SHA256)
    assert server.asked == [0, 300_000]
    assert target.read_bytes() == CONTENT
    assert listing(tmp_path) == ["mine.h5"]


def test_a_file_that_had_arrived_whole_is_placed_without_asking(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / f".{SHA256[:16]}.download").write_bytes(CONTENT)
    download(URL, tmp_path / "mine.h5", sha256=SHA256)
    assert server.asked == []
    assert listing(tmp_path) == ["mine.h5"]


def test_what_is_no_beginning_of_the_file_is_begun_anew(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f".{SHA256[:16]}.download").write_bytes(CONTENT + b"more")

    @contextmanager
    def strict(url: str, start: int) -> Iterator[Response]:
        if start:
            server.asked.append(start)
            raise HTTPError(URL, 416, "Range Not Satisfiable", Message(), None)
        with server.open_url(url, start) as answer:
            yield answer

    monkeypatch.setattr(downloading, "open_url", strict)
    download(URL, tmp_path / "mine.h5", sha256=SHA256)
    assert server.asked == [len(CONTENT) + 4, 0]
    assert (tmp_path / "mine.h5").read_bytes() == CONTENT


def test_wrong_bytes_are_removed(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "mine.h5"
    target.write_bytes(b"what was there")
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(FetchError, match=f"instead of {SHA256}; nothing was kept"):
        download(URL, target, sha256=SHA256)
    assert listing(tmp_path) == ["mine.h5"]
    assert target.read_bytes() == b"what was there"


def test_an_interrupt_leaves_the_target_as_it_was(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*state: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(URL, tmp_path / "mine.h5", sha256=SHA256, progress=interrupt)
    assert not (tmp_path / "mine.h5").exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (HTTPError(URL, 404, "Not Found", Message(), None), "answers 404 Not Found"),
        (URLError("no route"), r"cannot be reached \(no route\)"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionResetError("reset"), "reset"),
    ],
)
def test_faults_of_the_network_are_told(
    error: OSError, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(url: str, start: int) -> Response:
        raise error

    monkeypatch.setattr(downloading, "open_url", failing)
    with pytest.raises(FetchError, match=said):
        download(URL, tmp_path / "mine.h5", sha256=SHA256)


def test_endless_files_are_left(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "LARGEST_WEIGHTS", 1000)
    with pytest.raises(FetchError, match="more than 1,000 bytes"):
        download(URL, tmp_path / "mine.h5", sha256=SHA256)


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://x", "", "x"])
def test_only_https(url: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="https only"):
        download(url, tmp_path / "mine.h5", sha256=SHA256)


def test_redirections_may_only_lead_to_https() -> None:
    handler = downloading._HttpsOnly()
    import io
    import urllib.request

    request = urllib.request.Request(URL)
    with pytest.raises(ArgumentError, match="https only"):
        handler.redirect_request(
            request, io.BytesIO(), 302, "", HTTPMessage(), "http://example.org"
        )


def test_a_hash_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="64 hexadecimal digits"):
        download(URL, tmp_path / "mine.h5", sha256="abc")


def test_fetched_files_are_checked_before_they_have_a_name(
    server: Server, tmp_path: Path, drawn_file: Path
) -> None:
    with pytest.raises(WeightsError, match="is not an HDF5 file"):
        fetch_url(URL, SHA256, folder=tmp_path)
    assert listing(tmp_path) == []
    server.content = drawn_file.read_bytes()
    sha256 = hashlib.sha256(server.content).hexdigest()
    assert fetch_url(URL, sha256, folder=tmp_path) == tmp_path / "mine.h5"
    assert listing(tmp_path) == ["mine.h5"]


@pytest.mark.parametrize(
    "name", ["nn4.small2", "npfacenet-small", "finder", "npfacenet-finder", "../up", ""]
)
def test_names_that_are_taken_or_none_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"is the name of|cannot be the name"):
        free_name(name)


def test_files_are_added_under_a_name(
    drawn_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "cache_folder", lambda: tmp_path)
    assert add(drawn_file) == tmp_path / "drawn.h5"
    assert add(drawn_file, "other") == tmp_path / "other.h5"
    assert (tmp_path / "other.h5").read_bytes() == drawn_file.read_bytes()
    for name in ("../up", "", "nn4.small2", "name with space"):
        with pytest.raises(ArgumentError):
            add(drawn_file, name)
    (tmp_path / "taken.h5").write_bytes(b"others")
    with pytest.raises(ArgumentError, match=r"taken\.h5 holds other weights"):
        add(drawn_file, "taken")
    (tmp_path / "taken.h5").unlink()
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        add(broken)
    with pytest.raises(WeightsError, match="is a folder, not a weight file"):
        add(tmp_path)
    assert listing(tmp_path) == ["broken.h5", "drawn.h5", "other.h5"]


def test_a_public_file_takes_its_own_name(
    nn4_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "cache_folder", lambda: tmp_path)
    assert add(nn4_file, "whatever") == tmp_path / "nn4.small2.h5"


def test_the_numbers_of_a_public_file_may_take_its_name(
    nn4_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "cache_folder", lambda: tmp_path / "cache")
    half = tmp_path / "half.h5"
    model = npfacenet.load(nn4_file)
    write_checkpoint(
        half, model.network, model.parameters, model.card, layout="npfacenet", half=True
    )
    remarks: list[str] = []
    assert add(half, remark=remarks.append) == tmp_path / "cache" / "half.h5"
    (remark,) = remarks
    assert "the weights of nn4.small2 in another file" in remark
    assert remark.endswith("--name nn4.small2")
    named = add(half, "nn4.small2", remark=remarks.append)
    assert named == tmp_path / "cache" / "nn4.small2.h5"
    assert len(remarks) == 1
    with pytest.raises(ArgumentError, match="is the name of a public file"):
        add(half, "inception-resnet-v1")
