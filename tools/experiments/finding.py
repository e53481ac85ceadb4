"""Measure how well detectors find faces, beside the two that teach our own, in one table.

    .venv/bin/python tools/experiments/finding.py ../shared --detectors finder yunet mtcnn

Detectors are names or files of weights, so that `--detectors run/a.h5 run/b.h5 yunet` compares two
of one's own with a teacher. Each row gives counts and 95 % intervals (Wilson; the rule of three
where nothing was missed). The parts:

    reference    the 44 pictures of `reference/`: faces that both MTCNN and YuNet see there (boxes
                 that overlap by 0.4 or more; the truth is their mean), and faces that neither sees
    backgrounds  every fifth photograph of backgrounds.zip by sorted name (the 5th, 10th, ...: 50):
                 false faces, and the best scores, from below the detector's threshold as well
    lfw          the pictures of folds 3 and 4, or all of them: whether the central face that both
                 teachers see is found with an overlap of 0.6 or more; the mean distance of its
                 landmarks from the mean of theirs, and from each, in parts of the eyes' distance
    conditions   500 of these faces by size (the geometric mean of the sides of the box, in pixels),
                 turn, light, contrast, blur, noise, compression, and without colour; at 96 pixels
                 but for the sizes, and found with an overlap of 0.4 or more
    tone         3,000 of the first 13,000 crops of faces.zip, with a border, by the tone of the
                 cheeks, which depends on the light as well; as they are, and at 48 pixels

The truth is the mean of both teachers, which favours them: their landmarks are equally far from it,
and faces that one of them does not see are not counted. `--kept` names a folder that keeps what the
teachers saw; delete it when their code changes. All parts take about ten minutes for YuNet on an
idle core, and several times as long for MTCNN.

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
PARTS = ("reference", "backgrounds", "lfw", "conditions", "tone")


def measure(arguments: argparse.Namespace) -> int:
    """Print the table; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from finding_report import Plan, report

    from npfacenet.errors import NpfacenetError

    plan = Plan(
        arguments.folder, tuple(arguments.detectors), tuple(arguments.parts),
        every_picture=arguments.lfw == "all", most=arguments.limit, kept=arguments.kept,
        threads=arguments.threads,
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
    parser.add_argument(
        "folder",
        type=Path,
        help="holds weights, reference, pictures, lfw, backgrounds.zip and faces.zip",
    )
    parser.add_argument(
        "--detectors", nargs="+", default=["yunet", "mtcnn"], metavar="NAME_OR_PATH",
        help="names, or files of weights (default: yunet mtcnn)",
    )  # fmt: skip
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="(default: all)")
    parser.add_argument("--lfw", choices=("folds", "all"), default="folds", help="(default: folds)")
    parser.add_argument("--limit", type=int, help="the most pictures of a kind, to try it out")
    parser.add_argument("--kept", type=Path, help="folder that keeps what the teachers saw")
    parser.add_argument("--threads", type=int, default=1, help="(default 1)")
    return exit_code(measure, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
