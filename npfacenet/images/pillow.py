"""Pillow, imported as a whole."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from npfacenet.threads import without_forks


@cache
def import_pillow(*modules: str) -> None:
    """Import what the first picture needs, so that no fork falls into the middle of it.

    Call it before threads read pictures: a child whose parent was importing a module can never
    import it. `modules` are further ones of Pillow's, which few pictures need.
    """
    with without_forks():
        from PIL import Image

        Image.preinit()
        for module in modules:
            import_module(f"PIL.{module}")
