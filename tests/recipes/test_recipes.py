"""The recipes: counts, names and every stage against independent implementations."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array
from npfacenet.models import Model
from npfacenet.networks import Network, summarise
from npfacenet.recipes import RECIPES, inception_resnet_v1, nn4_small2, npfacenet_small, recipes

# Where a reference names a stage after its convolution and means the activation.
STAGE_NODES = {
    "conv1": "relu1",
    "conv3": "relu3",
    "Conv2d_1a_3x3": "Conv2d_1a_3x3_Activation",
    "Conv2d_4b_3x3": "Conv2d_4b_3x3_Activation",
}


def assert_stages_equal(
    outputs: dict[str, Array], reference: dict[str, Array], embedding: float = 1e-5
) -> None:
    """Every stage within 1e-4 of its largest value, the embedding within 1e-5."""
    assert "embedding" in reference
    for stage, expected in reference.items():
        output = outputs[STAGE_NODES.get(stage, stage)][: len(expected)]
        tolerance = embedding if stage == "embedding" else 1e-4
        assert np.abs(output - expected).max() <= tolerance * np.abs(expected).max(), stage


def stages(reference: np.lib.npyio.NpzFile, prefix: str = "") -> dict[str, Array]:
    return {
        key.removeprefix(prefix): reference[key]
        for key in reference.files
        if key.startswith(prefix) and "input" not in key and "embedding_of" not in key
    }


def random_parameters(reference_folder: Path, network: Network) -> dict[tuple[str, str], Array]:
    sys.path.insert(0, str(reference_folder))
    try:
        import random_parameters  # type: ignore[import-not-found]  # lies in ../shared
    finally:
        sys.path.remove(str(reference_folder))
    specs = network.parameter_specs().items()
    drawn: dict[tuple[str, str], Array] = random_parameters.random_parameters(
        {name: spec.shape for name, spec in specs}
    )
    return drawn


@pytest.mark.parametrize("variant", ["course", "openface"])
def test_nn4_small2_with_random_parameters(variant: str, reference_folder: Path) -> None:
    reference = np.load(reference_folder / "nn4_small2_random.npz")
    network = nn4_small2(variant)
    images = reference["input_uint8"].astype(np.float32) / 255
    outputs = network.trace(random_parameters(reference_folder, network), images)
    assert_stages_equal(outputs, stages(reference, f"{variant}/"))


@pytest.mark.parametrize("variant", ["course", "openface"])
def test_nn4_small2_with_trained_parameters(
    variant: str, reference_folder: Path, nn4: Model
) -> None:
    reference = np.load(reference_folder / "nn4_small2_v1.npz")
    images = reference["input_uint8"].astype(np.float32) / 255
    outputs = nn4_small2(variant).trace(nn4.parameters, images)
    assert_stages_equal(outputs, stages(reference, f"{variant}/"))


def test_inception_resnet_v1(reference_folder: Path, inception_resnet: Model) -> None:
    reference = np.load(reference_folder / "inception_resnet_v1_128.npz")
    images = reference["input_prewhitened"]
    outputs = inception_resnet.network.trace(inception_resnet.parameters, images)
    assert_stages_equal(outputs, stages(reference))


def test_the_variants_of_nn4_small2_differ(rng: np.random.Generator) -> None:
    course, openface = nn4_small2("course"), nn4_small2("openface")
    assert course.parameter_specs() == openface.parameter_specs()
    parameters = course.initialise(0)
    images = rng.random((1, 96, 96, 3), np.float32)
    difference = course.forward(parameters, images) - openface.forward(parameters, images)
    assert np.abs(difference).max() > 1e-3


@pytest.mark.parametrize(
    ("network", "count", "tensors"),
    [
        (nn4_small2("course"), 3_743_280, 224),
        (nn4_small2("openface"), 3_743_280, 224),
        (inception_resnet_v1(128), 22_808_144, 490),
        (inception_resnet_v1(512), 22_808_144 + 384 * (1792 + 3), 490),
        (npfacenet_small(), 973_160, 60),
    ],
    ids=["course", "openface", "128", "512", "small"],
)
def test_how_many_numbers(network: Network, count: int, tensors: int) -> None:
    assert summarise(network).parameters == count
    assert len(network.parameter_specs()) == tensors


def test_our_own_network_is_as_small_as_it_is_meant_to_be() -> None:
    summary = summarise(npfacenet_small())
    assert 2 * summary.multiply_adds <= 120e6
    assert 0.5e6 <= summary.parameters <= 1.2e6


def test_parameters_bear_the_names_of_the_keras_file(inception_resnet_file: Path) -> None:
    with h5py.File(inception_resnet_file) as file:
        groups = file["model_weights"]
        named = {
            (layer, name.split("/")[-1].removesuffix(":0"))
            for layer in groups
            for name in groups[layer].attrs["weight_names"].astype(str)
        }
    assert named == set(inception_resnet_v1(128).parameter_specs())


EMBEDDING = [recipe for recipe in RECIPES if recipe.purpose == "embedding"]


def test_networks_are_for_embedding_or_for_detection() -> None:
    others = [recipe for recipe in RECIPES if recipe not in EMBEDDING]
    assert {recipe.purpose for recipe in others} == {"detection"}
    assert list(map(str, others)) == [
        "npfacenet-finder (9 outputs)", "mtcnn-pnet (2 outputs)", "mtcnn-rnet (2 outputs)",
        "mtcnn-onet (3 outputs)", "yunet (12 outputs)",
    ]  # fmt: skip
    assert [len(recipe.build().outputs) for recipe in others] == [r.outputs for r in others]
    assert RECIPES[: len(EMBEDDING)] == tuple(EMBEDDING)  # which are looked for first


@pytest.mark.parametrize("recipe", EMBEDDING, ids=str)
def test_embeddings_are_unit_vectors(recipe, rng: np.random.Generator) -> None:  # type: ignore[no-untyped-def]  # a Recipe
    network = recipe.build()
    images = rng.random((2, *network.input_shape), np.float32)
    embedding = network.forward(network.initialise(1), images)
    assert embedding.shape == (2, recipe.outputs)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-5)


def test_recipes_are_chosen_by_what_is_given() -> None:
    assert recipes() == RECIPES
    assert [r.variant for r in recipes("nn4.small2")] == ["course", "openface"]
    assert [r.outputs for r in recipes("inception-resnet-v1", outputs=512)] == [512]
    with pytest.raises(ArgumentError, match=r"no network has variant 'closedface'; there are nn4"):
        recipes(variant="closedface")
    with pytest.raises(ArgumentError, match="has the variants course, openface"):
        nn4_small2("closedface")
