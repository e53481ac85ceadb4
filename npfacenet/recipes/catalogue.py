"""Which networks there are: the library's own, and those that a program registers."""

from __future__ import annotations

from collections.abc import Mapping

from npfacenet.arguments import LONGEST_NAME, is_printable_name, is_whole
from npfacenet.errors import ArgumentError, listed, quoted
from npfacenet.networks import Network
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.finder import NPFACENET_FINDER
from npfacenet.recipes.inception_resnet_v1 import INCEPTION_RESNET_V1
from npfacenet.recipes.mtcnn import MTCNN
from npfacenet.recipes.nn4_small2 import NN4_SMALL2
from npfacenet.recipes.npfacenet_small import NPFACENET_SMALL
from npfacenet.recipes.preparation import Preparation
from npfacenet.recipes.recipe import PURPOSES, Recipe, Threshold, is_distance, outputs_of
from npfacenet.recipes.yunet import YUNET
from npfacenet.threads import Lock, without_forks

RECIPES: tuple[Recipe, ...] = (
    *NN4_SMALL2,
    *INCEPTION_RESNET_V1,
    *NPFACENET_SMALL,
    NPFACENET_FINDER,
    *MTCNN,
    YUNET,
)
"""The library's own recipes; of one architecture the default choice comes first."""


_registered: tuple[Recipe, ...] = ()  # replaced as a whole: a reader sees all of it or none
_registering = Lock()


def all_recipes() -> tuple[Recipe, ...]:
    """Return every recipe: the library's own, then the registered ones in their order."""
    return RECIPES + _registered


def find_recipe(architecture: str, variant: str | None, outputs: int) -> Recipe | None:
    """Return the recipe with exactly these choices, or None if the catalogue has none."""
    wanted = (architecture, variant, outputs)
    return next((recipe for recipe in all_recipes() if recipe.key == wanted), None)


def register(recipe: Recipe) -> None:
    """Add a network of your own to the catalogue, for the life of this process.

    From then on its weight files are recognised (`npfacenet.load`, `npfacenet weights info`) and
    `recipes` lists it. Threads may register at the same time; a forked child has what its parent
    had, and any other child process registers its own. The network is built once, to see that it
    has the outputs that are stated. Raises ArgumentError for anything but a Recipe with sensible
    fields, and for one whose name is taken: an architecture of the library's own, or the
    architecture, variant and number of outputs of a registered recipe.

    >>> from npfacenet.layers import Dense, GlobalAveragePool, L2Normalize
    >>> from npfacenet.networks import Builder
    >>> from npfacenet.recipes import recipes
    >>> def colours():
    ...     build = Builder("colours", input_shape=(8, 8, 3))
    ...     x = build.add("average", GlobalAveragePool(), build.input)
    ...     x = build.add("dense", Dense(4), x)
    ...     build.add("embedding", L2Normalize(), x)
    ...     return build.network()
    >>> mine = Recipe("colours", None, 4, colours, preprocessing="fixed")
    >>> register(mine)
    >>> recipes("colours") == (mine,)
    True
    >>> unregister(mine)
    """
    global _registered
    if not isinstance(recipe, Recipe):
        raise ArgumentError(f"register takes a Recipe, not {quoted(recipe)}")
    if fault := _fault(recipe):
        raise ArgumentError(f"a recipe cannot be registered with {fault}")
    with _registering.held():
        if any(recipe.architecture == own.architecture for own in RECIPES):
            raise ArgumentError(
                f"{quoted(recipe.architecture)} is the name of one of npfacenet's own networks; "
                "choose another"
            )
        if any(recipe.key == other.key for other in _registered):
            raise ArgumentError(
                f"{recipe} is registered already; choose another name, or unregister it first"
            )
        _registered = (*_registered, recipe)


def unregister(recipe: Recipe) -> None:
    """Take a registered recipe out of the catalogue; models that were loaded keep working.

    Raises ArgumentError if it is not registered.
    """
    global _registered
    with _registering.held():
        if recipe not in _registered:
            raise ArgumentError(f"{quoted(str(recipe))} is not registered")
        _registered = tuple(other for other in _registered if other != recipe)


