"""Which network a file holds, and the account of every tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from npfacenet.layers import Shape
from npfacenet.networks import Network, ParameterName
from npfacenet.recipes import Recipe

# Layers that real files call otherwise than the recipes do.
ALSO_CALLED = {"dense_layer": "dense"}


@dataclass(frozen=True)
class Match:
    """How the tensors of a file and the parameters of a network correspond.

    `pairs` maps the network's names to the file's; the other fields list what does not
    fit, each with its shapes.
    """

    recipe: Recipe
    network: Network
    pairs: Mapping[ParameterName, ParameterName] = field(repr=False)
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mis_shaped: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every tensor has its parameter and every parameter its tensor."""
        return not (self.missing or self.unexpected or self.mis_shaped)


def match(shapes: Mapping[ParameterName, Shape], recipes: Iterable[Recipe]) -> Match:
    """Hold a file's tensors against several recipes; the one that fits best.

    The earlier recipe wins where two fit as well, so that the default variant does.
    """
    matches = [_match(shapes, recipe) for recipe in recipes]
    return max(matches, key=lambda m: (len(m.pairs), -len(m.missing), -len(m.unexpected)))


def _match(shapes: Mapping[ParameterName, Shape], recipe: Recipe) -> Match:
    network = recipe.build()
    pairs: dict[ParameterName, ParameterName] = {}
    missing, mis_shaped = [], []
    left = dict(shapes)
    for name, spec in network.parameter_specs().items():
        found = name if name in shapes else (ALSO_CALLED.get(name[0], name[0]), name[1])
        if found not in left:
            missing.append(f"{'/'.join(name)} {spec.shape}")
            continue
        shape = left.pop(found)
        if shape == spec.shape:
            pairs[name] = found
        else:
            mis_shaped.append(f"{'/'.join(name)} is {shape}, not {spec.shape}")
    unexpected = [f"{'/'.join(name)} {shape}" for name, shape in left.items()]
    return Match(recipe, network, pairs, tuple(missing), tuple(unexpected), tuple(mis_shaped))
