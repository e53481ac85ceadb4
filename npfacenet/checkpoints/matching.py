"""Finding out which network a file holds, and accounting for every tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from npfacenet.checkpoints.layout import Layout, Tensor, shown
from npfacenet.errors import ArgumentError
from npfacenet.networks import Network, Outputs, ParameterName
from npfacenet.recipes import Recipe


@dataclass(frozen=True)
class Match:
    """How the tensors of a file and the parameters of a network correspond.

    `fitting` holds the tensors of the right shape by the network's names; the other fields
    list what does not fit, each with its shapes.
    """

    recipe: Recipe
    network: Network[Outputs] = field(repr=False)
    fitting: Mapping[ParameterName, Tensor] = field(repr=False)
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mis_shaped: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every tensor has its parameter and every parameter its tensor."""
        return not (self.missing or self.unexpected or self.mis_shaped)

    @property
    def likeness(self) -> tuple[int, int, int]:
        """How well it fits: the larger, the better."""
        return len(self.fitting), -len(self.missing), -len(self.unexpected)


def match(file: Layout, recipes: Iterable[Recipe]) -> Match:
    """Compare a file's tensors with several recipes, and return the match with the best of them.

    Of two that fit equally well the earlier wins, and so the default variant does. Raises
    ArgumentError if there is no recipe.
    """
    best: Match | None = None
    for recipe in recipes:
        found = _match(file, recipe)
        if found.complete:
            return found
        if best is None or found.likeness > best.likeness:
            best = found
    if best is None:
        raise ArgumentError("there is no recipe to compare the file with")
    return best


def _match(file: Layout, recipe: Recipe) -> Match:
    network = recipe.build()
    left = dict(file.tensors(network, recipe.other_names))
    fitting: dict[ParameterName, Tensor] = {}
    missing, mis_shaped = [], []
    for name, spec in network.parameter_specs().items():
        layer, parameter = name
        # If a file has both names, the other one is left over, and so unexpected.
        found = name if name in left else (recipe.other_names.get(layer, layer), parameter)
        tensor = left.pop(found, None)
        if tensor is None:
            missing.append(f"{'/'.join(name)} {spec.shape}")
        elif tensor.shape != spec.shape:
            mis_shaped.append(f"{'/'.join(name)} is {tensor.shape}, not {spec.shape}")
        else:
            fitting[name] = tensor
    unexpected = [f"{shown(name)} {tensor.shape}" for name, tensor in left.items()]
    return Match(recipe, network, fitting, tuple(missing), tuple(unexpected), tuple(mis_shaped))
