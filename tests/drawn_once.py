"""Drawn people, drawn once for all tests that ask for the same ones."""

from __future__ import annotations

import functools

import pytest

from npfacenet.samples import people

draw_once = functools.cache(people)


def draw_the_demo_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the demo's crops once: that takes longer than all else it does."""
    for module in ("demo_office", "demo_strangers"):
        monkeypatch.setattr(f"npfacenet.commands.{module}.people", draw_once)
