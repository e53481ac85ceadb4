"""Reading a weight file in a child process, for files from strangers.

HDF5's C library has crashed on crafted files before. Whatever goes wrong in the child, a crash
included, becomes an error here. The child returns numbers in the order of the recipe and a line
of JSON, and both are checked again.

The child knows the library's own recipes; those that this process registered are sent to it,
pickled.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from npfacenet.cards import Card, card_from_json
from npfacenet.checkpoints.reading import Checkpoint, faults_of
from npfacenet.checkpoints.self_description import card_of, described_network, require_own_card
from npfacenet.errors import ArgumentError, WeightsError, listed, shortened
from npfacenet.networks.flat_parameters import split
from npfacenet.recipes import RECIPES, Recipe
from npfacenet.recipes.catalogue import all_recipes

SECONDS = 20
MEMORY = 2 << 30  # bytes of address space; Inception-ResNet-v1 needs 0.1 GiB of it


CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP")
TOO_LONG = ("SIGXCPU",)


class ChildError(WeightsError):
    """The child process did not survive a file, was ended, or could not do its work."""


def require_harmless(path: Path) -> None:
    """Raise ChildError unless a child process reads the file and survives.

    Other faults of the file are not reported: the next reading finds them.
    """
    with _workspace(path) as folder:
        _ask_child(path.absolute(), folder, None, None, SECONDS, MEMORY)


def read_isolated(
    path: Path,
    recipes: Sequence[Recipe] | None = None,
    *,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Checkpoint:
    """Read a weight file as `read_checkpoint` does, in a child process with limits.

    The child may take `seconds` of time and `memory` bytes (memory is limited where the system
    can). Raises errors as `read_checkpoint` does, ArgumentError for a registered recipe that
    cannot be sent to the child, and ChildError for a file that crashes the child or takes it
    beyond a limit, and if the child cannot work: the folder for temporary files must have room
    for the numbers.
    """
    known = all_recipes() if recipes is None else recipes
    with _workspace(path) as folder:
        numbers = folder / "numbers"
        match _ask_child(path.absolute(), folder, numbers, recipes, seconds, memory):
            case {"error": str(error)}:
                raise WeightsError(error)
            case {"place": str(reason)}:
                raise ChildError(
                    f"there is no room in {folder.parent} for the numbers of {path}: {reason}; "
                    "make room there, or set TMPDIR to another folder"
                )
            case {"recipe": int(chosen), "layout": str(layout), "card": card} if (
                0 <= chosen < len(known)
            ):
                recipe, own = known[chosen], _card(card, path)
            case {"recipe": dict(graph), "layout": str(layout), "card": dict(card)} if (
                recipes is None
            ):
                own = card_from_json(card, str(path))
                recipe = own.recipe_of(described_network(path, graph))
            case _:
                raise ChildError(f"{path}: the child process gave no sensible answer")
        return _checkpoint(path, recipe, layout, own, numbers)


@contextmanager
def _workspace(path: Path) -> Iterator[Path]:
    """Make a folder for the child to work in, and remove it with its content."""
    try:
        temporary = tempfile.TemporaryDirectory(prefix="npfacenet-", ignore_cleanup_errors=True)
    except OSError as fault:
        raise ChildError(
            f"no temporary folder could be made to read {path}: {fault}; set TMPDIR to one"
        ) from fault
    with temporary as folder:
        yield Path(folder)


def _ask_child(
    path: Path,
    folder: Path,
    numbers: Path | None,
    recipes: Sequence[Recipe] | None,
    seconds: float,
    memory: int,
) -> object:
    """Have a child read the file, and return its answer; None for what is not JSON.

    Without `recipes` it may be of the catalogue, or describe its network itself.
    """
    into = None if numbers is None else str(numbers)
    described = recipes is None
    chosen = [_sendable(one) for one in (all_recipes() if recipes is None else recipes)]
    modules = [os.path.abspath(entry) for entry in sys.path]
    request = json.dumps([str(path), into, chosen, described, modules, memory, seconds])
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
            cwd=folder,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_long(path, seconds) from error
    except OSError as error:
        raise ChildError(f"no child process could be started to read {path}: {error}") from error
    if child.returncode:
        raise _ended(path, child.returncode, child.stderr, seconds)
    try:
        answer: object = json.loads(child.stdout)
    except ValueError:
        return None
    match answer:
        case {"recipes": str(reason)}:  # the child read nothing
            raise _unsendable(reason)
    return answer


def _sendable(recipe: Recipe) -> int | str:
    """Return one of the library's own recipes as its place in `RECIPES`, any other pickled."""
    for place, own in enumerate(RECIPES):
        if own is recipe:
            return place
    try:
        sent = pickle.dumps((recipe.key, recipe.purpose, recipe.build(), dict(recipe.other_names)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise _unsendable(str(error)) from error
    return b64encode(sent).decode("ascii")


def _unsendable(reason: str) -> ArgumentError:
    return ArgumentError(
        f"a registered recipe cannot be sent to the child process that reads the file: {reason}; "
        "define its layers in a module that can be imported, or load without untrusted"
    )


def _too_long(path: Path, seconds: float) -> ChildError:
    return ChildError(
        f"{path} took longer than {seconds:g} s to read; it is damaged or made to harm"
    )


def _ended(path: Path, code: int, said: bytes, seconds: float) -> ChildError:
    """Say why a child process ended: because of the file, or of this machine."""
    name = signal.Signals(-code).name if -code in set(signal.Signals) else ""
    if name in TOO_LONG:
        return _too_long(path, seconds)
    if name in CRASHES or (os.name == "nt" and code > 1):
        return ChildError(
            f"{path} broke the process that read it (exit code {code}, {name or 'a crash'} in "
            "HDF5's code); it is damaged or made to harm"
        )
    if code < 0:
        return ChildError(
            f"the process that read {path} was ended by {name or f'signal {-code}'}: the machine "
            "may be short of memory; try again"
        )
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return ChildError(
        f"the process that should read {path} failed (exit code {code}: {shortened(last)}); that "
        "says nothing of the file: look at the memory and the disk of this machine"
    )


def _card(value: object, path: Path) -> Card | None:
    return None if value is None else card_from_json(value, str(path))


def _checkpoint(
    path: Path, recipe: Recipe, layout: str, card: Card | None, numbers: Path
) -> Checkpoint:
    """Split the child's numbers into tensors, and check them like those of any stranger."""
    network = recipe.build()
    specs = network.parameter_specs()
    try:
        content = np.fromfile(numbers, np.float32)
    except OSError as error:
        raise ChildError(f"{path}: the child's numbers cannot be read: {error}") from error
    if content.size != sum(spec.size for spec in specs.values()):
        raise WeightsError(f"{path}: the child process gave {content.size:,} numbers")
    content.flags.writeable = False
    parameters = split(content, {name: spec.shape for name, spec in specs.items()})
    not_finite, untrained = faults_of(parameters)
    if faulty := [*not_finite, *untrained]:
        raise WeightsError(f"{path}: the child process gave numbers of no use: {listed(faulty)}")
    require_own_card(path, card, recipe, network)
    return Checkpoint(
        path=path,
        layout=layout,
        recipe=recipe,
        network=network,
        parameters=parameters,
        card=card_of(path, card, recipe, network),
        own_card=card is not None,
        checksums=None,
    )
