"""Measure what the gate of enrolment keeps out, and what poor pictures do to galleries.

    .venv/bin/python tools/experiments/gate_rates.py ../shared --kept FOLDER/gate.npz

The people are those of LFW who are not in `train_people.txt` (820, with 1,491 pictures). Every
picture is embedded as it was taken, and made poor in one of the ways of `gate_pictures.POOR` in
turn; the central face of each is measured. Then a gallery is offered all pictures, of which a drawn
fifth is poor, with the gate (`npfacenet.gallery.gate.Limits()`; several faces are no reason) and
without. Printed are

- percentiles of each measure, also of crops of UTKFace; what the gate finds in good pictures and in
  poor ones, how far the damage moves an embedding, and how often different people match who are
  made poor in one way
- distances from the person's other pictures and from other people's, for `FAR` and `SAME`
- the false match rate at the card's threshold, and its difference from a gallery of the same
  pictures, all good: of every probe with every reference of somebody else, and with the best of a
  person's references. Intervals (95 %) are over 20 drawings of which pictures are poor, and 100 of
  the people in each, with replacement
- the same of poor probes

One model takes about two minutes on two idle cores. `--limit` takes fewer people; `--kept` names a
file that keeps what was embedded and measured (delete it when a model, a damage or a measure
changes).

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
    """Print the tables; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from gate_report import Plan, report

    from npfacenet.errors import NpfacenetError

    plan = Plan(
        arguments.folder, arguments.model, arguments.detect, arguments.threshold, arguments.limit,
        arguments.kept, arguments.share,
    )  # fmt: skip
    try:
        report(plan)
    except (NpfacenetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and measure; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="holds lfw, and faces.zip for the crops")
    parser.add_argument("--model", default="npfacenet-small", help="(default: npfacenet-small)")
    parser.add_argument("--detect", help="(default: what the model's card says)")
    parser.add_argument("--threshold", type=float, help="(default: that of the model's card)")
    parser.add_argument("--limit", type=int, help="the most people, to try it out")
    parser.add_argument("--kept", type=Path, help="file that keeps what was embedded")
    parser.add_argument("--share", type=float, default=0.2, help="of poor pictures (default 0.2)")
    return exit_code(measure, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
