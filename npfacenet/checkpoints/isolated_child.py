"""What runs in the child process of `isolation.py`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from npfacenet.errors import NpfacenetError


def main() -> None:
    """Read the request from standard input, the weight file, and answer on standard output."""
    path, numbers, chosen, memory, seconds = json.loads(sys.stdin.buffer.read())
    limit(memory, seconds)
    try:
        answer = read(Path(path), None if numbers is None else Path(numbers), chosen)
    except NpfacenetError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"{path} needs more than {memory:,} bytes of memory to read"}
    sys.stdout.write(json.dumps(answer))


def limit(memory: int, seconds: float) -> None:
    """Take away what reading a file does not need, where the system can."""
    with suppress(ImportError):  # Windows has no such limits; the parent's clock remains
        import resource

        for kind, most in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, int(seconds) + 1),
            (resource.RLIMIT_FSIZE, memory),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):  # macOS refuses some of them
                resource.setrlimit(kind, (most, most))


def read(path: Path, numbers: Path | None, chosen: list[list[object]]) -> dict[str, object]:
    """Read the file; write its numbers in the recipe's order, and say which recipe it is."""
    from npfacenet.checkpoints.reading import read_checkpoint
    from npfacenet.recipes import RECIPES

    recipes = [r for r in RECIPES if [r.architecture, r.variant, r.outputs] in chosen]
    recipes.sort(key=lambda r: chosen.index([r.architecture, r.variant, r.outputs]))
    checkpoint = read_checkpoint(path, recipes)
    card = None if checkpoint.card is None else asdict(checkpoint.card)
    answer = {"recipe": recipes.index(checkpoint.recipe), "layout": checkpoint.layout, "card": card}
    if numbers is not None:
        try:
            with numbers.open("wb") as file:
                for name in checkpoint.network.parameter_specs():
                    file.write(checkpoint.parameters[name].data)
        except OSError as error:
            return {"place": error.strerror or str(error)}
    return answer
