"""Drawn faces, which belong to nobody, alone and in pairs.

>>> import npfacenet
>>> from hypothesis import given, settings
>>> from npfacenet.testing import face_pairs
>>> model = npfacenet.load()
>>> @settings(max_examples=5, deadline=None)
... @given(face_pairs())
... def test_a_verdict_does_not_depend_on_the_order(pair):
...     a, b = model.embed([pair.a, pair.b])
...     assert npfacenet.verify(a, b) == npfacenet.verify(b, a)
>>> test_a_verdict_does_not_depend_on_the_order()
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from npfacenet.samples import conditions, draw, identity

Picture = npt.NDArray[np.uint8]
_SEEDS = st.integers(0, 10**6 - 1)


@dataclass(frozen=True)
class FacePair:
    """Two pictures, uint8 (size, size, 3), and whether they show one person."""

    a: Picture
    b: Picture
    genuine: bool


def faces(size: int = 112) -> st.SearchStrategy[Picture]:
    """Pictures of drawn people, uint8 (size, size, 3); `size` is 1 to 1024 pixels."""
    return st.builds(lambda who, now: draw(identity(who), conditions(now), size), _SEEDS, _SEEDS)


@st.composite
def face_pairs(draw_from: st.DrawFn, size: int = 112) -> FacePair:
    """Genuine pairs and impostor pairs; each picture has its own conditions."""
    who, now, then = draw_from(_SEEDS), draw_from(_SEEDS), draw_from(_SEEDS)
    genuine = draw_from(st.booleans())
    other = who if genuine else draw_from(_SEEDS.filter(lambda seed: seed != who))
    a = draw(identity(who), conditions(now), size)
    return FacePair(a, draw(identity(other), conditions(then), size), genuine)
