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
    {"gallery"},
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
LONGEST_FUNCTION = 45
FREE_OF_THAT = {"samples"}  # drawing is long and plain
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


def ours(free: set[str]) -> list[Path]:
    """The files of the package and of `tools`, but for these rooms."""
    tools = sorted((PACKAGE.parent / "tools").rglob("*.py"))
    return [*(path for room, path in sources() if room not in free), *tools]


def test_files_are_small_and_named_for_what_they_hold() -> None:
    for path in ours(free=set()):
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST, path
        assert path.stem not in VAGUE_NAMES, path


def defining_files(source: str, where: dict[str, Path]) -> Iterator[Path]:
    """The files that a source text imports from, also for types and within functions.

    A name that a room's `__init__` takes from one of its files counts as that file.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (where[alias.name] for alias in node.names if alias.name in where)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield from defining_file(node.module, alias.name, where)


def defining_file(module: str, name: str, where: dict[str, Path]) -> Iterator[Path]:
    """The file behind `from module import name`: a file, or one that a room takes the name from."""
    if f"{module}.{name}" in where:
        yield where[f"{module}.{name}"]
    elif module in where and where[module].name == "__init__.py":
        for node in ast.walk(ast.parse(where[module].read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module not in (None, module):
                passed_on = [a.name for a in node.names if name == (a.asname or a.name)]
                for original in passed_on:
                    yield from defining_file(str(node.module), original, where)
    elif module in where:
        yield where[module]


def modules(room: Path) -> dict[str, Path]:
    """The files of a room by the name of their module, its `__init__` by the room's."""
    package = ".".join((room.parent.name, room.name))
    files = {f"{package}.{path.stem}": path for path in room.glob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in files.items()}


def circles(room: Path) -> list[list[str]]:
    """The files of a room that import each other in a circle, each circle once."""
    where = modules(room)
    read = {
        path: {*defining_files(path.read_text("utf-8"), where)} - {path}
        for path in where.values()
        if path.name != "__init__.py"
    }
    reached = {path: files_behind(path, read) for path in read}
    found = {
        frozenset([path, *(p for p in read if p in reached[path] and path in reached[p])])
        for path in read
        if path in reached[path]
    }
    return sorted(sorted(path.name for path in circle) for circle in found)


def files_behind(path: Path, read: dict[Path, set[Path]]) -> set[Path]:
    """All files that a file imports from, itself or through others."""
    behind: set[Path] = set()
    left = [path]
    while left:
        new = read.get(left.pop(), set()) - behind
        behind |= new
        left += new
    return behind


ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_files_of_a_room_import_each_other_one_way(room: Path) -> None:
    assert circles(room) == []


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ({"a": "from package.room.b import x", "b": "import package.room.a"}, [["a.py", "b.py"]]),
        (
            {
                "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
                "    from package.room.c import C",
                "b": "from package.room.a import x",
                "c": "def f():\n    from package.room import b",
            },
            [["a.py", "b.py", "c.py"]],
        ),
        (
            {
                "__init__": "from package.room.a import x\nfrom package.room.b import y as z",
                "a": "from package.room import z",
                "b": "from package.room import x",
            },
            [["a.py", "b.py"]],
        ),
        (
            {
                "__init__": "from package.room.b import y",
                "b": "",
                "a": "from package.room import y",
            },
            [],
        ),
        ({"a": "from package.other import b", "b": "from package.room import a"}, []),
    ],
    ids=["two", "for types and late", "through the room", "none", "another room"],
)
def test_the_check_sees_circles(
    sources: dict[str, str], found: list[list[str]], tmp_path: Path
) -> None:
    room = tmp_path / "package" / "room"
    room.mkdir(parents=True)
    for name, source in sources.items():
        (room / f"{name}.py").write_text(source, "utf-8")
    assert circles(room) == found


def long_functions(source: str, longest: int = LONGEST_FUNCTION) -> list[str]:
    """Functions whose body, without its docstring, has more lines than that."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > longest:
                found.append(f"{node.name} ({lines} lines)")
    return found


def test_functions_are_short() -> None:
    found = {
        str(path.relative_to(PACKAGE.parent)): long_functions(path.read_text("utf-8"))
        for path in ours(free=FREE_OF_THAT)
    }
    assert {file: functions for file, functions in found.items() if functions} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    x = 1\n    y = 2", []),
        ("def f():\n    x = 1\n    y = 2\n    z = 3", ["f (3 lines)"]),
        ('def f():\n    """Several\n\n    lines."""\n    x = 1\n    y = 2', []),
        (
            "class A:\n    async def f(self):\n        x = [\n            1,\n        ]",
            ["f (3 lines)"],
        ),
        ("def f():\n    def g():\n        x = 1\n        return x", ["f (3 lines)"]),
        ('def f():\n    """Only."""', []),
    ],
)
def test_the_check_sees_long_functions(source: str, found: list[str]) -> None:
    assert long_functions(source, longest=2) == found


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
