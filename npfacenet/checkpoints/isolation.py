"""Reading a weight file in a child process, for files from strangers.

HDF5's C library has crashed on crafted files before. What goes wrong in the child, a crash
included, becomes an error here; what comes out of it is numbers in the order of the recipe
and a line of JSON, and both are checked again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from npfacenet.checkpoints.card import Card, card_from_json
from npfacenet.checkpoints.reading import Checkpoint
from npfacenet.errors import WeightsError
from npfacenet.networks.row import split
from npfacenet.recipes import RECIPES, Recipe

SECONDS = 20
MEMORY = 2 << 30  # bytes of address space; Inception-ResNet-v1 needs 0.1 GiB of it


class ChildError(WeightsError):
    """The child process did not survive a file, or was ended."""


def require_harmless(path: Path) -> None:
    """Raise ChildError if a child process does not survive reading the file.

    What else is wrong with it is not told: whoever reads it next will find out.
    """
    try:
        read_isolated(path)
    except ChildError:
        raise
    except WeightsError:
        return


def read_isolated(
    path: Path,
    recipes: Sequence[Recipe] = RECIPES,
    *,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Checkpoint:
    """Read a weight file as `read_checkpoint` does, in a child process with limits.

    `seconds` of time and `memory` bytes are what the child may take (memory is limited where
    the system can). Raises WeightsError as `read_checkpoint` does, and for a file that
    crashes the child or takes it beyond a limit.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="npfacenet-")
    except OSError as fault:
        raise WeightsError(f"no temporary folder could be made to read {path}: {fault}") from fault
    with temporary as folder:
        numbers = Path(folder) / "numbers"
        answer = _ask_child(path.absolute(), numbers, recipes, seconds, memory)
        match answer:
            case {"error": str(error)}:
                raise WeightsError(error)
            case {"recipe": int(chosen), "layout": str(layout), "card": card} if (
                0 <= chosen < len(recipes)
            ):
                recipe = recipes[chosen]
            case _:
                raise WeightsError(f"{path}: the child process gave no sensible answer")
        return _checkpoint(path, recipe, layout, _card(card, path), numbers)


def _ask_child(
    path: Path, numbers: Path, recipes: Sequence[Recipe], seconds: float, memory: int
) -> object:
    chosen = [[r.architecture, r.variant, r.outputs] for r in recipes]
    request = json.dumps([str(path), str(numbers), chosen, memory, seconds])
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    package = str(Path(__file__).resolve().parents[2])
    code = (
        f"import sys; sys.path.insert(0, {package!r}); "
        "from npfacenet.checkpoints.isolated_child import main; main()"
    )
    try:
        child = subprocess.run(  # noqa: S603 (our own interpreter and code)
            [sys.executable, "-c", code],
            input=request.encode(),
            capture_output=True,
            timeout=seconds,
            env=environment,
            cwd=numbers.parent,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildError(
            f"{path} took longer than {seconds:g} s to read; it is damaged or made to harm"
        ) from error
    except OSError as error:
        raise WeightsError(f"no child process could be started to read {path}: {error}") from error
    if child.returncode:
        raise ChildError(
            f"{path} broke the process that read it (exit code {child.returncode}: a crash of "
            "HDF5, or a limit reached); it is damaged or made to harm"
        )
    try:
        answer: object = json.loads(child.stdout)
    except ValueError:
        return None
    return answer


def _card(value: object, path: Path) -> Card | None:
    return None if value is None else card_from_json(value, str(path))


def _checkpoint(
    path: Path, recipe: Recipe, layout: str, card: Card | None, numbers: Path
) -> Checkpoint:
    """Put the child's numbers in their places, and check them as if they came from anyone."""
    network = recipe.build()
    specs = network.parameter_specs()
    content = np.fromfile(numbers, np.float32)
    if content.size != sum(spec.size for spec in specs.values()):
        raise WeightsError(f"{path}: the child process gave {content.size:,} numbers")
    if not np.isfinite(content).all():
        raise WeightsError(f"{path}: the child process gave numbers that are not finite")
    content.flags.writeable = False
    parameters = split(content, {name: spec.shape for name, spec in specs.items()})
    return Checkpoint(path, layout, recipe, network, parameters, card, None)