def _fault(recipe: Recipe) -> str | None:
    """Say what is wrong with a recipe: "the FIELD VALUE: what is needed"; None if nothing is."""
    named = {"architecture": recipe.architecture, "variant": recipe.variant}
    for name, value in named.items():
        if not is_printable_name(value) and not (name == "variant" and value is None):
            return f"the {name} {quoted(value)}: a name has 1 to {LONGEST_NAME} printable letters"
    if not is_whole(recipe.outputs, low=1):
        return f"the outputs {quoted(recipe.outputs)}: a whole number of at least 1 is needed"
    if recipe.purpose not in PURPOSES:
        return f"the purpose {quoted(recipe.purpose)}: there are {', '.join(PURPOSES)}"
    return _fault_of_tables(recipe) or _fault_of_network(recipe)


def _fault_of_tables(recipe: Recipe) -> str | None:
    with without_forks():
        from npfacenet.images.preprocessing import PREPROCESSINGS  # only registering needs it

    scalings = tuple(PREPROCESSINGS)
    if recipe.preprocessing not in scalings:
        return f"the preprocessing {quoted(recipe.preprocessing)}: there are {', '.join(scalings)}"
    preparation: object = recipe.preparation
    if not isinstance(preparation, Preparation):
        return f"the preparation {quoted(preparation)}: a Preparation is needed"
    for name in ("thresholds", "other_names", "alignments"):
        value: object = getattr(recipe, name)
        if not isinstance(value, Mapping):
            return f"the {name} {quoted(value)}: a mapping is needed"
    for measured_with, threshold in recipe.thresholds.items():
        told = f"the thresholds {quoted({measured_with: threshold})}"
        if not (_is_setting(measured_with, scalings) and isinstance(threshold, Threshold)):
            return f"{told}: a Threshold by preprocessing and Preparation"
        if not (is_distance(threshold.value, threshold.metric) and _is_said(threshold)):
            return f"{told}: a distance in its metric"
    for detector, alignment in recipe.alignments.items():
        if not is_printable_name(detector) or alignment not in ALIGNMENTS:
            return (
                f"the alignments {quoted({detector: alignment})}: one of {', '.join(ALIGNMENTS)} "
                "by the name of a detector"
            )
    for ours, theirs in recipe.other_names.items():
        if not all(map(_is_text, (ours, theirs))):
            return f"the other_names {quoted({ours: theirs})}: a text by the name of a layer"
    known_as: object = recipe.known_as
    if not (isinstance(known_as, tuple) and all(map(is_printable_name, known_as))):
        return f"the known_as {quoted(known_as)}: a tuple of names is needed"
    return None


def _fault_of_network(recipe: Recipe) -> str | None:
    build: object = recipe.build
    if not callable(build):
        return f"the build {quoted(build)}: a function that returns a Network is needed"
    network = build()
    if not isinstance(network, Network):
        return f"the build {quoted(build)}: it returns {quoted(network)}, not a Network"
    given = [*network.output_shapes.values()]
    if recipe.purpose == "embedding" and given != [(recipe.outputs,)]:
        return f"the outputs {recipe.outputs}: its network gives {listed([*map(str, given)])}"
    if recipe.outputs != outputs_of(network):
        return f"the outputs {recipe.outputs}: its network has {outputs_of(network)}"
    if strange := recipe.other_names.keys() - {node.name for node in network.nodes}:
        return f"the other_names of {quoted(min(strange))}: its network has no such layer"
    return None


def _is_setting(value: object, scalings: tuple[str, ...]) -> bool:
    """Whether it is the name of a preprocessing with a preparation."""
    match value:
        case (str() as scaling, Preparation()):
            return scaling in scalings
    return False


def _is_said(threshold: Threshold) -> bool:
    return all(_is_text(text) for text in (threshold.evidence, threshold.metric))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()
