"""Compare detectors with reference detections, and count their false and missed faces.

    .venv/bin/python tools/experiments/detection.py ../shared

For each detector: how many faces differ from those of facenet-pytorch (MTCNN, faces of 20 pixels
and more) or OpenCV (YuNet, pictures at their own size), and by how much at most; false faces per
100 pictures without any, at the default settings; in how many LFW pictures the face in the middle
is found, and in how many crops of UTKFace any; and how many of all these have a score from which on
`Model.embed` uses them (`Detector.sure_score`). Takes about six minutes on one core.

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
    """Print all numbers; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from detection_rates import report

    from npfacenet.errors import NpfacenetError

    try:
        report(arguments.folder, arguments.lfw)
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
    parser.add_argument("--lfw", type=int, default=1000, help="LFW pictures (default 1000)")
    return exit_code(measure, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
