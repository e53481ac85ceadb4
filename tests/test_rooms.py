"""Who may import whom: the folders of the package, as the README lists them."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import npfacenet

PACKAGE = Path(__file__).resolve().parents[1] / "npfacenet"

# A room may import from the lines above its own, and from itself.
LINES = [
    {"errors"},
    {"arguments", "progress"},
    {"files"},
    {"threads"},
    {"layers", "images"},
    {"losses", "networks"},
    {"recipes", "inference", "samples"},
    {"cards"},
    {"checkpoints"},
    {"zoo"},
    {"faces"},
    {"models"},
    {"recognition"},
    {"training"},
    {"testing", "inspection", "course"},
    {"lessons"},
    {"commands"},
]
THIRD_PARTY = {
    "numpy": set().union(*LINES),
    "PIL": {"images", "testing"},
    "h5py": {"checkpoints", "testing"},
    "hypothesis": {"testing"},
    "pytest": {"testing"},
}
ONLY_IN_PLOTS = "matplotlib"
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
LONGEST = 300


def imports(source: str) -> Iterator[str]:
    """Every module that a source text imports, at whatever depth; relative ones as "."."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "."
            elif node.module == "npfacenet":
                yield from (f"npfacenet.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


def line_of(room: str) -> int:
    return next(i for i, line in enumerate(LINES) if room in line)


def fault(room: str, file: str, module: str) -> str | None:
    """Why a file of a room may not import a module, if it may not."""
    top, *below = module.split(".")
    if not top:
        return "imports are written in full"
    if top == "npfacenet":
        if not below or below[0] == "__version__":
            return None  # the package itself; its public names are resolved lazily
        other = below[0]
        if not any(other in line for line in LINES):
            return f"{other} is no room: import a name from where it lives"
        if other == room or (line_of(other) < line_of(room)):
            return None
        return f"{room} may not import from {other}"
    if top in sys.stdlib_module_names:
        return None
    if top == ONLY_IN_PLOTS:
        return None if file == "plots.py" else f"{top} belongs in files called plots.py"
    return None if room in THIRD_PARTY.get(top, set()) else f"{room} may not use {top}"


def sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in ("__init__", "__main__"):
            yield room, path


@pytest.mark.parametrize(("room", "path"), list(sources()), ids=lambda x: str(x).rpartition("/")[2])
def test_imports_run_one_way(room: str, path: Path) -> None:
    source = path.read_text("utf-8")
    # Of other packages, types may be imported anywhere; of our own rooms, not even types.
    used = {m for m in imports(source) if m.split(".")[0] in ("npfacenet", "")}
    used |= set(imports(without_type_checking(source)))
    faults = [fault(room, path.name, module) for module in sorted(used)]
    assert [f"{path.name}: {f}" for f in faults if f] == []


def without_type_checking(source: str) -> str:
    """The source without what is imported for its types only."""
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return ast.unparse(tree)


@pytest.mark.parametrize(
    ("room", "file", "source", "said"),
    [
        ("layers", "x.py", "from npfacenet.networks import Network", "layers may not import from"),
        ("layers", "x.py", "from npfacenet.images import read", "layers may not import from"),
        ("models", "x.py", "def f():\n    import h5py", "models may not use h5py"),
        ("models", "x.py", "from npfacenet import recognition", "models may not import from"),
        ("recognition", "x.py", "import npfacenet.commands.main", "may not import from commands"),
        ("layers", "x.py", "from . import dense", "written in full"),
        ("layers", "x.py", "import scipy", "layers may not use scipy"),
        ("models", "x.py", "from npfacenet import load", "load is no room"),
        ("recognition", "x.py", "import matplotlib.pyplot", "plots.py"),
    ],
)
def test_the_check_sees_what_is_wrong(room: str, file: str, source: str, said: str) -> None:
    faults = [fault(room, file, module) for module in imports(source)]
    assert any(said in (f or "") for f in faults)


def test_files_are_small_and_named_for_what_they_hold() -> None:
    for _, path in sources():
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST, path
        assert path.stem not in VAGUE_NAMES, path


def test_rooms_are_flat() -> None:
    assert all(len(path.relative_to(PACKAGE).parts) <= 2 for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize(
    "room", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")), ids=str
)
def test_dir_of_a_room_shows_its_public_names(room: str) -> None:
    module = importlib.import_module(f"npfacenet.{room}")
    shown = [name for name in dir(module) if not name.startswith("_")]
    if hasattr(module, "__all__"):
        assert shown == sorted(module.__all__)
        assert all(getattr(module, name) is not None for name in shown)
    else:  # a room without public names of its own shows its files
        assert all(isinstance(getattr(module, name), ModuleType) for name in shown)


def test_dir_of_the_package_shows_public_names_and_rooms() -> None:
    assert {*npfacenet.__all__, "testing", "layers"} <= set(dir(npfacenet))
    assert not {"annotations", "import_module", "TYPE_CHECKING", "logging"} & set(dir(npfacenet))
    assert all(getattr(npfacenet, name) for name in dir(npfacenet))
