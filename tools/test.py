"""The tests, from a bare checkout: `python3 tools/test.py`.

usage: python3 tools/test.py [-h] [--install-only | OPTION OF pytest ...]

Makes `.venv` in this checkout, installs npfacenet and what its tests use into it, and
runs ruff check, ruff format --check, mypy and pytest, stopping at the first that fails.
It changes nothing else. The first run takes a minute or so; later ones use `.venv` as
it is until pyproject.toml changes.

Needs Python 3.11 or newer with venv, and, the first time, a package registry for pip.

  python3 tools/test.py                        everything that has to pass before a commit
  python3 tools/test.py -k layers -x           the same; pytest takes all arguments
  python3 tools/test.py -m slow                the same, with the slow tests instead
  python3 tools/test.py -n 0 -x --pdb          the same in one process (else in two, side by side)
  python3 tools/test.py --install-only         only make .venv
  .venv/bin/python -m pytest -k layers         pytest alone, and nothing else
  .venv/bin/python -m ruff format .            format the code

Paths in the arguments are relative to the checkout. Exit codes: that of the step
that failed; 2 when there is no environment to run in (one sentence says why and
what to do); 130 after Ctrl-C. Remove `.venv` to start afresh.
"""

import sys
import time

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout

from environment import ROOT, Environment, exit_code, say

EXTRAS = ("dev", "plot", "test")
STEPS = (
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy", ["-m", "mypy"]),
    ("pytest", ["-m", "pytest", "-n", "2"]),
)


def install() -> int:
    """Make the environment, and nothing else."""
    Environment(ROOT).prepare(EXTRAS)
    return 0


def test(arguments: "list[str]") -> int:
    """Make the environment and run the steps until one fails; the arguments are pytest's."""
    environment = Environment(ROOT)
    environment.prepare(EXTRAS)
    times = []
    for name, command in STEPS:
        start = time.time()
        extra = arguments if name == "pytest" else []
        code = environment.run(command + extra, folder=ROOT)
        times.append(f"{name} {time.time() - start:.1f} s")
        if code:
            say("Stopped: {} failed with exit code {} ({}).".format(name, code, ", ".join(times)))
            return code
    say("All four succeeded: {}.".format(", ".join(times)))
    return 0


def main(arguments: "list[str]") -> int:
    """Print the help, install, or test; return the exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        print((__doc__ or "").strip())
        return 0
    if arguments == ["--install-only"]:
        return exit_code(install)
    return exit_code(test, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
