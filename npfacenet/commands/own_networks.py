"""Networks of one's own: MODULE:FUNCTION on the command line, imported and called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from types import ModuleType

from npfacenet.arguments import LONGEST_NAME, is_printable_name
from npfacenet.errors import ArgumentError, listed, quoted
from npfacenet.networks import Network
from npfacenet.networks.graph import graph_of
from npfacenet.recipes import RECIPES, Recipe

PREPROCESSING = "fixed"


def is_own(name: str) -> bool:
    """Whether this names a function in a module, and not a network of the catalogue.

    >>> is_own("my_module:my_network"), is_own("nn4.small2")
    (True, False)
    """
    return ":" in name


def own_recipe(name: str, folder: str) -> Recipe:
    """Import MODULE, call FUNCTION, and return the recipe of the network that it returns.

    `name` is "MODULE:FUNCTION"; modules in `folder` can be imported. The function takes no
    arguments and returns a Network, or a Recipe. The recipe of a Network has its name as the
    architecture, no variant, and the preprocessing "fixed".

    Raises ArgumentError if the module or the function does not exist, raises an exception, or
    returns something else; and for a network that a weight file cannot hold, because of a layer
    that is not registered or a name that is not its own.
    """
    module_name, _, function_name = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), function_name]):
        raise ArgumentError(
            f"a network of your own is named MODULE:FUNCTION, as in my_module:my_network, not "
            f"{quoted(name)}"
        )
    with _importing_from(folder):
        function = _function(_module(module_name, folder), function_name)
        made = _called(function, f"{name}()")
        if isinstance(made, Network):
            recipe = Recipe.of(made, outputs=_length(made), preprocessing=PREPROCESSING)
        elif isinstance(made, Recipe):
            recipe = made
        else:
            raise ArgumentError(f"{name}() returned {quoted(made)}, not a Network or a Recipe")
        network = _called(recipe.build, f"the recipe of {name}()")
    if not isinstance(network, Network):
        raise ArgumentError(f"the recipe of {name}() builds {quoted(network)}, not a Network")
    graph_of(network)  # refuses what a weight file cannot hold
    _require_own_name(recipe, network)
    return recipe


@contextmanager
def _importing_from(folder: str) -> Iterator[None]:
    """Let modules in a folder be imported, before those of the same name elsewhere."""
    sys.path.insert(0, folder)
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


def _module(name: str, folder: str) -> ModuleType:
    """Import a module; ArgumentError if there is none, or if it raises."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ArgumentError(
                f"there is no module {error.name!r}, neither installed nor in {quoted(folder)}"
            ) from error
        raise ArgumentError(f"{name} cannot be imported: {_said(error)}") from error
    except (Exception, SystemExit) as error:
        raise ArgumentError(f"{name} cannot be imported: {_said(error)}") from error


def _function(module: ModuleType, name: str) -> Callable[[], object]:
    """Return a module's function; ArgumentError if it has none of this name."""
    function: object = getattr(module, name, None)
    if not callable(function):
        own = [
            other
            for other, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        there = f"; it has {listed(own)}" if own else ""
        raise ArgumentError(f"{module.__name__} has no function {name!r}{there}")
    return function


def _called(function: Callable[[], object], name: str) -> object:
    """Call a function without arguments; ArgumentError, with what it raised, if it fails."""
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise ArgumentError(f"{name} raised {_said(error)}") from error


def _length(network: Network) -> int:
    """Return the last size of a network's only output, or 1 where `fresh_model` will refuse it."""
    *_, length = network.output_shapes[network.outputs[0]]
    return 1 if length is None else length


def _require_own_name(recipe: Recipe, network: Network) -> None:
    """Raise ArgumentError for a name that belongs to another network, or fits into no card."""
    name: object = recipe.architecture
    if not is_printable_name(name):
        raise ArgumentError(
            f"the name of a network has 1 to {LONGEST_NAME} printable letters, not {quoted(name)}"
        )
    same_name = [known for known in RECIPES if known.architecture == name]
    if same_name and all(known.build() != network for known in same_name):
        raise ArgumentError(
            f"{quoted(name)} is the name of one of npfacenet's own networks; choose another name "
            "for yours"
        )


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
