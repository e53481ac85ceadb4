"""What a plan consists of in the end: calls without arguments, made one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Call: TypeAlias = Callable[[], object]
