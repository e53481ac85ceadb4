"""Measure accuracy on LFW by model, detector, alignment, and choice among several faces.

    .venv/bin/python tools/experiments/alignment.py ../shared --kept FOLDER

Prints a row for each combination: accuracy on folds 1 to 4 of uncropped pictures, each fold decided
by the threshold that is best on the others (for npfacenet-small folds 3 and 4 only, as it was
trained on people of the others); the area under the ROC curve; the pairs that failed because no
face was found, which count as errors; and the threshold for a false match rate of 0.01, with the
numbers of false matches and of false non-matches. With 2,400 pairs, differences in accuracy below
0.005 are noise, unless they are counted pair by pair: `--against DETECTOR:ALIGNMENT` adds a line
with the difference from the row of that detector and alignment, its 95 % interval, and the numbers
of pairs in which only one of both is right.

    .venv/bin/python tools/experiments/alignment.py ../shared --kept FOLDER --models openface \
        --detectors finder --alignments openface-similarity --against mtcnn:openface-affine

`--kept` names the folder that keeps the faces of each detector, which are found once, and the
distances of each row, so that another run takes up where this one ended. Detectors are "finder",
"mtcnn", "yunet", the paths of their weights, and these with "+mirror", which averages the landmarks
of a picture and its mirror image.
Alignments are those of `npfacenet.recipes.alignment`, "margin-N" for N of 160 pixels, and
templates that are enlarged and moved: "openface-similarity*1.1-0.02", "npfacenet*0.9". One row
takes a minute for nn4.small2 and four for inception-resnet-v1 on one core, finding the faces five
(MTCNN).

Needs npfacenet: run it with .venv/bin/python, which `python3 tools/test.py --install-only` makes.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout
sys.path.append(str(Path(__file__).resolve().parents[1]))
from environment import FAILED, IN_THE_ENVIRONMENT, exit_code, require

PACKAGES = ("numpy", "h5py", "PIL", "npfacenet")
MODELS = ("openface", "course", "npfacenet-small", "inception-resnet-v1")
ALIGNMENTS = ("openface-similarity", "openface-affine", "margin-0", "margin-32")


def measure(arguments: argparse.Namespace) -> int:
    """Print the table; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    from alignment_rates import Row, report

    from npfacenet.errors import NpfacenetError

    rows = itertools.product(
        arguments.models, arguments.detectors, arguments.alignments, arguments.choose
    )
    try:
        arguments.kept.mkdir(parents=True, exist_ok=True)
        chosen = [Row(*row) for row in rows]
        report(arguments.folder, arguments.kept, chosen, arguments.against)
    except (NpfacenetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and measure; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="holds weights and lfw")
    parser.add_argument("--kept", type=Path, required=True, help="folder for faces and distances")
    for name, default in (
        ("models", MODELS),
        ("detectors", ("finder", "mtcnn", "yunet")),
        ("alignments", ALIGNMENTS),
        ("choose", ("central",)),
    ):
        parser.add_argument(
            f"--{name}", nargs="+", default=default, help=f"(default: {' '.join(default)})"
        )
    parser.add_argument(
        "--against", metavar="DETECTOR:ALIGNMENT", help="compare each row with these, pair by pair"
    )
    return exit_code(measure, parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
