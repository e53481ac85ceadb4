"""Compare measures of how sharp a face is, on LFW's pictures degraded in several ways.

    .venv/bin/python tools/experiments/gate_sharpness.py ../shared

Pictures in focus (as they were taken; darker, flatter, smaller by half, a little noisy or
compressed) should be told from soft ones (blurred, enlarged from few pixels, and these with noise
or compressed). Printed are, of each measure, the area under the ROC curve between both, the
standard deviation of its logarithm among pictures as they were taken, and its medians. A row is
one measure; the first is that of `npfacenet.gallery.quality`.

Needs npfacenet: run it with .venv/bin/python, which `python3 tools/test.py --install-only` makes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout
sys.path.append(str(Path(__file__).resolve().parents[1]))
from environment import FAILED, IN_THE_ENVIRONMENT, exit_code, require

PACKAGES = ("numpy", "h5py", "PIL", "npfacenet")


def measure(arguments: argparse.Namespace) -> int:
    """Print the table; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from gate_sharpness_measures import report

    from npfacenet.errors import NpfacenetError

    try:
        report(arguments.folder, arguments.limit)
    except (NpfacenetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and measure; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="holds lfw")
    parser.add_argument("--limit", type=int, default=40, help="of people (default 40)")
    return exit_code(measure, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
