"""Measure how well raw pixels and networks tell drawn people apart, on the fixed 1,000 pairs.

    .venv/bin/python tools/experiments/drawn_pairs.py --model INCEPTION_RESNET.h5

Prints the verification accuracy in ten folds, each with the threshold that is best on the other
nine: of the distances of raw pixels (as they are, at 32 x 32, and prewhitened: mean 0 and standard
deviation 1), which show how difficult the pairs are, and of each model's embeddings. Also prints
how fast pictures are drawn. Takes about two minutes for inception-resnet-v1 on two cores.

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
    """Print all rates; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from drawn_pair_rates import report

    from npfacenet.errors import NpfacenetError

    try:
        report(arguments.model, arguments.count, arguments.seed, arguments.size)
    except NpfacenetError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and measure; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME|FILE", help="may be repeated"
    )
    parser.add_argument("--count", type=int, default=1000, help="pairs (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="another set of pairs (default 0)")
    parser.add_argument("--size", type=int, default=112, help="pixels (default 112)")
    return exit_code(measure, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
