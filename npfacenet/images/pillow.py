"""Importing Pillow."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from npfacenet.threads import without_forks


@cache
def import_pillow(*modules: str) -> None:
    """Import what the first picture needs, without a fork in the middle.

    Call it before threads read pictures: a child forked while its parent imports a module can
    never import that module. `modules` names further modules of Pillow, which few pictures need.
    """
    with without_forks():
        from PIL import Image

        Image.preinit()
        for module in modules:
            import_module(f"PIL.{module}")
