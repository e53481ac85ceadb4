"""The tests, from nothing: `python3 tools/test.py`.

Makes `.venv` in this checkout (Python's standard library and pip; nothing else is
touched), installs npfacenet with its tools for tests into it, and runs, stopping
at the first that fails: ruff check, ruff format --check, mypy, pytest. The first
time takes a minute or so; later `.venv` is used until pyproject.toml changes.

  python3 tools/test.py                        everything that has to pass before a commit
  python3 tools/test.py -k layers -x           the same; all arguments are handed to pytest
  python3 tools/test.py -m slow                the same, with the slow tests instead
  python3 tools/test.py -n 0 -x --pdb          the same in one process (else in two, side by side)
  python3 tools/test.py --install-only         only make .venv
  .venv/bin/python -m pytest -k layers         pytest alone, and nothing else
  .venv/bin/python -m ruff format .            put the format right

Paths in the arguments are relative to the checkout. Exit codes: that of the step
that failed; 2 when there is no environment to run in (one sentence says why and
what to do); 130 after Ctrl-C. Remove `.venv` to start afresh.
"""

import sys
import time

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
