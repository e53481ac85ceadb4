"""For testers: strategies that draw what npfacenet works on, and laws of layers and losses.

Needs Hypothesis (`pip install npfacenet[test]`) for the strategies; the laws need NumPy only.

A layer's laws, its gradients among them, and a loss's, are five lines each:

>>> import numpy as np
>>> from npfacenet.layers import ReLU
>>> from npfacenet.losses import CrossEntropy, OnlineTripletLoss
>>> from npfacenet.testing import assert_layer_laws, assert_loss_laws, check_gradients
>>> def test_my_layer():
...     assert_layer_laws(ReLU(), (5, 6, 3))  # on inputs of this shape, the batch left out
...     assert check_gradients(ReLU(), np.array([[1.0, -2.0]]), elementwise=True).ok
>>> def test_my_loss():
...     logits = np.array([[0.5, -1.0], [2.0, 0.0]])
...     assert_loss_laws(CrossEntropy(), logits, np.array([0, 1]))
>>> test_my_layer(), test_my_loss()
(None, None)

On drawn layers and losses, networks, pictures, embeddings, pairs, triplets and weight files:

>>> from hypothesis import given
>>> from npfacenet.testing import batches, placed_layers
>>> @given(placed_layers())
... def test_every_layer(placed):
...     assert_layer_laws(placed.layer, *placed.inputs)
>>> @given(batches())
... def test_my_triplet_loss(batch):
...     assert_loss_laws(OnlineTripletLoss(), batch.values, batch.labels)
>>> test_my_triplet_loss()
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
    from npfacenet.testing.face_strategies import FacePair, face_pairs, faces
    from npfacenet.testing.gradient_checks import GradientReport, check_gradients
    from npfacenet.testing.image_strategies import encoded_pictures, pictures, pil_images
    from npfacenet.testing.laws import assert_layer_laws
    from npfacenet.testing.layer_strategies import (
        layers,
        networks,
        open_networks,
        placed_layers,
        samples,
    )
    from npfacenet.testing.loss_laws import assert_loss_laws
    from npfacenet.testing.loss_strategies import batches, loss_samples, losses
    from npfacenet.testing.scene_strategies import scenes
    from npfacenet.testing.weight_files import broken_weight_files
    from npfacenet.testing.whole_laws import assert_metric_laws, assert_recipe_laws

_HOMES = {
    "embedding_strategies": (
        "clusters", "embeddings", "labelled_pairs", "triplets", "unit_vectors",
    ),
    "face_strategies": ("FacePair", "face_pairs", "faces"),
    "gradient_checks": ("GradientReport", "check_gradients"),
    "image_strategies": ("encoded_pictures", "pictures", "pil_images"),
    "laws": ("assert_layer_laws",),
    "whole_laws": ("assert_metric_laws", "assert_recipe_laws"),
    "loss_laws": ("assert_loss_laws",),
    "loss_strategies": ("batches", "loss_samples", "losses"),
    "layer_strategies": ("layers", "networks", "open_networks", "placed_layers", "samples"),
    "scene_strategies": ("scenes",),
    "weight_files": ("broken_weight_files",),
}  # fmt: skip

__all__ = [
    "FacePair",
    "GradientReport",
    "assert_layer_laws",
    "assert_loss_laws",
    "assert_metric_laws",
    "assert_recipe_laws",
    "batches",
    "broken_weight_files",
    "check_gradients",
    "clusters",
    "embeddings",
    "encoded_pictures",
    "face_pairs",
    "faces",
    "labelled_pairs",
    "layers",
    "loss_samples",
    "losses",
    "networks",
    "open_networks",
    "pictures",
    "pil_images",
    "placed_layers",
    "samples",
    "scenes",
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


def __dir__() -> list[str]:
    return sorted(__all__)
