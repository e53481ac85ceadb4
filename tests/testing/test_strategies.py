"""What is drawn is what its name says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import PIL.Image
from hypothesis import find, given, settings

from npfacenet.errors import ImageError
from npfacenet.images import read
from npfacenet.models import Embeddings
from npfacenet.recognition import distances
from npfacenet.testing import (
    clusters,
    embeddings,
    encoded_pictures,
    labelled_pairs,
    pictures,
    pil_images,
    placed_layers,
    samples,
    triplets,
)
from npfacenet.testing.embedding_strategies import Clusters, LabelledPairs
from npfacenet.testing.sample import Sample


@given(pictures(largest=40))
def test_pictures(picture: npt.NDArray[np.uint8]) -> None:
    assert read(picture) is picture


@given(pil_images())
def test_pil_images_can_be_read(image: PIL.Image.Image) -> None:
    before = image.tobytes()
    pixels = read(image)
    assert pixels.dtype == np.uint8
    assert sorted(pixels.shape[:2]) == sorted(image.size)
    assert image.tobytes() == before


@given(encoded_pictures())
def test_encoded_pictures_can_be_read(content: bytes) -> None:
    assert read(content).ndim == 3


@given(encoded_pictures())
def test_a_cut_picture_is_read_or_refused(content: bytes) -> None:
    try:
        assert read(content[: len(content) * 2 // 3]).ndim == 3
    except ImageError as error:
        assert "bytes" in str(error)  # noqa: PT017 (both outcomes are right)


@given(embeddings(dimension=6))
def test_embeddings_have_unit_length(drawn: Embeddings) -> None:
    np.testing.assert_allclose(np.linalg.norm(drawn.values, axis=1), 1, rtol=1e-5)
    assert 1 <= len(drawn) <= 6


@given(clusters(spread=0.01))
def test_clusters_lie_together(drawn: Clusters) -> None:
    assert len(drawn.values) == len(drawn.labels)
    d = distances(Embeddings.of(drawn.values), Embeddings.of(drawn.values))
    same = np.equal.outer(drawn.labels, drawn.labels)
    assert d[same].max() < 0.2


@given(labelled_pairs())
def test_labelled_pairs_correspond(pairs: LabelledPairs) -> None:
    assert pairs.a.shape == pairs.b.shape
    assert len(pairs.genuine) == len(pairs.a)
    assert not pairs.genuine.all()


@given(triplets())
def test_triplets_have_one_shape(drawn: tuple[npt.NDArray[np.float32], ...]) -> None:
    assert len({vectors.shape for vectors in drawn}) == 1


@given(samples())
def test_samples_run(sample: Sample) -> None:
    assert sample.run().shape[1:] == sample.layer.output_shape(*sample.shapes)


def test_counterexamples_shrink_to_something_a_person_can_read() -> None:
    smallest = find(
        placed_layers(),
        lambda placed: "Convolution" in str(placed.layer),
        settings=settings(database=None, max_examples=500),
    )
    assert smallest.inputs == ((3, 3, 1),)
    assert str(smallest.layer) == (
        "Convolution(filters=1, size=1, stride=1, padding='valid', bias=True)"
    )
