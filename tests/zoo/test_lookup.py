"""The order in which weights are looked up, and what is said when they are not found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from npfacenet.errors import WeightsError, WeightsNotFoundError
from npfacenet.zoo.lookup import cache_folder, find

NAME = "nn4.small2"
FILE = "nn4.small2.h5"


class Places:
    """Five empty places to look at, away from the real ones."""

    def __init__(self, root: Path) -> None:
        self.here = root / "here"
        self.variable = root / "variable"
        self.cache = root / "caches" / "npfacenet"
        self.package = root / "package"
        self.checkout = root / "checkout"
        self.all = (self.here, self.variable, self.cache, self.package, self.checkout)
        for folder in self.all:
            folder.mkdir(parents=True)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    places = Places(tmp_path)
    monkeypatch.chdir(places.here)
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(places.variable))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(
        "npfacenet.zoo.lookup.data_folders", lambda: (places.package, places.checkout)
    )
    return places


def put(folder: Path, name: str = FILE) -> Path:
    path = folder / name
    path.write_bytes(b"weights")
    return path


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("npfacenet-small", "npfacenet-small.h5"),
        ("finder", "npfacenet-finder.h5"),
        ("npfacenet-finder", "npfacenet-finder.h5"),
    ],
)
def test_nothing_passes_for_the_packaged_weights(places: Places, name: str, file_name: str) -> None:
    for folder in (places.here, places.variable, places.cache):
        put(folder, file_name)
        if file_name != f"{name}.h5":
            put(folder, f"{name}.h5")
    (places.here / name).mkdir()
    with pytest.raises(WeightsNotFoundError, match=r"they come with npfacenet.*reinstall it"):
        find(name)
    own = put(places.package, file_name)
    assert find(name) == own
    assert find(f"./{name}").is_dir()
    assert find(Path(name)) == Path(name)


def test_no_other_name_leads_to_packaged_weights(places: Places) -> None:
    put(places.package, "finder.h5")
    with pytest.raises(WeightsNotFoundError):
        find("finder")
    for name in ("npfacenet-finde", "Finder", "finder2"):
        with pytest.raises(WeightsNotFoundError, match="no weights called"):
            find(name)


def test_the_first_of_the_places_counts(places: Places) -> None:
    files = [put(folder) for folder in places.all[1:]]
    for file in files:
        assert find(NAME) == file
        file.unlink()
    with pytest.raises(WeightsNotFoundError):
        find(NAME)


def test_something_of_that_name_here_comes_first(places: Places) -> None:
    put(places.variable)
    put(places.here, NAME)
    assert find(NAME) == Path(NAME)


@pytest.mark.parametrize("name", [FILE, "über.H5", "plain", "ends.in", "a b.h5"])
def test_an_explicit_path_is_returned_as_it_is(places: Places, name: str) -> None:
    path = put(places.here, name)
    assert find(name) == Path(name)
    assert find(str(path)) == find(path) == path
    assert find(os.path.join(os.curdir, name)) == Path(name)


def test_an_explicit_folder_is_returned_as_it_is(places: Places) -> None:
    assert find(places.package) == places.package
    assert find(os.path.join(os.pardir, "package")) == Path(os.pardir, "package")


def test_an_explicit_path_is_not_looked_up_elsewhere(places: Places) -> None:
    put(places.cache)
    with pytest.raises(WeightsNotFoundError, match=r"fetch nn4\.small2' gets the public file"):
        find(FILE)
    with pytest.raises(WeightsNotFoundError, match="check the path"):
        find(os.path.join("models", NAME, "x"))
    with pytest.raises(WeightsNotFoundError):
        find(Path(NAME))


def test_a_tilde_is_the_home_folder(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(places.checkout)
    monkeypatch.setenv("HOME", str(places.checkout))
    monkeypatch.setenv("USERPROFILE", str(places.checkout))
    assert find(f"~/{FILE}") == path
    monkeypatch.setenv("NPFACENET_WEIGHTS", "~")
    assert find(NAME) == path


def test_the_variable_may_name_several_folders(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = ["", str(places.here / "absent"), str(places.variable), str(places.package), ""]
    monkeypatch.setenv("NPFACENET_WEIGHTS", os.pathsep.join(entries))
    second = put(places.package)
    assert find(NAME) == second
    first = put(places.variable)
    assert find(NAME) == first


def test_the_variable_may_name_a_file(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(places.here / os.pardir, FILE)
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(path))
    assert find(NAME) == path
    with pytest.raises(WeightsNotFoundError):
        find("nn4")
    put(places.here / os.pardir, "nn4.h5")
    with pytest.raises(WeightsNotFoundError):
        find("nn4")


def test_an_empty_variable_is_none(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    put(places.here)
    monkeypatch.setenv("NPFACENET_WEIGHTS", "")
    with pytest.raises(WeightsNotFoundError):
        find(NAME)


def test_a_folder_named_like_the_file_is_not_the_file(places: Places) -> None:
    (places.variable / FILE).mkdir()
    file = put(places.cache)
    assert find(NAME) == file


def test_not_found_says_where_and_how_to_get_it(places: Places) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        find(NAME)
    message = str(caught.value)
    positions = [message.index(str(folder)) for folder in places.all[1:]]
    assert positions == sorted(positions)
    assert "$NPFACENET_WEIGHTS" in message
    assert message.endswith("get them with: npfacenet weights fetch nn4.small2")
    assert "\n" not in message


def test_an_unknown_name_gets_the_close_one(places: Places) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"did you mean 'inception-resnet-v1'"):
        find("inception-resnet-v2")


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("", "empty"),
        ("nn4\0", "NUL"),
        ("..", "not a name"),
        (".", "not a name"),
        ("überraschung", "not a name"),
        ("nn4 small2", "not a name"),
        ("nn4\nsmall2", "not a name"),
        ("../nn4", "no weight file"),
        ("a/b", "no weight file"),
        ("x" * 5000, "no weights called"),
        ("/" + "x" * 5000, "no weight file"),
    ],
)
def test_names_that_cannot_be(places: Places, name: str, named: str) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        find(name)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("platform", "variable", "below_variable", "below_home"),
    [
        ("linux", "XDG_CACHE_HOME", "npfacenet", ".cache/npfacenet"),
        ("freebsd14", "XDG_CACHE_HOME", "npfacenet", ".cache/npfacenet"),
        ("win32", "LOCALAPPDATA", "npfacenet/Cache", "AppData/Local/npfacenet/Cache"),
    ],
)
def test_the_cache_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variable: str,
    below_variable: str,
    below_home: str,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv(variable, str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "caches" / below_variable
    for ignored in ("", "relative"):
        monkeypatch.setenv(variable, ignored)
        assert cache_folder() == tmp_path / below_home
    monkeypatch.delenv(variable)
    assert cache_folder() == tmp_path / below_home


def test_the_cache_folder_of_a_mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "Library" / "Caches" / "npfacenet"


def test_without_a_home_folder_the_other_places_still_count(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(WeightsError, match="set XDG_CACHE_HOME"):
        cache_folder()
    with pytest.raises(WeightsNotFoundError, match="no home folder"):
        find(NAME)
    file = put(places.package)
    assert find(NAME) == file


def test_importing_the_look_up_is_cheap() -> None:
    code = (
        "import npfacenet.zoo.lookup, npfacenet.zoo.manifest, sys\n"
        "heavy = {'h5py', 'PIL', 'urllib.request', 'subprocess', 'tomllib', 'difflib', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
