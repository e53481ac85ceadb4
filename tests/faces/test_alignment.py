"""Fits against other formulas, and crops of faces that are drawn, turned, scaled and mirrored."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.faces.alignment import (
    affine,
    aligned,
    crop_to_picture,
    similarity,
    window_of_margin,
)
from npfacenet.images import read, resize
from npfacenet.recipes.alignment import ALIGNMENTS, Margin, Template

Numbers = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

OTHER_SIDE = [1, 0, 2, 4, 3]
"""The landmarks of a mirrored face, by those of the face."""
BOX = np.array([0.0, 0, 10, 10])
OPENFACE = ALIGNMENTS["openface-similarity"]
TEMPLATES = ["openface-similarity", "openface-affine", "npfacenet"]
SYMMETRIC = Template(
    ((0.3, 0.2), (0.7, 0.2), (0.5, 0.45), (0.33, 0.65), (0.67, 0.65)), "similarity"
)

coordinates = st.floats(-1000, 1000, allow_nan=False)
five_points = hnp.arrays(np.float64, (5, 2), elements=coordinates)
degrees = st.floats(-180, 180)


def template(name: str) -> Template:
    found = ALIGNMENTS[name]
    assert isinstance(found, Template)
    return found


def turn(angle: float, scale: float, shift: tuple[float, float] = (0, 0)) -> Numbers:
    """Return a similarity (2, 3)."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array(
        [[scale * cosine, -scale * sine, shift[0]], [scale * sine, scale * cosine, shift[1]]]
    )


def moved(matrix: Numbers, points: Numbers) -> Numbers:
    result: Numbers = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def spread(points: Numbers) -> Numbers:
    """The singular values of points about their mean: their largest and smallest extent."""
    values: Numbers = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return values


def umeyama(points: Numbers, to: Numbers) -> Numbers:
    """Umeyama 1991, equations 40 to 43, as printed, in any number of dimensions."""
    mean, mean_to = points.mean(0), to.mean(0)
    variance = ((points - mean) ** 2).sum() / len(points)
    u, d, v = np.linalg.svd((to - mean_to).T @ (points - mean) / len(points))
    s = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    rotation = u @ s @ v
    scale = np.trace(np.diag(d) @ s) / variance
    return np.column_stack([scale * rotation, mean_to - scale * rotation @ mean])


# Fits


@given(five_points, degrees, st.floats(0.01, 100), st.tuples(coordinates, coordinates))
def test_similarities_are_recovered(
    points: Numbers, angle: float, scale: float, shift: tuple[float, float]
) -> None:
    assume(spread(points)[0] > 1)
    matrix = turn(angle, scale, shift)
    fit = similarity(points, moved(matrix, points))
    assert fit.dtype == np.float64
    np.testing.assert_allclose(fit, matrix, atol=1e-9 * max(1, scale) * 1000, rtol=0)
    np.testing.assert_allclose(fit[:, :2], matrix[:, :2], atol=1e-9 * max(1, scale), rtol=0)


@given(five_points, hnp.arrays(np.float64, (2, 3), elements=st.floats(-50, 50)))
def test_affine_maps_are_recovered(points: Numbers, matrix: Numbers) -> None:
    assume(spread(points)[1] > 1)
    fit = affine(points, moved(matrix, points))
    assert fit.dtype == np.float64
    np.testing.assert_allclose(fit[:, :2], matrix[:, :2], atol=1e-9, rtol=0)
    np.testing.assert_allclose(fit, matrix, atol=1e-6, rtol=0)


@given(five_points, five_points)
def test_fits_are_those_of_least_squares(points: Numbers, to: Numbers) -> None:
    """By `lstsq`: the affine map of 6 unknowns, and the similarity of 4."""
    assume(spread(points)[1] > 1)
    one = np.column_stack([points, np.ones(5)])
    np.testing.assert_allclose(
        affine(points, to), np.linalg.lstsq(one, to, rcond=None)[0].T, atol=1e-5
    )
    x, y = points.T
    of_x = np.column_stack([x, -y, np.ones(5), np.zeros(5)])
    of_y = np.column_stack([y, x, np.zeros(5), np.ones(5)])
    unknowns = np.linalg.lstsq(np.vstack([of_x, of_y]), np.concatenate(to.T), rcond=None)[0]
    a, b, right, down = unknowns.tolist()
    assume(math.hypot(a, b) > 1e-3)
    fit = similarity(points, to)
    np.testing.assert_allclose(fit, [[a, -b, right], [b, a, down]], atol=1e-6)
    np.testing.assert_allclose(fit, umeyama(points, to), atol=1e-6)
    assert np.linalg.det(fit[:, :2]) > 0


