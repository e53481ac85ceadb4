"""For testers: strategies that draw what npfacenet works on, and laws for parts of one's own.

Needs Hypothesis (`pip install npfacenet[test]`) for the strategies; the laws need NumPy only.

>>> from hypothesis import given, strategies as st
>>> from npfacenet.layers import Layer
>>> from npfacenet.testing import assert_layer_laws, placed_layers
>>> @given(placed_layers())
... def test_every_layer(placed):
...     assert_layer_laws(placed.layer, *placed.inputs)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npfacenet.testing.embedding_strategies import (
        clusters,
        embeddings,
        labelled_pairs,
        triplets,
        unit_vectors,
    )
    from npfacenet.testing.gradient_checks import GradientReport, check_gradients
    from npfacenet.testing.image_strategies import encoded_pictures, pictures, pil_images
    from npfacenet.testing.laws import assert_layer_laws
    from npfacenet.testing.layer_strategies import layers, networks, placed_layers, samples
    from npfacenet.testing.weight_files import broken_weight_files
    from npfacenet.testing.whole_laws import assert_metric_laws, assert_recipe_laws

_HOMES = {
    "embedding_strategies": (
        "clusters", "embeddings", "labelled_pairs", "triplets", "unit_vectors",
    ),
    "gradient_checks": ("GradientReport", "check_gradients"),
    "image_strategies": ("encoded_pictures", "pictures", "pil_images"),
    "laws": ("assert_layer_laws",),
    "whole_laws": ("assert_metric_laws", "assert_recipe_laws"),
    "layer_strategies": ("layers", "networks", "placed_layers", "samples"),
    "weight_files": ("broken_weight_files",),
}  # fmt: skip

__all__ = [
    "GradientReport",
    "assert_layer_laws",
    "assert_metric_laws",
    "assert_recipe_laws",
    "broken_weight_files",
    "check_gradients",
    "clusters",
    "embeddings",
    "encoded_pictures",
    "labelled_pairs",
    "layers",
    "networks",
    "pictures",
    "pil_images",
    "placed_layers",
    "samples",
    "triplets",
    "unit_vectors",
]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"npfacenet.testing.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
