"""Run the tests with Keras, in an environment of its own for each of several versions.

  python3 tools/release/keras_versions.py             the quick ones: Keras 3.5 and a late Keras 3
  python3 tools/release/keras_versions.py --all       Keras 2.13, tf_keras, 3.0, 3.5 and a late one
  python3 tools/release/keras_versions.py --only 2.13 -x   this one; pytest takes the rest
  python3 tools/release/keras_versions.py --here -x        with the Keras of this Python
  python3 tools/release/keras_versions.py --install-only   make the environments, test nothing

Environments are kept in a cache folder (`--folder DIR` for another) and used again; each takes 0.7
to 2.2 GB. Keras 3 computes with its NumPy backend, which needs JAX, but neither PyTorch nor
TensorFlow. Exit code: that of the first pytest that failed, else 0.

Needs Python 3.11 or newer with venv, and, the first time, a package registry for pip; `--here`
needs Keras, pytest and Hypothesis in this Python: pip install -e ".[test,keras]".
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout
sys.path.append(str(Path(__file__).resolve().parents[1]))
from environment import check_python, check_venv, exit_code, require

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
        """Return the environment's Python; make the environment if it is not complete."""
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        wanted = "\n".join((*SHARED, *self.packages))
        mark = folder / MARK
        if not (mark.is_file() and mark.read_text("utf-8") == wanted):
            import venv

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
    """Run the tests with that Python; return pytest's exit code."""
    variables = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [str(python), "-m", "pytest", str(TESTS), "-p", "no:cacheprovider", *arguments]
    return subprocess.call(command, cwd=ROOT, env=variables)


def try_versions(chosen: argparse.Namespace, arguments: list[str]) -> int:
    """Make the environments and run the tests in each; return the exit code."""
    check_python(sys.version_info[:3])
    if chosen.here:
        remedy = 'pip install -e ".[test,keras]"'
        require((os.environ.get("NPFACENET_KERAS", "keras"), "pytest", "hypothesis"), remedy)
        return run(sys.executable, {}, arguments)
    check_venv()
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


def main() -> int:
    """Read the command line and test; return the exit code."""
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
    return exit_code(try_versions, chosen, arguments)


if __name__ == "__main__":
    sys.exit(main())
