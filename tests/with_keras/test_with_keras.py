"""Weight files that go to Keras, and those that come from it, with Keras itself.

Nothing here runs in the usual environment, which has no Keras. In one that has it, with this
package, pytest and hypothesis:

    KERAS_BACKEND=torch python -m pytest tests/with_keras

`NPFACENET_KERAS=tf_keras` names another module than `keras`.
`tools/release/keras_versions.py` makes the environments and runs this in each.
"""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from keras_networks import NETWORKS, Built

import npfacenet
from npfacenet.cards import Card, derived_card
from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.layers import Array
from npfacenet.models import Model
from npfacenet.networks import Network, Outputs, sole
from npfacenet.recipes import recipes

KERAS = os.environ.get("NPFACENET_KERAS", "keras")
if find_spec(KERAS) is None:
    pytest.skip(f"needs {KERAS}: python tools/release/keras_versions.py", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras and what it stands on
LAYOUTS = {"keras2-weights": "ours.h5", "keras3-weights": "ours.weights.h5"}


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(KERAS)


@pytest.fixture(scope="session")
def version(keras: ModuleType) -> tuple[int, int]:
    major, minor, *_ = keras.__version__.split(".")
    return int(major), int(minor)


@dataclass(frozen=True)
class Case:
    """A network here with numbers that leave no two tensors alike, and the same one in Keras."""

    ours: Model
    theirs: Built
    images: Array
    vectors: Array

    def keras_vectors(self) -> Array:
        output = self.theirs(self.images, training=False)
        vectors: Array = np.array(output.detach() if hasattr(output, "detach") else output)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def drawn_model(network: Network[Outputs], card: Card) -> Model:
    rng = np.random.default_rng(18)
    parameters = {
        name: tensor if name[1] == "kernel" else rng.uniform(0.5, 1.5, tensor.shape).astype("f4")
        for name, tensor in network.initialise(18).items()
    }
    return Model(network, parameters, card)


@pytest.fixture(scope="module", params=NETWORKS)
def case(keras: ModuleType, request: pytest.FixtureRequest) -> Iterator[Case]:
    architecture, outputs, build = NETWORKS[request.param]
    recipe = recipes(architecture, outputs=outputs)[0]
    network = recipe.build()
    card = derived_card(recipe, network.input_shape[0], Path("drawn"))
    images = np.random.default_rng(19).random((2, *network.input_shape), np.float32)
    ours = drawn_model(network, card)
    yield Case(ours, build(keras), images, sole(network.forward(ours.parameters, images)))
    keras.backend.clear_session()


def require_equal(case: Case) -> None:
    assert np.abs(case.keras_vectors() - case.vectors).max() <= 1e-5


def scramble(model: Built) -> None:
    model.set_weights([np.full_like(tensor, 0.5) for tensor in model.get_weights()])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keras_loads_what_is_written_here(
    case: Case, version: tuple[int, int], layout: str, tmp_path: Path
) -> None:
    if layout == "keras3-weights" and version < (2, 15):
        pytest.skip("the first Keras with this layout counts layers otherwise, older ones lack it")
    path = tmp_path / LAYOUTS[layout]
    ours = case.ours
    write_checkpoint(path, ours.network, ours.parameters, ours.card, layout=layout)
    scramble(case.theirs)
    case.theirs.load_weights(str(path))
    require_equal(case)


def test_keras_loads_it_by_name(case: Case, tmp_path: Path) -> None:
    names = {layer.name for layer in case.theirs.layers if layer.weights}
    if names != {layer for layer, _ in case.ours.parameters}:
        pytest.skip("deepface calls layers otherwise")
    path = tmp_path / LAYOUTS["keras2-weights"]
    ours = case.ours
    write_checkpoint(path, ours.network, ours.parameters, ours.card, layout="keras2-weights")
    scramble(case.theirs)
    case.theirs.load_weights(str(path), by_name=True)
    require_equal(case)


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5", "model.h5", "model.keras"])
def test_what_keras_saves_is_read_here(
    case: Case, version: tuple[int, int], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "ours.h5"
    ours = case.ours
    write_checkpoint(path, ours.network, ours.parameters, ours.card, layout="keras2-weights")
    case.theirs.load_weights(str(path))
    saved = tmp_path / name
    if name.startswith("model"):
        case.theirs.save(str(saved))
    elif name == "w.h5" and version >= (3, 0):
        pytest.skip("Keras 3 saves weights as NAME.weights.h5 only")
    else:
        case.theirs.save_weights(str(saved))
    if name == "model.keras":
        with zipfile.ZipFile(saved) as archive:
            saved = Path(archive.extract("model.weights.h5", tmp_path))
    read = npfacenet.load(saved)
    assert read.fingerprint == ours.fingerprint  # every number and what is done with them
