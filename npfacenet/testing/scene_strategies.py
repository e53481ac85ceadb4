"""Drawn photographs of people who belong to nobody, at known places.

>>> from hypothesis import given, settings
>>> from npfacenet.testing import scenes
>>> @settings(max_examples=3, deadline=None)
... @given(scenes(width=64, height=48))
... def test_every_face_has_a_box(one):
...     assert one.boxes.shape == (len(one.people), 4)
>>> test_every_face_has_a_box()
"""

from __future__ import annotations

from hypothesis import strategies as st

from npfacenet.samples import Scene, scene


def scenes(
    width: int = 160, height: int = 120, *, smallest_face: float = 24.0, roll: float = 8.0
) -> st.SearchStrategy[Scene]:
    """Drawn photographs, `npfacenet.samples.scene`, of `width` x `height` pixels.

    They show nobody or up to six people, sometimes one on a poster, whose faces are at least
    `smallest_face` pixels wide and turned by up to `roll` degrees.
    """
    return st.integers(0, 10**6 - 1).map(
        lambda seed: scene(seed, width=width, height=height, smallest_face=smallest_face, roll=roll)
    )
