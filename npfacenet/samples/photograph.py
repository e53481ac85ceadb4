"""Drawing a photograph of people at given places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.samples.background import drawn_colour
from npfacenet.samples.camera import Projection
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.field_limits import check_whole
from npfacenet.samples.film import exposed, metered, through_lens
from npfacenet.samples.identity import identity
from npfacenet.samples.location import located
from npfacenet.samples.pixel_planes import Floats
from npfacenet.samples.placing import Placed, visible
from npfacenet.samples.poster import poster_on
from npfacenet.samples.rooms import surroundings
from npfacenet.samples.shapes import polygon, rectangle
from npfacenet.samples.standing import person_on

FACE = 2.0  # units across an average face
FEET = 25.5  # units from the eyes to the feet
METRE = 1 / 0.063  # in units
LARGEST = 4096
LEAST_FACE, MOST_FACE = 8.0, 2048.0
MOST_SEED = 2**63 - 1  # of an identity: `Scene.people` is int64


@dataclass(frozen=True)
class Figure:
    """A person to be drawn into a photograph.

    - person: the seed of the `identity`, below 2^63
    - x, y: where the middle between the eyes is, in pixels; it may be outside the picture
    - size: pixels across the face, about the width of its box; 8 to 2048
    - conditions: pose, light, face, styling; what concerns framing and camera is ignored
    - printed: the face is on a poster on the wall, which shows no body

    Raises ArgumentError for a seed or size out of range, and for a place that is not finite.

    >>> Figure(7, 100, 80, size=40).printed
    False
    """

    person: int
    x: float
    y: float
    size: float
    conditions: Conditions = field(default_factory=Conditions)
    printed: bool = False

    def __post_init__(self) -> None:
        if check_whole(self.person, "person") > MOST_SEED:
            raise ArgumentError(f"person is below 2^63 in a photograph, not {quoted(self.person)}")
        for name in ("x", "y", "size"):
            value = getattr(self, name)
            if not is_real(value, -1e6, 1e6):
                raise ArgumentError(f"{name} is a number of pixels, not {quoted(value)}")
            object.__setattr__(self, name, float(value))  # float16 and float32 would overflow
        if not LEAST_FACE <= self.size <= MOST_FACE:
            raise ArgumentError(f"size is {LEAST_FACE:g} to {MOST_FACE:g}, not {self.size!r}")
        if not isinstance(self.conditions, Conditions):
            raise ArgumentError(f"conditions is a Conditions, not {quoted(self.conditions)}")
        if not isinstance(self.printed, (bool, np.bool_)):
            raise ArgumentError(f"printed is True or False, not {quoted(self.printed)}")


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn photograph, and who is where on it.

    - picture: uint8 (H, W, 3), RGB
    - boxes: float32 (N, 4), left, top, right and bottom of each face in pixels
    - landmarks: float32 (N, 5, 2), x and y of the eye at the picture's left, the other eye, the tip
      of the nose, and the corners of the mouth at the picture's left and right
    - people: int64 (N,), the seed of each person's `identity`
    - printed: bool (N,), whether the face is on a poster on the wall
    - visible: float32 (N,), about which share of the box is seen: the rest is cut off by the
      picture's edge, or behind somebody nearer

    Boxes and landmarks go beyond the picture where a face is cut off.
    """

    picture: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    people: npt.NDArray[np.int64]
    printed: npt.NDArray[np.bool_]
    visible: npt.NDArray[np.float32]

    def __repr__(self) -> str:
        height, width, _ = self.picture.shape
        count, printed = len(self.people), int(self.printed.sum())
        faces = "1 face" if count == 1 else f"{count} faces"
        return f"<Scene: {width}x{height}, {faces}{f', {printed} printed' if printed else ''}>"


def placed(figure: Figure) -> Placed:
    """Return where a figure's face is."""
    where = located(identity(figure.person), figure.conditions, projection_of(figure))
    return Placed(where, figure.size / FACE, figure.printed)


def projection_of(figure: Figure) -> Projection:
    """Return the projection of a figure's head."""
    at_origin = Projection.of(figure.conditions, FACE / figure.size, 0.0, 0.0)
    x, y = at_origin.pixels((0.0, 0.0, 0.95))
    return replace(at_origin, anchor_x=figure.x - float(x), anchor_y=figure.y - float(y))


