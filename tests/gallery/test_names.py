"""Names: whatever Unicode has, compared after NFC, and shown as they were given."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import GalleryError
from npfacenet.gallery import Gallery, identify

ODD = [
    "anna", "Anna", "ANNA", "\uff41\uff4e\uff4e\uff41",  # four people: only NFC is one name
    "'; DROP TABLE person; --", "%", "_", "a\0b", "a\nb", "\u202egnirts", "\u200d\u200d\u200d",
    "\U0001f469\u200d\U0001f467", "\u0928\u092e\u0938\u094d\u0924\u0947", "\ufdfa", "\u0130",
    "\xdf", "ss", "\ud800", "dan\udcff", "x" * 10_000, "../../etc/passwd", "-x", "--gallery",
    "NULL", "0", "\U0001d518\U0001d52b", "e\u0301\u0302", "\u1112\u1161\u11ab",
]  # fmt: skip


def test_every_oddity_is_somebody(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g") as gallery:
        for i, name in enumerate(ODD):
            gallery.add(name, [1.0, float(i)])
        assert gallery.people == tuple(ODD)
        for i, name in enumerate(ODD):
            assert name in gallery
            assert gallery[name].values[0, 1] == i
            assert identify([1.0, float(i)], gallery, threshold=0.1).match == name
    with Gallery.open(tmp_path / "g") as again:
        assert list(again) == ODD
        for name in ODD:
            assert again.remove(name)
        assert len(again) == 0


@given(st.text(st.characters(), min_size=1, max_size=9).filter(str.strip))
def test_canonical_forms_are_one_name(name: str) -> None:
    gallery = Gallery()
    gallery.add(name, [1.0, 0.0])
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, name)
        assert other in gallery
        gallery.add(other, [0.0, 1.0])
    assert gallery.people == (name,)
    assert len(gallery[name]) == 3


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u2003", None, 3, b"anna"])
def test_what_is_not_a_name(name: object) -> None:
    with pytest.raises(GalleryError, match="is text and not empty"):
        Gallery().add(name, [1.0, 0.0])  # type: ignore[arg-type]  # the fault under test
    assert name not in Gallery()
