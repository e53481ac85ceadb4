"""Drawn photographs: people who belong to nobody, in rooms and streets, at known places.

>>> from npfacenet.samples import scene
>>> one = scene(4, width=160, height=120, people=(7, 8), posters=())
>>> one.picture.shape, one.boxes.shape, one.landmarks.shape, one.people.tolist()
((120, 160, 3), (2, 4), (2, 5, 2), [7, 8])
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from npfacenet.arguments import is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.samples.conditions import LIMITS, Conditions, conditions
from npfacenet.samples.field_limits import check_whole
from npfacenet.samples.people import PAIRS_FROM
from npfacenet.samples.photograph import (
    LARGEST,
    LEAST_FACE,
    MOST_FACE,
    Figure,
    Scene,
    photograph,
    placed,
)
from npfacenet.samples.placing import Placed, visible

SMALLEST_FACE = 24.0
CROWDS = (0.1, 0.38, 0.22, 0.14, 0.09, 0.05, 0.02)  # chances of 0, 1, 2, ... people
POSTERS = 0.25  # the chance of a poster
LEAST_VISIBLE = 0.6  # of every face
_TRIES, _ARRANGEMENTS = 40, 12


def scene(
    seed: int,
    *,
    width: int = 640,
    height: int = 480,
    people: Sequence[int] | None = None,
    posters: Sequence[int] | None = None,
    smallest_face: float = SMALLEST_FACE,
    largest_face: float | None = None,
    roll: float = 8.0,
    least_visible: float = LEAST_VISIBLE,
) -> Scene:
    """Draw the photograph of this seed, 0 or above: people in a room or in a street.

    `people` are the seeds of the identities who stand there, and `posters` of those whose pictures
    hang on the wall; () for none, and by default up to six people and sometimes a poster, whose
    seeds are below 1,000,000. They come first and second in the scene's rows, in this order. Faces
    are `smallest_face` to `largest_face` pixels wide, by default 24 to nearly the whole picture;
    heads are turned by up to `roll` degrees to either side, at most 45. At least `least_visible` of
    each face's box is seen, by default 0.6, as far as that is estimated (`Scene.visible`); with 1.0
    no face is cut off or behind another.

    Raises ArgumentError for arguments out of range, and for more people than there is room for.

    >>> scene(0, width=64, height=48, people=(), posters=()).boxes.shape
    (0, 4)
    """
    wanted = _Wanted(width, height, smallest_face, largest_face, roll, least_visible)
    rng = np.random.default_rng([check_whole(seed, "seed"), 8])
    camera = _camera(rng)
    chosen = _chosen(rng, people, posters)
    for attempt in range(_ARRANGEMENTS):
        smaller = 1 - attempt / _ARRANGEMENTS
        figures = _arranged(rng, replace(wanted, share=smaller), chosen, camera)
        if figures is not None:
            break
    else:
        raise ArgumentError(
            f"there is no room for so many faces of {smallest_face:g} pixels ({len(chosen)}) in a "
            f"picture of {width} x {height}"
        )
    return photograph(
        figures, width=width, height=height, background=int(rng.integers(2**31)), camera=camera
    )


def scenes(
    count: int,
    seed: int = 0,
    *,
    width: int = 640,
    height: int = 480,
    smallest_face: float = SMALLEST_FACE,
    largest_face: float | None = None,
    roll: float = 8.0,
    least_visible: float = LEAST_VISIBLE,
) -> Iterator[Scene]:
    """Draw `count` photographs, those of the seeds seed, seed + 1, ..., one at a time.

    The other arguments are those of `scene`. Raises ArgumentError, before the first is drawn, for
    arguments out of range.

    >>> [len(each.boxes) for each in scenes(3, width=64, height=48)]
    [2, 2, 2]
    """
    first, count = check_whole(seed, "seed"), check_whole(count, "count")
    _Wanted(width, height, smallest_face, largest_face, roll, least_visible)
    return (
        scene(
            number,
            width=width,
            height=height,
            smallest_face=smallest_face,
            largest_face=largest_face,
            roll=roll,
            least_visible=least_visible,
        )
        for number in range(first, first + count)
    )


@dataclass(frozen=True)
class _Wanted:
    """The size of a picture and of its faces, in pixels, and the limits of `scene`.

    `share` lowers the largest size, down to the smallest.
    """

    width: int
    height: int
    smallest_face: float
    largest_face: float | None
    roll: float
    least_visible: float
    share: float = 1.0

    def __post_init__(self) -> None:
        for name, most in (("width", LARGEST), ("height", LARGEST)):
            if not LEAST_FACE <= check_whole(getattr(self, name), name) <= most:
                raise ArgumentError(
                    f"{name} is {LEAST_FACE:g} to {most}, not {getattr(self, name)}"
                )
        _check_number("roll", self.roll, 0, LIMITS["roll"][1])
        _check_number("least_visible", self.least_visible, 0, 1)
        _check_number("smallest_face", self.smallest_face, LEAST_FACE, MOST_FACE)
        if self.largest_face is not None:
            _check_number("largest_face", self.largest_face, self.smallest_face, MOST_FACE)

    def largest(self) -> float:
        """Return the width of the largest face that fits into the picture, if it is to fit."""
        fits = min(0.8 * self.width, 0.62 * self.height, MOST_FACE)
        most = min(fits if self.largest_face is None else self.largest_face, MOST_FACE)
        return self.smallest_face + self.share * max(most - self.smallest_face, 0.0)


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if not is_real(value, low, high):
        raise ArgumentError(f"{name} is {low:g} to {high:g}, not {quoted(value)}")


def _chosen(
    rng: np.random.Generator, people: Sequence[int] | None, posters: Sequence[int] | None
) -> list[tuple[int, bool, bool]]:
    """Return who is to be in the picture: seed, whether printed, and whether asked for."""
    for name, asked in (("people", people), ("posters", posters)):
        if asked is not None and not isinstance(asked, Iterable):
            raise ArgumentError(f"{name} are the seeds of several, not {quoted(asked)}")
    crowd, drawn = int(rng.choice(len(CROWDS), p=CROWDS)), rng.integers(PAIRS_FROM, size=8)
    hung = int(rng.random() < POSTERS)
    chosen = [(int(who), False, False) for who in drawn[:crowd]]
    if people is not None:
        chosen = [(check_whole(who, "people"), False, True) for who in people]
    if posters is None:
        return chosen + [(int(who), True, False) for who in drawn[7:][:hung]]
    return chosen + [(check_whole(who, "posters"), True, True) for who in posters]


def _camera(rng: np.random.Generator) -> Conditions:
    """Draw the light and the camera of a picture: in every fifth it is dark."""
    now = conditions(int(rng.integers(2**31)))
    dark = rng.uniform(0.5, 1.6) if rng.random() < 0.2 else 0.0
    return replace(
        now,
        exposure=max(now.exposure - dark, -2.0),
        warmth=float(np.clip(rng.normal(0.1, 0.45), -1, 1)),
        noise=min(now.noise * (1 + 2 * dark), 16.0),
        blur=float(rng.uniform(0, 1)) if rng.random() < 0.4 else 0.0,
    )


def _arranged(
    rng: np.random.Generator,
    wanted: _Wanted,
    chosen: Sequence[tuple[int, bool, bool]],
    camera: Conditions,
) -> list[Figure] | None:
    """Find places for all who must be in the picture, and for others if there is room."""
    figures: list[Figure] = []
    where: list[Placed] = []
    for person, printed, must in chosen:
        stood = _stand(rng, wanted, person, printed, camera, where)
        if stood is not None:
            figures.append(stood[0])
            where.append(stood[1])
        elif must:
            return None
    return figures


def _stand(
    rng: np.random.Generator,
    wanted: _Wanted,
    person: int,
    printed: bool,
    camera: Conditions,
    others: list[Placed],
) -> tuple[Figure, Placed] | None:
    """Find a place for a person or a poster, or None; later tries are with smaller faces."""
    width, height = wanted.width, wanted.height
    low, high = math.log(wanted.smallest_face), math.log(wanted.largest())
    if printed:
        high = max(low, min(high, math.log(0.3 * height)))
    own = conditions(int(rng.integers(2**31)))
    shared = ("light", "light_height", "light_side", "ambient", "warmth")
    now = replace(own, **{name: getattr(camera, name) for name in shared})
    turned = replace(now, roll=float(rng.uniform(-wanted.roll, wanted.roll)))
    plain = Figure(person, 0.0, 0.0, MOST_FACE, turned, printed)
    where = placed(plain)
    for attempt in range(_TRIES):
        most = low + (high - low) * (1 - attempt / _TRIES)
        size = min(max(math.exp(rng.uniform(low, most)), LEAST_FACE), MOST_FACE)
        cut = rng.random() < 0.15
        margin = -0.1 if cut else 0.62
        x = rng.uniform(min(margin * size, 0.5 * width), max(width - margin * size, 0.5 * width))
        y = rng.uniform(
            min((margin + 0.1) * size, 0.4 * height), max(height - 1.1 * size, 0.4 * height)
        )
        tried = where.moved(x, y, size / MOST_FACE)
        seen = visible([*others, tried], width, height)
        if seen.min() >= wanted.least_visible and (cut or not printed or seen[-1] > 0.9):
            return replace(plain, x=float(x), y=float(y), size=size), tried
    return None