def test_umeyamas_own_example() -> None:
    """Section IV of the paper: a triangle and its mirror image, which no turn makes the same."""
    points = np.array([[0.0, 0], [1, 0], [0, 2]])
    to = np.array([[0.0, 0], [-1, 0], [0, 2]])
    fit = similarity(points, to)
    rotation, scale = np.array([[0.832, 0.555], [-0.555, 0.832]]), 0.721  # as printed
    np.testing.assert_allclose(fit[:, :2], scale * rotation, atol=1e-3)
    np.testing.assert_allclose(fit[:, 2], [-0.8, 0.4], atol=1e-9)
    assert ((moved(fit, points) - to) ** 2).sum() / 3 == pytest.approx(8 / 15)  # by equation 33


# Crops


def face(size: int = 400) -> tuple[Picture, Numbers]:
    """Draw smooth structures and five landmarks like a face's, in the middle of a picture."""
    y, x = np.mgrid[:size, :size] + 0.5
    return drawn(x, y), np.array([[160.0, 170], [238, 176], [203, 214], [172, 258], [229, 254]])


def drawn(x: Numbers, y: Numbers) -> Picture:
    """The picture's levels at any points."""
    channels = [
        128 + 60 * np.sin(x / 9) * np.cos(y / 13),
        128 + 50 * np.sin((x + 2 * y) / 17) + 30 * np.cos(x / 5),
        110 + x / 8 + 40 * np.cos((x - y) / 11),
    ]
    levels: Picture = np.rint(np.stack(channels, -1)).clip(0, 255).astype(np.uint8)
    return levels


def seen_through(matrix: Numbers, height: int, width: int) -> Picture:
    """Draw the picture after its points were moved by a map."""
    inverse = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))
    y, x = np.mgrid[:height, :width] + 0.5
    points = moved(inverse[:2], np.stack([x, y], -1).reshape(-1, 2)).reshape(height, width, 2)
    return drawn(points[..., 0], points[..., 1])


def mean_difference(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@given(st.sampled_from(TEMPLATES), degrees, st.floats(0.2, 20), st.floats(1, 3))
def test_landmarks_come_to_lie_on_the_template(
    name: str, angle: float, scale: float, room: float
) -> None:
    places = np.array(template(name).points)
    points = moved(turn(angle, 96 * scale, (300, 200)), places)
    matrix = crop_to_picture(points, template(name), 96, room)
    expected = 48 + 96 * (places - 0.5) / room
    np.testing.assert_allclose(moved(matrix, expected), points, atol=1e-6 * scale)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (33, 0.8), (-140, 2.5), (80, 12)])
def test_dots_at_the_landmarks_come_to_lie_on_the_template(
    name: str, angle: float, scale: float
) -> None:
    places = 96 * np.array(template(name).points)
    centre = 70 * scale + 5
    matrix = turn(angle, scale)
    points = moved(matrix, places - 48) + centre
    y, x = np.mgrid[: int(2 * centre), : int(2 * centre)] + 0.5
    for place, (across, down) in zip(places, points, strict=True):
        width = 2 * max(scale, 1)
        dot = np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * width**2))
        picture = np.repeat(np.rint(255 * dot)[..., None], 3, -1).astype(np.uint8)
        crop = aligned(picture, BOX, points, template(name), 96)[..., 0].astype(float)
        v, u = np.mgrid[:96, :96] + 0.5
        found = np.array([(crop * u).sum(), (crop * v).sum()]) / crop.sum()
        assert np.abs(found - place).max() <= 0.01


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    ("angle", "scale", "shift"), [(0, 1, 7.3), (25, 0.7, -30), (-110, 1.4, 0.5), (179, 2.2, 11)]
)
def test_turned_scaled_and_moved_pictures_give_the_same_crop(
    name: str, angle: float, scale: float, shift: float
) -> None:
    picture, points = face()
    side = int(420 * scale)
    linear = turn(angle, scale)[:, :2]
    middle = np.array([side / 2 + shift, side / 2 - shift])
    matrix = np.column_stack([linear, middle - linear @ (200, 210)])
    crop = aligned(picture, BOX, points, template(name), 96)
    assert crop.shape == (96, 96, 3)
    assert crop.dtype == np.uint8
    there = aligned(
        seen_through(matrix, side, side), BOX, moved(matrix, points), template(name), 96
    )
    assert mean_difference(there, crop) <= 2


def mirrored(picture: Picture, points: Numbers) -> tuple[Picture, Numbers]:
    return picture[:, ::-1], points[OTHER_SIDE] * (-1, 1) + (picture.shape[1], 0)


