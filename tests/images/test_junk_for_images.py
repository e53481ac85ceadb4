"""Whatever is passed to the functions of `npfacenet.images`, they raise only our own errors."""

from __future__ import annotations

import datetime
import io
import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pytest
from drawn_pictures import encode
from hypothesis import given
from hypothesis import strategies as st

from npfacenet import images
from npfacenet.errors import ImageError, NpfacenetError
from npfacenet.images import read
from npfacenet.images.blending import blended
from npfacenet.images.degradation import blurred, erased, jpeg_compressed, relit
from npfacenet.images.png import write_png
from npfacenet.images.warp import warp

SCENE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
FILE = encode(SCENE)
PIXELS: Any = memoryview(SCENE)  # type: ignore[arg-type]  # before Python 3.12 NumPy cannot say so
FLOATS: Any = memoryview(np.arange(9.0))  # type: ignore[arg-type]  # as above


def released() -> memoryview:
    view = memoryview(bytearray(FILE))
    view.release()
    return view


NUMBERS: list[Any] = [
    None, "3", "", b"3", True, 3.5, math.nan, math.inf, -math.inf, 10**400, -(10**400), -1, 0,
    2**31, 2**63, 1e308, np.float32("nan"), np.longdouble("1e4000"), np.int8(-3), np.uint64(2**63),
    np.array(3), np.array([1, 2]), [], [1], (1, 2), {}, {1: 2}, {1}, object(), int, 1j, range(3),
    np.datetime64("2020-01-01"), datetime.date(2020, 1, 1), "x" * 9000, list(range(9000)),
]  # fmt: skip
PICTURES: list[Any] = [
    *NUMBERS, SCENE[..., 0], SCENE[:0], SCENE.astype(object), SCENE.astype("U3"),
    SCENE.astype("M8[s]"), np.ma.masked_array(SCENE, SCENE > 9), np.ma.masked_array(SCENE),
    np.zeros((2, 2, 3), [("a", "u1")]),
    SCENE[0].view(np.recarray), np.zeros((1,) * 30, np.uint8),
    SCENE.astype(np.float16), SCENE.astype(complex), PIXELS, released(),
    FLOATS, memoryview(b"")[::2], iter([SCENE]), io.BytesIO(FILE),
]  # fmt: skip


def only_ours(call: Callable[[], object]) -> None:
    with suppress(NpfacenetError):
        call()


FUNCTIONS: dict[str, tuple[Callable[..., object], tuple[Any, ...]]] = {
    "read": (read, (SCENE, "rgb", 3)),
    "source_name": (images.source_name, (SCENE, 3)),
    "named": (images.named, (SCENE, 3)),
    "central_square": (images.central_square, (SCENE,)),
    "centre_crop": (images.centre_crop, (SCENE, 3)),
    "resize": (images.resize, (SCENE, 3, "nearest")),
    "contrast": (images.contrast, (SCENE,)),
    "require_contrast": (images.require_contrast, (SCENE, "x")),
    "preprocessing": (images.preprocessing, ("unit",)),
    "scale": (images.preprocessing("unit").scale, (SCENE[None],)),
    "prepare": (images.prepare, ([SCENE], 3, images.preprocessing("unit"))),
    "prepare one": (lambda one: images.prepare([one], 3, images.preprocessing("unit")), (SCENE,)),
    "blended": (blended, (SCENE, SCENE, 0.5)),
    "blurred": (blurred, (SCENE, 1)),
    "jpeg": (jpeg_compressed, (SCENE, 50)),
    "relit": (relit, (SCENE, 1, 1)),
    "erased": (erased, (SCENE, 1, 1, 2, 2, (1, 2, 3))),
    "erased colour": (lambda c: erased(SCENE, 1, 1, 2, 2, (1, c, 3)), (2,)),
    "warp": (
        lambda image, size, centre, extent, degrees, mirrored: warp(
            image, size, centre=centre, extent=extent, degrees=degrees, mirrored=mirrored
        ),
        (SCENE, 4, (5, 5), 6, 30, False),
    ),
    "warp centre": (lambda x, y: warp(SCENE, 4, centre=(x, y), extent=3), (5, 5)),
    "write_png": (write_png, (SCENE, io.BytesIO())),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("error")
def test_junk_in_every_place(name: str) -> None:
    function, good = FUNCTIONS[name]
    function(*good)
    for place, junk in itertools.product(range(len(good)), PICTURES):
        only_ours(lambda place=place, junk=junk: function(*good[:place], junk, *good[place + 1 :]))  # type: ignore[misc]


@given(st.sampled_from(sorted(FUNCTIONS)), st.data())
def test_junk_in_all_places(name: str, data: st.DataObject) -> None:
    function, good = FUNCTIONS[name]
    junk = [data.draw(st.sampled_from([*range(len(PICTURES))])) for _ in good]
    only_ours(lambda: function(*(PICTURES[i] for i in junk)))


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (released(), "memoryview (released): pass the bytes before they are released"),
        (FLOATS, "items of format 'd'"),
        (PIXELS, "not the bytes of a file; for pixels pass the array"),
        (memoryview(b""), "is empty"),
        (np.ma.masked_array(SCENE, SCENE > 9), "is masked"),
        (SCENE.astype(object), "as numbers"),
    ],
)
def test_what_they_are_told(view: Any, said: str) -> None:
    with pytest.raises(ImageError) as error:
        read(view)
    assert said in str(error.value)


def test_views_of_bytes_are_read() -> None:
    doubled = bytearray(2 * len(FILE))
    doubled[::2] = FILE
    for view in (memoryview(FILE), memoryview(doubled)[::2], memoryview(FILE[::-1])[::-1]):
        np.testing.assert_array_equal(read(view), SCENE)
    np.testing.assert_array_equal(read(memoryview(FILE).cast("b")), SCENE)
    np.testing.assert_array_equal(read(cast(Any, memoryview(FILE).cast("c"))), SCENE)


def test_subclasses_of_arrays_are_read_as_arrays() -> None:
    class Tagged(np.ndarray[Any, Any]):
        pass

    found = read(SCENE.view(Tagged))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, SCENE)


def test_small_kinds_of_numbers_are_numbers() -> None:
    def few(*numbers: Any) -> list[object]:
        size, turn, half = numbers
        return [
            warp(SCENE, size, centre=(size, size), extent=size, degrees=turn).tolist(),
            relit(SCENE, half, half).tolist(),
            blurred(SCENE, half).tolist(),
            jpeg_compressed(SCENE, turn).tolist(),
            erased(SCENE, size, size, size, size, (size, turn, size)).tolist(),
            images.centre_crop(SCENE, size).tolist(),
            images.resize(SCENE, size, "bilinear").tolist(),
        ]

    assert few(np.int8(5), np.int8(90), np.float16(0.5)) == few(5, 90, 0.5)
    assert few(np.uint64(5), np.uint8(90), np.longdouble(0.5)) == few(5, 90, 0.5)
