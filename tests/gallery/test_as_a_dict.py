"""A gallery in a file behaves as a plain dict of people does, whatever is done to it."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from npfacenet.errors import GalleryError
from npfacenet.gallery import Gallery, identify
from npfacenet.recognition import distances

NAMES = st.sampled_from(["anna", "bert", "Zoë", unicodedata.normalize("NFD", "Zoë"), "名", "a\nb"])
NUMBERS = 4


def key(name: str) -> str:
    return unicodedata.normalize("NFC", name)


class GalleryAndDict(RuleBasedStateMachine):
    """Does the same to a gallery and to a dict: by key, the name first given and the vectors."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "office.gallery"
        self.gallery = Gallery.open(self.path)
        self.expected: dict[str, tuple[str, list[list[float]]]] = {}
        self.merged: dict[str, str] = {}
        self.rng = np.random.default_rng(0)

    def teardown(self) -> None:
        self.gallery.close()
        self.folder.cleanup()

    def whose(self, name: str) -> str:
        found = key(name)
        while found not in self.expected and found in self.merged:
            found = self.merged[found]
        return found

    @rule(name=NAMES, count=st.integers(1, 70))
    def add(self, name: str, count: int) -> None:
        vectors = self.rng.standard_normal((count, NUMBERS)).astype(np.float32)
        added = self.gallery.add(name, vectors)
        assert len(added) == count
        _, known = self.expected.setdefault(self.whose(name), (name, []))
        known += vectors.tolist()

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        if self.whose(name) in self.expected:
            _, known = self.expected.pop(self.whose(name))
            done = self.gallery.remove(name)
            assert (done.embeddings, done.erased) == (len(known), True)
            gone = {k for k in self.merged if self.whose(k) not in self.expected}
            for each in gone:
                del self.merged[each]
        else:
            with pytest.raises(GalleryError, match="nobody in the gallery is called"):
                self.gallery.remove(name)

    @rule(name=NAMES, new=NAMES)
    def rename(self, name: str, new: str) -> None:
        old, other = self.whose(name), self.whose(new)
        if old not in self.expected or (other in self.expected and other != old):
            with pytest.raises(GalleryError):
                self.gallery.rename(name, new)
            return
        self.gallery.rename(name, new)
        self.merged.pop(key(new), None)
        self.merged = {k: key(new) if v == old else v for k, v in self.merged.items()}
        self.expected = {
            key(new) if k == old else k: (new, v[1]) if k == old else v
            for k, v in self.expected.items()
        }

    @rule(name=NAMES, into=NAMES)
    def merge(self, name: str, into: str) -> None:
        old, other = self.whose(name), self.whose(into)
        if old not in self.expected or other not in self.expected or old == other:
            with pytest.raises(GalleryError):
                self.gallery.merge(name, into)
            return
        self.gallery.merge(name, into)
        self.expected[other][1].extend(self.expected.pop(old)[1])
        self.merged[old] = other

    @rule()
    def reopen(self) -> None:
        self.gallery.close()
        self.gallery = Gallery.open(self.path)

    @invariant()
    def same_people(self) -> None:
        assert list(self.gallery) == [name for name, _ in self.expected.values()]
        assert len(self.gallery) == len(self.expected)

    @invariant()
    def same_embeddings(self) -> None:
        for name, (spelt, vectors) in self.expected.items():
            assert name in self.gallery
            found = self.gallery[spelt].values
            assert sorted(map(tuple, found)) == sorted(map(tuple, np.array(vectors, np.float32)))

    @invariant()
    def same_search(self) -> None:
        probe = np.ones(NUMBERS, np.float32)
        found = identify(probe, self.gallery, threshold=1)
        expected = sorted(
            (float(distances(probe, vectors).min()), name)
            for name, vectors in self.expected.values()
        )
        assert [(c.distance, c.name) for c in found.candidates] == expected[:5]


TestGalleryAndDict = GalleryAndDict.TestCase
TestGalleryAndDict.settings = settings(deadline=None, max_examples=20, stateful_step_count=20)