def photograph(
    figures: Sequence[Figure],
    *,
    width: int = 640,
    height: int = 480,
    background: int = 0,
    camera: Conditions | None = None,
) -> Scene:
    """Draw a photograph of these figures; the scene's rows are in their order.

    The larger of two people stands in front of the smaller. `background` is the seed of the room or
    street; `camera` has the light that falls on it, exposure, contrast, saturation, blur (standard
    deviation in pixels) and noise, and is that of a plain portrait by default. The same arguments
    give the same pixels, as far as NumPy's arithmetic is the same.

    Raises ArgumentError for a width or height that is not 8 to 4096, for another seed, and for
    anything else than a sequence of figures and the conditions of a camera.

    >>> photograph([Figure(3, 40, 30, size=20)], width=80, height=60).boxes.round().tolist()
    [[29.0, 20.0, 51.0, 47.0]]
    """
    for name, value in (("width", width), ("height", height)):
        if not LEAST_FACE <= check_whole(value, name) <= LARGEST:
            raise ArgumentError(f"{name} is {LEAST_FACE:g} to {LARGEST}, not {value}")
    given: object = figures
    if not isinstance(given, Sequence) or not all(isinstance(f, Figure) for f in given):
        raise ArgumentError(f"figures is a sequence of Figure, not {quoted(given)}")
    camera = Conditions() if camera is None else camera
    if not isinstance(camera, Conditions):
        raise ArgumentError(f"camera is a Conditions, not {quoted(camera)}")
    where = [placed(figure) for figure in figures]
    rng = np.random.default_rng([check_whole(background, "background"), 7])
    picture = _behind(rng, width, height, [one for one in where if not one.printed])
    picture *= np.float32(metered(camera))
    order = sorted(range(len(figures)), key=lambda i: (not where[i].printed, where[i].unit))
    for i in order:
        figure = figures[i]
        if figure.printed:
            paper = np.random.default_rng([background, 9, i])
            poster_on(paper, picture, where[i].location, figure.person, figure.conditions, camera)
        else:
            person_on(picture, identity(figure.person), figure.conditions, projection_of(figure))
    table = np.random.default_rng([background, 10])
    _table(table, picture, [one for one in where if not one.printed], metered(camera))
    if camera.blur:
        picture = through_lens(picture, height, width, camera.blur)
    return _scene(exposed(picture, camera), figures, where)


def _scene(
    picture: npt.NDArray[np.uint8], figures: Sequence[Figure], where: Sequence[Placed]
) -> Scene:
    height, width = picture.shape[:2]
    return Scene(
        picture,
        np.array([one.location.box for one in where], np.float32).reshape(-1, 4),
        np.array([one.location.landmarks for one in where], np.float32).reshape(-1, 5, 2),
        np.array([figure.person for figure in figures], np.int64),
        np.array([figure.printed for figure in figures], bool),
        visible(where, width, height),
    )


def _behind(rng: np.random.Generator, width: int, height: int, people: Sequence[Placed]) -> Floats:
    """Draw the room or street; nobody stands farther away than its wall, or above its floor."""
    smallest = min((one.unit for one in people), default=math.inf)
    metre = min(height * rng.uniform(0.25, 0.8), METRE * smallest)
    floor = height * rng.uniform(0.3, 0.5) + 1.5 * metre
    feet = [float(one.location.landmarks[:2, 1].mean()) + FEET * one.unit for one in people]
    floor = min([floor, *(f - 0.5 * one.unit for f, one in zip(feet, people, strict=True))])
    if rng.random() < 0.5:
        return surroundings(rng, width, height, floor, metre)
    # Out of focus; drawn with fewer pixels.
    low, wide = (height + 1) // 2, (width + 1) // 2
    sharp = surroundings(rng, wide, low, floor / 2, metre / 2)
    return through_lens(sharp, height, width, float(rng.uniform(1, 0.015 * height + 1.5)))


def _table(
    rng: np.random.Generator, picture: Floats, people: Sequence[Placed], light: float
) -> None:
    """Put a table in front of everybody, sometimes."""
    _, height, width = picture.shape
    top = max((float(p.location.box[3]) + 1.5 * p.unit for p in people), default=0.6 * height)
    if rng.random() > 0.3 or top > 0.97 * height:
        return
    top = float(rng.uniform(top, height))
    colour = np.maximum(drawn_colour(rng, 0.6), 0.02) * np.float32(light)
    deep = rng.uniform(0.02, 0.12) * height
    left, right = -0.1 * width, 1.1 * width
    if rng.random() < 0.4:
        left = rng.uniform(-0.1, 0.5) * width
        right = left + rng.uniform(0.5, 1.0) * width
    rectangle(picture, (left, top + deep, right, height), colour * np.float32(0.5))
    polygon(
        picture,
        [(left + deep, top), (right - deep, top), (right, top + deep), (left, top + deep)],
        colour,
    )
