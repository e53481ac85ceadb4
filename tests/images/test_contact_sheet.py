"""Contact sheets: where tiles are, and that pictures are shown whole."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.images import read
from npfacenet.images.contact_sheet import (
    BACKGROUND,
    CAPTION,
    FRAMES,
    MARGIN,
    SIDE,
    Row,
    Tile,
    write_contact_sheet,
)
from npfacenet.images.face_marks import BOX, FaceMark

Picture = npt.NDArray[np.uint8]
RED = (200, 10, 20)


def sheet(*rows: Row) -> Picture:
    file = io.BytesIO()
    write_contact_sheet(rows, file)
    return read(file.getvalue())


def plain(height: int, width: int) -> Picture:
    return np.full((height, width, 3), RED, np.uint8)


@settings(max_examples=15)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(40, 160), st.integers(40, 160))
def test_a_picture_is_shown_whole_and_in_the_middle(h: int, w: int, high: int, wide: int) -> None:
    page = sheet(Row("", [Tile(plain(h, w), "")], wide, high))
    assert page.shape[:2] == (high + CAPTION + 2 * MARGIN, wide + 2 * MARGIN)
    tile = page[MARGIN : MARGIN + high, MARGIN : MARGIN + wide]
    inner = tile[1:-1, 1:-1]
    scale = min(wide / w, high / h)
    shown = (inner == RED).all(axis=-1)
    assert abs(shown.any(axis=0).sum() - scale * w) <= 3
    assert abs(shown.any(axis=1).sum() - scale * h) <= 3
    outside = inner[~shown]
    assert (outside == BACKGROUND).all()


def test_rows_are_below_each_other_and_a_title_takes_room() -> None:
    one, two = Row("", [Tile(plain(9, 9), "a")] * 3), Row("title", [Tile(plain(9, 9), "b")])
    page = sheet(one, two)
    assert page.shape[1] == 3 * (SIDE + MARGIN) + MARGIN
    assert page.shape[0] == one.size()[1] + two.size()[1] + MARGIN
    assert two.size()[1] > one.size()[1]


def test_frames_have_their_colours() -> None:
    for name in ("plain", "yes", "no"):
        page = sheet(Row("", [Tile(plain(9, 9), "", name)]))
        assert tuple(page[MARGIN - 1, MARGIN + 5]) == FRAMES[name]


def test_faces_are_marked_where_they_are() -> None:
    face = FaceMark((100.0, 50.0, 150.0, 100.0), ((125.0, 75.0),))
    marked = sheet(Row("", [Tile(plain(200, 200), "", faces=(face,))], 100, 100))
    tile = marked[MARGIN : MARGIN + 100, MARGIN : MARGIN + 100]
    rows, columns = np.nonzero((tile == BOX).all(axis=-1))
    assert (columns.min(), rows.min()) == (50, 25)
    assert (columns.max(), rows.max()) == (74, 49)
    assert not (sheet(Row("", [Tile(plain(200, 200), "")], 100, 100)) == BOX).all(axis=-1).any()


def test_a_scaled_mark_is_a_mark_of_the_scaled_picture() -> None:
    face = FaceMark((1.0, 2.0, 3.0, 4.0), ((5.0, 6.0),), "Ada")
    assert face.scaled(2) == FaceMark((2.0, 4.0, 6.0, 8.0), ((10.0, 12.0),), "Ada")
