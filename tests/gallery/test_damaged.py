"""A damaged gallery is refused in one sentence, whatever is damaged, and stays as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from npfacenet.errors import GalleryError
from npfacenet.faces.choice import ChosenFace
from npfacenet.gallery import Gallery, identify
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.gallery.quality import Quality
from npfacenet.models import Embeddings

FACE = ChosenFace((1.0, 2.0, 3.0, 4.0), ((1.5, 2.5),) * 5, 0.875, 0, 1)


def office(path: Path) -> Path:
    rng = np.random.default_rng(0)
    with Gallery.open(path) as gallery:
        for i in range(3):
            row = rng.standard_normal((1, 16)).astype(np.float32)
            facts = PictureFacts(quality=Quality(0.7, 0.5, 0.2), content=b"picture")
            new = Embeddings(row, sources=(f"{i}.jpg",), faces=(FACE,))
            gallery.add_pictures([NewPicture(f"person {i}", new, facts)])
        gallery.not_this_person("person 1", rng.standard_normal(16))
    return path


def everything(gallery: Gallery) -> None:
    for name in gallery.people:
        gallery.references(name)
        _ = gallery[name]
    assert gallery.names
    gallery.export(Path(str(gallery.path) + ".jsonl"))
    gallery.stored_pictures()
    identify(np.ones(16), gallery, threshold=1)
    gallery.add("person 1", np.ones(16))
    for name in gallery.people:
        gallery.remove(name)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reference SET face = 'no face'",
        "UPDATE reference SET face = '[[1, 2, 3], [[1, 2]], 0.5, 0, 1]'",
        "UPDATE reference SET face = '[[1, 2, 3, NaN], [[1, 2]], 0.5, 0, 1]'",
        "UPDATE reference SET face = '[[1, 2, 3, 4], [[1, 2]], 1e999, 0, 1]'",
        "UPDATE reference SET face = replace(hex(zeroblob(50000)), '0', '[')",
        "UPDATE reference SET quality = '{}'",
        "UPDATE reference SET quality = '[]'",
        "UPDATE reference SET source = CAST(x'ff' AS TEXT)",
        "UPDATE person SET name = CAST(x'ff' AS TEXT)",
        "UPDATE reference SET place = -1 WHERE id = 1",
        "UPDATE reference SET place = 1 << 62 WHERE id = 1",
        "UPDATE reference SET block = 7 WHERE id = 1",
        "UPDATE model SET numbers = 1 << 40",
        "UPDATE model SET numbers = 0",
        "UPDATE model SET threshold = '{}'",
        "UPDATE model SET preparation = '7'",
        "UPDATE correction SET vector = x'00'",
        "UPDATE correction SET vector = zeroblob(4)",
        "UPDATE correction SET vector = CAST(zeroblob(60) || x'0000c07f' AS BLOB)",
        "UPDATE block_people SET content = x'0102'",
        "UPDATE block_vectors SET content = x'0102'",
        "DELETE FROM block_people",
        "DELETE FROM state",
        "DELETE FROM person WHERE id = 1",
    ],
)
def test_values_that_cannot_be(tmp_path: Path, statement: str) -> None:
    path = office(tmp_path / "g")
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    with (
        pytest.raises(GalleryError, match=r"g' is damaged|cannot be used"),
        Gallery.open(path) as g,
    ):
        everything(g)
    if "state" not in statement:
        with Gallery.open(path) as g:
            assert found_by_check(g.check)


def found_by_check(check: Callable[[], tuple[str, ...]]) -> bool:
    try:
        return check() != ()
    except GalleryError as error:
        return "damaged" in str(error)


def test_every_page_with_a_flipped_byte(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for used in rng.permutation(np.flatnonzero(np.frombuffer(content, np.uint8)))[:150].tolist():
        damaged = bytearray(content)
        damaged[used] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            with Gallery.open(path) as gallery:
                everything(gallery)
        except GalleryError:
            pass
