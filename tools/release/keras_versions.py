"""The tests with Keras, in an environment of its own for each of several versions.

  python3 tools/release/keras_versions.py             the quick ones: Keras 3.5 and a late Keras 3
  python3 tools/release/keras_versions.py --all       Keras 2.13, tf_keras, 3.0, 3.5 and a late one
  python3 tools/release/keras_versions.py --only 2.13 -x   this one; all else is handed to pytest
  python3 tools/release/keras_versions.py --here -x        with the Keras of this Python
  python3 tools/release/keras_versions.py --install-only   make the environments, test nothing

Environments are kept in the cache folder (`--folder DIR` for another) and used again; each takes
0.7 to 2.2 GB. Keras 3 computes with its NumPy backend, which needs JAX, but neither PyTorch nor
TensorFlow. Exit code: that of the first pytest that failed, else 0.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "with_keras"
SHARED = ("h5py", "hypothesis", "packaging", "pillow", "pytest")
MARK = "installed.txt"


@dataclass(frozen=True)
class Environment:
    """What to install for a version of Keras, and what to set when its tests run."""

    packages: tuple[str, ...]
    module: str = "keras"
    backend: str = "numpy"
    quick: bool = False

    def install(self, folder: Path) -> Path:
        """The environment's Python; made if it is not there as it should be."""
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        wanted = "\n".join((*SHARED, *self.packages))
        mark = folder / MARK
        if not (mark.is_file() and mark.read_text("utf-8") == wanted):
            venv.create(folder, with_pip=True, clear=True)
            command = [str(python), "-m", "pip", "install", "--quiet", "--no-input"]
            subprocess.run([*command, *SHARED, *self.packages], check=True)
            mark.write_text(wanted, "utf-8")
        return python


ENVIRONMENTS = {
    "2.13": Environment(("tensorflow-cpu==2.13.1",)),
    "tf_keras": Environment(("tf_keras==2.21.0", "tensorflow-cpu==2.21.0"), module="tf_keras"),
    # Its NumPy backend imports PyTorch.
    "3.0": Environment(("keras==3.0.5", "jax[cpu]==0.4.30", "numpy<2"), backend="jax"),
    "3.5": Environment(("keras==3.5.0", "jax[cpu]==0.4.30", "numpy<2"), quick=True),
    "3.15": Environment(("keras==3.15.1", "jax[cpu]"), quick=True),
}


def run(python: str | Path, variables: dict[str, str], arguments: list[str]) -> int:
    """Run the tests with that Python; pytest's exit code."""
    variables = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [str(python), "-m", "pytest", str(TESTS), "-p", "no:cacheprovider", *arguments]
    return subprocess.call(command, cwd=ROOT, env=variables)


def main() -> int:
    """Read the arguments, make the environments and run the tests in each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=ENVIRONMENTS, metavar="VERSION",
        help=f"{', '.join(ENVIRONMENTS)}; may be given several times",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="every version")
    parser.add_argument("--here", action="store_true", help="with the Keras of this Python")
    parser.add_argument("--install-only", action="store_true", help="test nothing")
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache/npfacenet-keras")
    chosen, arguments = parser.parse_known_args()
    if chosen.here:
        return run(sys.executable, {}, arguments)
    names = chosen.only or [n for n, e in ENVIRONMENTS.items() if chosen.all or e.quick]
    for name in names:
        environment = ENVIRONMENTS[name]
        print(f"== {name}: {', '.join(environment.packages)}", flush=True)
        python = environment.install(chosen.folder / name)
        if chosen.install_only:
            continue
        kind = {"KERAS_BACKEND": environment.backend, "NPFACENET_KERAS": environment.module}
        code = run(python, kind, arguments)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