def test_a_mirrored_picture_gives_the_mirrored_crop() -> None:
    picture, points = face()
    other, other_points = mirrored(picture, points)
    for fit in ("similarity", "affine"):
        symmetric = Template(SYMMETRIC.points, fit)
        crop = aligned(picture, BOX, points, symmetric, 96)
        assert (
            mean_difference(aligned(other, BOX, other_points, symmetric, 96)[:, ::-1], crop) <= 0.5
        )


@pytest.mark.parametrize("name", TEMPLATES[:2])
def test_openfaces_template_is_slightly_asymmetric(name: str) -> None:
    """Its mirror image has the landmarks up to 1.6 of 96 pixels elsewhere.

    So a mirrored face is cut out turned by 2 degrees, its corners up to 2.5 pixels elsewhere.
    """
    places = 96 * np.array(template(name).points)
    reflected = places[OTHER_SIDE] * (-1, 1) + (96, 0)
    assert np.abs(reflected - places).max() == pytest.approx(1.582, abs=1e-3)
    picture, points = face()
    _, other_points = mirrored(picture, points)
    plain = crop_to_picture(points, template(name), 96)
    back = crop_to_picture(other_points, template(name), 96)
    corners = np.array([[0.0, 0], [96, 0], [0, 96], [96, 96]])
    there = moved(back, corners * (-1, 1) + (96, 0)) * (-1, 1) + (picture.shape[1], 0)
    away = np.abs(moved(plain, corners) - there).max() / math.sqrt(np.linalg.det(plain[:, :2]))
    assert 2 < away < 3


@given(st.sampled_from([*TEMPLATES, "margin-0", "margin-32"]), st.sampled_from([1.25, 1.5, 2]))
def test_room_shows_more_about_the_same_centre(name: str, room: float) -> None:
    picture, points = face()
    box, side = np.array([120.3, 130.9, 281, 291]), 96
    large = aligned(picture, box, points, ALIGNMENTS[name], int(side * room), room)
    edge = (len(large) - side) // 2
    middle = large[edge : edge + side, edge : edge + side]
    assert mean_difference(middle, aligned(picture, box, points, ALIGNMENTS[name], side)) <= 1


# Margins


@given(
    st.tuples(*[st.floats(-50, 250)] * 2, *[st.floats(1, 200)] * 2),
    st.integers(0, 80),
    st.sampled_from([96, 160]),
)
def test_a_margin_is_that_of_extract_face(
    face_box: tuple[float, float, float, float], margin: int, size: int
) -> None:
    """The formulas of facenet-pytorch 2.6.0, with whole pixels of the crop as its argument."""
    left, top, wide, high = face_box
    picture = np.random.default_rng(margin).integers(0, 256, (180, 220, 3), np.uint8)
    box = np.array([left, top, left + wide, top + high])
    more = [margin * (box[i + 2] - box[i]) / (size - margin) for i in (0, 1)]
    cut = [
        int(max(box[0] - more[0] / 2, 0)),
        int(max(box[1] - more[1] / 2, 0)),
        int(min(box[2] + more[0] / 2, 220)),
        int(min(box[3] + more[1] / 2, 180)),
    ]
    alignment, nowhere = Margin(margin / size), np.zeros((5, 2))
    if cut[0] >= cut[2] or cut[1] >= cut[3]:
        with pytest.raises(ImageError, match="holds no pixel of the picture, which is 220 x 180"):
            aligned(picture, box, nowhere, alignment, size)
        return
    window = window_of_margin(box, alignment, 220, 180)
    # Where a sum is a whole number but for rounding, the one or the other pixel is right.
    assume(all(abs(value - round(value)) > 1e-6 for value in (*(box[:2] - np.array(more) / 2),)))
    assume(all(abs(value - round(value)) > 1e-6 for value in (*(box[2:] + np.array(more) / 2),)))
    assert window == tuple(cut)
    expected = resize(picture[cut[1] : cut[3], cut[0] : cut[2]], size, "bilinear")
    np.testing.assert_array_equal(aligned(picture, box, nowhere, alignment, size), expected)


def test_margins_of_the_faces_of_facenet_pytorch(photographs: Path, reference_folder: Path) -> None:
    entries = json.loads((reference_folder / "mtcnn_facenet_pytorch.json").read_text("utf-8"))
    checked = 0
    for name, entry in entries["pictures"].items():
        width, height = entry["size"]
        for found in entry["faces"]:
            box = np.array(found["box"])
            left, top, right, bottom = window_of_margin(box, Margin(0.2), width, height)
            grown = (box[2:] - box[:2]) / 8  # 32 of 160: a quarter of the box in all
            whole = np.concatenate(
                [(box[:2] - grown).clip(0), np.minimum(box[2:] + grown, (width, height))]
            )
            assert (left, top, right, bottom) == tuple(whole.astype(int)), name
            if width * height < 200_000 and checked < 5:
                picture, points = read(photographs / name), np.array(found["landmarks"])
                crop = aligned(picture, box, points, ALIGNMENTS["margin-32"], 160)
                cut = resize(picture[top:bottom, left:right], 160, "bilinear")
                np.testing.assert_array_equal(crop, cut)
                checked += 1
    assert checked == 5


