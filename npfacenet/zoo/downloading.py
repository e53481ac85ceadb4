"""Downloading a file from an https address: resumed, verified, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from npfacenet.checkpoints.signature import LARGEST_WEIGHTS
from npfacenet.errors import ArgumentError, FetchError, NpfacenetError, quoted
from npfacenet.files.atomic import require_possible, writing_in
from npfacenet.files.unfinished import closing
from npfacenet.progress import Progress, silent

SECONDS = 30  # without a byte before a server counts as gone
_CHUNK = 1 << 18

RANGE_NOT_SATISFIABLE = 416


class _BeyondTheEndError(Exception):
    """The server has no byte at the place from which to resume."""


class Response(Protocol):
    """The part of an answer to a request that is used."""

    status: int
    headers: HTTPMessage

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


def download(url: str, target: Path, *, sha256: str, progress: Progress | None = None) -> Path:
    """Download a file that must have this sha256; return `target`.

    If the connection breaks, the part that arrived is kept beside `target` under a hidden name,
    and the next call resumes it. The file gets its name only when its hash is right; otherwise it
    is removed. Raises ArgumentError for an address that is not https or text that is not a hash,
    FetchError if the download fails, OutputError if the folder cannot be written.
    """
    require_address(url, sha256)
    report = silent if progress is None else progress
    partial = target.with_name(f".{sha256[:16].lower()}.download")
    require_possible(target)
    with writing_in(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        file = _opened(partial)
    with closing(file):
        found = _sha256_of(file)  # all of it may have arrived before
        if found != sha256.lower():
            what = f"downloading {target.name}"
            try:
                with _faults_of(url), open_url(url, file.tell()) as response:
                    _append(response, file, what, report)
            except _BeyondTheEndError:  # the part is not the beginning of the file: start again
                file.truncate(0)
                with _faults_of(url), open_url(url, 0) as response:
                    _append(response, file, what, report)
            found = _sha256_of(file)
        with writing_in(target.parent):
            file.flush()
            os.fsync(file.fileno())
    if found != sha256.lower():
        partial.unlink()
        raise FetchError(
            f"what {quoted(url)} gave has the sha256 {found} instead of {sha256.lower()}; "
            "nothing was kept"
        )
    with writing_in(target.parent):
        partial.replace(target)
    return target


def _opened(partial: Path) -> BinaryIO:
    """Open the part that arrived before, to be continued; remove what cannot be one."""
    if os.path.lexists(partial):
        status = os.lstat(partial)
        if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_WEIGHTS:
            return partial.open("ab+")
        partial.unlink()
    return partial.open("xb+")


def require_address(url: str, sha256: str) -> None:
    """Raise ArgumentError for an address that is not https, or text that is not a SHA-256."""
    _require_https(url)
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ArgumentError(f"a sha256 has 64 hexadecimal digits, not {quoted(sha256)}")


def name_in(url: str) -> str:
    """Return the last part of the path in an https address, without its suffixes.

    >>> name_in("https://example.org/models/my_facenet.weights.h5?download=true")
    'my_facenet'
    """
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1].split(".h5")[0]
    return name.removesuffix(".weights").removesuffix(".onnx")


@contextmanager
def open_url(url: str, start: int) -> Iterator[Response]:
    """Request a file from byte `start` on; redirections may only lead to https."""
    headers = {"User-Agent": "npfacenet", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (https is required above)
    opener = urllib.request.build_opener(_HttpsOnly)
    with opener.open(request, timeout=SECONDS) as response:
        yield response


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_https(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a ValueError if they cannot be
        complete = parts.scheme == "https" and bool(host)
        (host or "").encode("idna")  # as the look-up of the host will do
    except ValueError:
        complete = False
    else:
        if complete and parts.username is not None:
            raise ArgumentError("an address with a user name or a password in it is not fetched")
    if not complete:
        raise ArgumentError(
            f"{quoted(url)} is not an https address; files are fetched over https only"
        )
    if re.search(r"[^!-~]", url):
        raise ArgumentError(
            f"{quoted(url)} has spaces or other characters that an address cannot have; write "
            "them as %20 and the like"
        )


def _sha256_of(file: IO[bytes]) -> str:
    """Return the hash of a whole file, and leave it at its end."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # an open file


def _append(response: Response, file: IO[bytes], what: str, report: Progress) -> None:
    done = file.tell()
    if done and response.status != 206:  # the server starts again, so the part is dropped
        file.truncate(0)
        done = 0
    announced = response.headers.get("Content-Length", "")
    total = done + int(announced) if announced.isdigit() else None
    while chunk := response.read(_CHUNK):
        done += len(chunk)
        if done > LARGEST_WEIGHTS:
            raise FetchError(
                f"the file has more than {LARGEST_WEIGHTS:,} bytes; no weights are so large"
            )
        with writing_in(Path(str(file.name)).parent):
            file.write(chunk)
        report(what, done, total)
    if total is not None and done < total:
        raise FetchError(
            f"the connection broke after {done:,} of {total:,} bytes; fetch again to resume"
        )


@contextmanager
def _faults_of(url: str) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE:
            raise _BeyondTheEndError from error
        raise FetchError(
            f"{quoted(url)} answers {error.code} {error.reason}; check the address"
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, NpfacenetError):
            raise
        reason = getattr(error, "reason", None) or error
        raise FetchError(
            f"{quoted(url)} cannot be reached ({reason}); fetch again to resume"
        ) from error
