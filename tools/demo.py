"""The demo, from a bare checkout: `python3 tools/demo.py`.

usage: python3 tools/demo.py [-h] [OPTION OF npfacenet demo ...]

Makes `.venv` in this checkout, installs npfacenet into it, and runs `npfacenet demo`
with the arguments you give. It changes nothing else. The first run takes a minute or
so; later ones use `.venv` as it is.

Needs Python 3.11 or newer with venv, and, the first time, a package registry for pip.

  python3 tools/demo.py                        the whole job, on pictures that are drawn
  python3 tools/demo.py --images FOLDER        on your own pictures
  .venv/bin/npfacenet demo --help              all the options (after the first time)
  .venv/bin/npfacenet --help                   the other commands

Exit codes: those of the demo; 2 when there is no environment to run it in (one
sentence says why and what to do); 130 after Ctrl-C. Remove `.venv` to start afresh.
"""

import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout

from environment import ROOT, Environment, exit_code


def demo(arguments: "list[str]") -> int:
    """Make the environment and run the demo in it, from the current folder."""
    environment = Environment(ROOT)
    environment.prepare(())
    return environment.run(["-m", "npfacenet", "demo", *arguments])


def main(arguments: "list[str]") -> int:
    """Print the help or run the demo; return the exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        print((__doc__ or "").strip())
        return 0
    return exit_code(demo, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
