"""Pillow, imported as a whole."""

from __future__ import annotations

from functools import cache

from npfacenet.threads import without_forks


@cache
def import_pillow() -> None:
    """Import what the first picture needs, so that no fork falls into the middle of it.

    Call it before threads read pictures: a child whose parent was importing a module can never
    import it.
    """
    with without_forks():
        from PIL import Image

        Image.preinit()
