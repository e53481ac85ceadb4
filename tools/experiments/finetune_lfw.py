"""Fine-tune nn4.small2 on LFW's training people, and measure it on folds 3 and 4.

    .venv/bin/python tools/experiments/finetune_lfw.py --lfw LFW --model nn4.small2

LFW's folder holds images/NAME/NAME_0001.jpg, train_people.txt (nobody of whom is in folds 3 and 4)
and pairs_dev.txt. For each seed, trains with semi-hard triplets and prints the accuracy on folds 3
and 4 with a plain centre crop before and after. Then fits a pair head for each similarity to pairs
of the training people, and prints how reliable its probabilities are on those folds. Takes about 4
minutes per seed on two cores. An interrupted run continues when the command is given again.

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


def finetune(arguments: argparse.Namespace) -> int:
    """Fine-tune once for each seed, and print everything; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from lfw_finetuning import report

    from npfacenet.errors import NpfacenetError

    try:
        report(arguments)
    except NpfacenetError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and fine-tune; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lfw", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", default="nn4.small2", metavar="NAME|FILE")
    parser.add_argument("--variant", default="course")
    parser.add_argument("--runs", type=Path, default=Path("runs/finetune_lfw"), metavar="DIR")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each run (default 500)")
    return exit_code(finetune, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