# Refusals


def test_a_face_from_which_no_crop_follows_is_an_error() -> None:
    picture, points = face()

    def refused(
        said: str, landmarks: object, name: str = "openface-similarity", box: object = BOX
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ImageError, match=said):
                aligned(picture, box, landmarks, ALIGNMENTS[name], 96)  # type: ignore[arg-type]  # the fault

    on_a_line = np.outer(np.arange(5.0), (3, 7)) + 100
    for name in TEMPLATES:
        for value in (0.0, 7.5, 1e6):
            refused("all lie at one point", np.full((5, 2), value), name)
        for fault in (math.nan, math.inf):
            refused(
                "the face's landmarks must be finite", np.where(points > 250, fault, points), name
            )
        refused("degenerate: .*farther than 1,600 pixels", points * 1000, name)
        refused("degenerate: .*farther than 1,600 pixels", points + 1e6, name)
    refused("all lie on one line", on_a_line, "openface-affine")
    aligned(picture, BOX, on_a_line, OPENFACE, 96)
    z = (np.array(template(TEMPLATES[0]).points) - 0.5) @ (1, 1j)
    z -= z.mean()
    odd = np.conj(z) - z * np.vdot(z, np.conj(z)) / np.vdot(z, z)  # at right angles to z
    refused("no turn brings them near", 100 * np.column_stack([odd.real, odd.imag]) + 200)
    for box in ([500, 10, 600, 90], [10, -90, 40, -20], [40, 10, 20, 90], [10, 10, 10, 40]):
        refused(
            "holds no pixel of the picture, which is 400 x 400", points, "margin-32", np.array(box)
        )
    refused("the face's box must be finite", points, "margin-0", np.array([0, 0, math.nan, 9]))


wide = st.one_of(st.floats(), st.floats(-1000, 1000), st.sampled_from([0.0, 5e-324, 1e-160, 7.5]))


@given(
    hnp.arrays(np.float64, (5, 2), elements=wide),
    hnp.arrays(np.float64, 4, elements=wide),
    st.sampled_from(sorted(ALIGNMENTS)),
    st.sampled_from([1.0, 3.0]),
)
def test_any_numbers_give_a_crop_or_an_image_error(
    points: Numbers, box: Numbers, name: str, room: float
) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (30, 50, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            crop = aligned(picture, box, points, ALIGNMENTS[name], 24, room)
        except ImageError:
            return
    assert crop.shape == (24, 24, 3)


def test_what_no_arguments_can_be_is_refused() -> None:
    picture, points = face()
    for room in (0.99, 3.01, math.nan, "2", None):
        with pytest.raises(ArgumentError, match="room must be 1 to 3"):
            aligned(picture, BOX, points, OPENFACE, 96, room)  # type: ignore[arg-type]  # the fault
    with pytest.raises(ArgumentError, match="size must be at least 1"):
        aligned(picture, BOX, points, OPENFACE, 0)
    with pytest.raises(ArgumentError, match=r"landmarks of a face has the shape \(5, 2\)"):
        aligned(picture, BOX, points[:4], OPENFACE, 96)
    with pytest.raises(ArgumentError, match=r"box of a face has the shape \(4,\)"):
        aligned(picture, BOX[:3], points, ALIGNMENTS["margin-0"], 96)
    for fraction in (1.0, 1.5, -0.1, math.nan):
        with pytest.raises(ArgumentError, match="fraction is from 0 to below 1"):
            aligned(picture, BOX, points, Margin(fraction), 96)
    with pytest.raises(ImageError, match="a picture is"):
        aligned(picture[..., 0], BOX, points, OPENFACE, 96)
    for fit, least in ((similarity, 2), (affine, 3)):
        for shape, to in (((least - 1, 2),) * 2, ((5, 3),) * 2, ((5, 2), (4, 2)), ((10,),) * 2):
            with pytest.raises(ArgumentError, match=f"N of at least {least}"):
                fit(np.ones(shape), np.ones(to))


def test_the_default_networks_template_is_its_own_mirror_image() -> None:
    points = np.array(template("npfacenet").points)
    mirrored = (points * (-1, 1) + (1, 0))[[1, 0, 2, 4, 3]]
    np.testing.assert_allclose(mirrored, points, atol=1e-12)
    assert (points > 0.2).all()
    assert (points < 0.8).all()
