"""The program that the child process of `isolation.py` runs."""

from __future__ import annotations

import json
import pickle
import sys
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from npfacenet.errors import NpfacenetError

if TYPE_CHECKING:
    from npfacenet.recipes import Recipe


def main() -> None:
    """Read the request from standard input, the weight file, and answer on standard output."""
    request = json.loads(sys.stdin.buffer.read())
    path, numbers, chosen, described, modules, memory, seconds = request
    limit(memory, seconds)
    try:
        recipes = [recipe_of(sent, modules) for sent in chosen]
        into = None if numbers is None else Path(numbers)
        answer = read(Path(path), into, recipes, described=described)
    except UnpicklingError as error:
        answer = {"recipes": str(error)}
    except NpfacenetError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"{path} needs more than {memory:,} bytes of memory to read"}
    sys.stdout.write(json.dumps(answer))


def limit(memory: int, seconds: float) -> None:
    """Deny this process what reading a file does not need, where the system can."""
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


def recipe_of(sent: int | str, modules: list[str]) -> Recipe:
    """Return the recipe that the parent means: one of the library's own, or a pickled one.

    `modules` are the folders in which the parent finds modules. Raises UnpicklingError if the
    recipe cannot be made here.
    """
    from npfacenet.recipes import RECIPES, Recipe

    if isinstance(sent, int):
        return RECIPES[sent]
    sys.path += [folder for folder in modules if folder not in sys.path]
    try:
        # The parent's own content, not the file's.
        key, purpose, network, other_names = pickle.loads(b64decode(sent))  # noqa: S301
    except (AttributeError, ImportError) as error:
        raise UnpicklingError(str(error)) from error
    architecture, variant, outputs = key
    recipe = Recipe.of(
        network, architecture=architecture, variant=variant, outputs=outputs, purpose=purpose
    )
    return replace(recipe, other_names=other_names)


def read(
    path: Path, numbers: Path | None, recipes: Sequence[Recipe], *, described: bool
) -> dict[str, object]:
    """Read the file; write its numbers in the recipe's order, and return which recipe it is.

    The recipe is a place in `recipes`, or the graph of a network that the file describes.
    """
    from npfacenet.checkpoints.reading import read_checkpoint
    from npfacenet.networks.graph import graph_of

    checkpoint = read_checkpoint(path, recipes, described=described)
    place = next((i for i, one in enumerate(recipes) if one is checkpoint.recipe), None)
    answer: dict[str, object] = {
        "recipe": graph_of(checkpoint.network) if place is None else place,
        "layout": checkpoint.layout,
        "card": asdict(checkpoint.card) if checkpoint.own_card else None,
    }
    if numbers is not None:
        try:
            with numbers.open("wb") as file:
                for name in checkpoint.network.parameter_specs():
                    file.write(checkpoint.parameters[name].data)
        except OSError as error:
            return {"place": error.strerror or str(error)}
    return answer
