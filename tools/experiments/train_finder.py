"""Train npfacenet's face detector, `npfacenet-finder`, with npfacenet.

    .venv/bin/python tools/experiments/train_finder.py answers    once: what two teachers see
    .venv/bin/python tools/experiments/train_finder.py pictures   the pictures to learn from
    .venv/bin/python tools/experiments/train_finder.py train      the run, or the rest of it
    .venv/bin/python tools/experiments/train_finder.py mine       false faces of the run so far
    .venv/bin/python tools/experiments/train_finder.py finish     write the weights that ship

SHARED (--shared, ../shared unless given) holds lfw/ (only people of train_people.txt are learnt
from, and none of the reference pictures), faces.zip, backgrounds.zip (every fifth of which is kept
for measuring) and weights/ with the teachers, MTCNN and YuNet. All results and the log go to
runs/finder (--run); an interrupted command continues when it is given again. `train` may run while
`pictures` is still at work: it waits for what it needs.

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
import training_commands
from environment import exit_code

COMMANDS = {
    "answers": "Ask the teachers about every picture to learn from.",
    "pictures": "Make the training pictures.",
    "train": "Train, or continue the run.",
    "mine": "Make training pictures of a run's false faces, and drawn photographs.",
    "finish": "Write the averaged weights of a run as the package carries them.",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the commands and their options."""
    top, commands = training_commands.parsers(__doc__, COMMANDS, "runs/finder")
    for name in ("train", "mine", "finish"):
        commands[name].add_argument("--name", default="finder", help="of the run")
    commands["pictures"].add_argument("--files", type=int, help="of 512 pictures each")
    commands["mine"].add_argument("--hard-folder", default="hard", help="where they are kept")
    commands["mine"].add_argument("--files", type=int, default=2, help="of 512 false faces each")
    commands["mine"].add_argument("--drawn", type=int, default=2, help="of 512 drawn photographs")
    for field, kind in (
        ("steps", int), ("pictures", int), ("hard", int), ("files", int), ("hard-files", int),
        ("first", int), ("grow", int), ("learning-rate", float), ("landmarks", float),
        ("hard-folder", str),
        ("begin-from", str),
    ):  # fmt: skip
        commands["train"].add_argument(f"--{field}", type=kind)
    target = training_commands.WEIGHTS / "npfacenet-finder.h5"
    commands["finish"].add_argument("--output", type=Path, default=target, metavar="FILE.h5")
    return top


def run(arguments: argparse.Namespace) -> int:
    """Run one of the commands; return the exit code."""
    return training_commands.run("finder_commands", arguments)


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and run one of the commands; return the exit code."""
    return exit_code(run, parser().parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
