"""An interrupt at any moment leaves a gallery that can be used, with what was committed."""

from __future__ import annotations

import gc
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from npfacenet.gallery import Gallery

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")


class Interrupt(BaseException):
    pass


@pytest.fixture
def interrupts() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # an interrupt in a callback of the collector, as Hypothesis has one, is lost
    yield
    gc.enable()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("interrupts")
def test_it_goes_on_after_interrupts(tmp_path: Path) -> None:
    chance, added, interrupted = random.Random(1), 0, 0  # noqa: S311  (not for secrets)
    end = time.monotonic() + 5
    with Gallery.open(tmp_path / "g") as gallery:
        while time.monotonic() < end:
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 5e-4))
                assert gallery.people in ((), ("anna",))
                gallery.add("anna", np.ones(8))
                added += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupted += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        gallery.add("anna", np.ones(8))
        assert interrupted  # hundreds, unless the machine is very busy
        assert len(gallery["anna"]) > added
        assert gallery.check() == ()
