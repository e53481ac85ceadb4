"""Many photographs: memory stays flat, and threads and batches change nothing but rounding."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from drawn_detector import faces_in
from PIL import Image

import npfacenet
from npfacenet import Embeddings, Model
from npfacenet.errors import NoFaceError
from npfacenet.faces import Detector, Faces
from npfacenet.samples import people

SIDE, COUNT, NOBODY = 400, 60, 7
WARM = 20
"""Photographs after which memory stays flat, but for the workspace of one more thread at a time."""
LONGEST_RISE = (COUNT - WARM) * SIDE * SIDE * 3 / 4
"""Bytes: what one in four of the other photographs would take, if they were kept."""


@dataclass(frozen=True, eq=False)
class Corner(Detector):
    """Finds the portrait whose place the first pixel tells; none where that is black."""

    name: ClassVar[str] = "corner"

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        corner = float(picture[0, 0, 0])
        return faces_in((corner, corner, corner + 96, corner + 96)) if corner else faces_in()


def photograph(number: int) -> npt.NDArray[np.uint8]:
    """Return a photograph with a portrait at a place of its own; every seventh shows nobody."""
    canvas = np.full((SIDE, SIDE, 3), 120, np.uint8)
    corner = 0 if number % NOBODY == 3 else 20 + 3 * (number % 60)
    canvas[0, 0] = corner
    if corner:
        portrait = PORTRAITS[number % len(PORTRAITS)]
        canvas[corner : corner + 96, corner : corner + 96] = portrait[:96, :96]
    return canvas


PORTRAITS = people(5, 1, 3).pictures
PHOTOGRAPHS = [photograph(number) for number in range(24)]


@pytest.fixture(scope="module")
def model() -> Model:
    return npfacenet.load()


def embedded(model: Model, threads: int, batch_size: int = 8) -> Embeddings:
    return model.embed(
        PHOTOGRAPHS, detect=Corner(), threads=threads, batch_size=batch_size, on_error="skip"
    )


@pytest.fixture(scope="module")
def expected(model: Model) -> Embeddings:
    return embedded(model, threads=1)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_threads_change_neither_order_nor_bits(
    model: Model, expected: Embeddings, threads: int
) -> None:
    found = embedded(model, threads)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.positions == expected.positions
    assert found.faces == expected.faces
    assert found.skipped == expected.skipped
    assert [one.position for one in found.skipped] == [3, 10, 17]
    corners = [20.0 + 3 * position for position in found.positions]
    assert [face.box[0] for face in found.faces] == corners


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_change_rounding_only(model: Model, expected: Embeddings, batch_size: int) -> None:
    for threads in (1, 2):
        found = embedded(model, threads, batch_size)
        assert found.positions == expected.positions
        np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_photograph_without_a_face_is_named(model: Model, threads: int) -> None:
    with pytest.raises(NoFaceError, match="at index 3 "):
        model.embed(PHOTOGRAPHS, detect=Corner(), threads=threads)


@pytest.mark.parametrize("kind", ["array", "PNG"])
@pytest.mark.parametrize("threads", [1, 2])
def test_memory_stays_flat(model: Model, kind: str, threads: int) -> None:
    memory: list[int] = []

    def photographs() -> Iterator[object]:
        for number in range(COUNT):
            if kind == "array":
                yield photograph(number)
            else:
                file = io.BytesIO()
                Image.fromarray(photograph(number)).save(file, kind)
                yield file.getvalue()

    def note(_: str, done: int, total: int | None) -> None:
        assert total is None
        memory.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        found = model.embed(
            photographs(),  # type: ignore[arg-type]  # arrays and bytes
            detect=Corner(), threads=threads, on_error="skip", progress=note,
        )  # fmt: skip
    finally:
        tracemalloc.stop()
    assert len(memory) == COUNT == len(found) + len(found.skipped)
    assert max(memory[WARM:]) - max(memory[:WARM]) < LONGEST_RISE
