"""Where tests find data that does not ship with the project: `../shared`, and fetched weights."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from finder_files import install, write_finder
from hypothesis import settings
from keras2_files import write_keras2

import npfacenet
from npfacenet.errors import WeightsNotFoundError
from npfacenet.faces import Finder, Mtcnn, Yunet
from npfacenet.faces import load as load_detector  # noqa: F401 (before a test replaces it)
from npfacenet.recipes import nn4_small2
from npfacenet.zoo.lookup import find

settings.register_profile("fast", deadline=None, max_examples=60)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# These try what tests themselves use, or take long for what the others have shown.
NOT_WITH_THE_OLDEST = {"lessons", "samples", "testing", "tools", "with_keras"}

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is run with the oldest dependencies, too."""
    for item in items:
        if item.path.parent.name not in NOT_WITH_THE_OLDEST:
            item.add_marker(pytest.mark.oldest)


def shared(path: str) -> Path:
    """A file or folder of `../shared`; skips the test where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs ../shared/{path}, which does not ship with the project")
    return found


def weights(name: str, shared_file: str | None = None) -> Path:
    """A weight file from `../shared` or fetched; skips the test where there is none."""
    if shared_file is not None and (SHARED / "weights" / shared_file).is_file():
        return SHARED / "weights" / shared_file
    try:
        return find(name)
    except WeightsNotFoundError:
        pytest.skip(f"needs the weights of {name}: npfacenet weights fetch {name}")


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    return shared("reference")


@pytest.fixture(scope="session")
def course_pictures() -> Path:
    return shared("course")


@pytest.fixture(scope="session")
def nn4_file() -> Path:
    return weights("nn4.small2", "nn4_small2_v1.h5")


@pytest.fixture(scope="session")
def inception_resnet_file() -> Path:
    """The file with kernels in float16, on whose numbers the reference activations stand."""
    return shared("weights/inception_resnet_v1_128_f16.h5")


@pytest.fixture(scope="session")
def nn4(nn4_file: Path) -> npfacenet.Model:
    return npfacenet.load(nn4_file)


@pytest.fixture(scope="session")
def inception_resnet(inception_resnet_file: Path) -> npfacenet.Model:
    return npfacenet.load(inception_resnet_file)


@pytest.fixture(scope="session")
def drawn_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of nn4.small2 with drawn numbers: it recognises nobody, but needs no data."""
    path = tmp_path_factory.mktemp("weights") / "drawn.h5"
    return write_keras2(path, nn4_small2().initialise(18))


@pytest.fixture(scope="session")
def finder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of the finder with drawn numbers, under the name of the one that ships."""
    return write_finder(tmp_path_factory.mktemp("package") / "npfacenet-finder.h5")


@pytest.fixture
def drawn_finder(finder_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That file, in place of the one in the package."""
    install(finder_file, monkeypatch)
    return finder_file


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(18)


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder below which the pictures lie that references of detections name."""
    return shared("pictures").parent


@pytest.fixture(scope="session")
def mtcnn() -> Mtcnn:
    detector = npfacenet.faces.load(shared("weights/mtcnn"))
    assert isinstance(detector, Mtcnn)
    return detector


@pytest.fixture(scope="session")
def yunet() -> Yunet:
    detector = npfacenet.faces.load(shared("weights/yunet_n.onnx"))
    assert isinstance(detector, Yunet)
    return detector


@pytest.fixture(scope="session")
def finder() -> Finder:
    """The detector as it ships."""
    detector = npfacenet.faces.load("finder")
    assert isinstance(detector, Finder)
    return detector
