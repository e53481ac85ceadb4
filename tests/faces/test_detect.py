"""`Detector.detect`: what it takes, what it gives, and what it refuses; with drawn weights.

Drawn weights find faces anywhere, which serves here as well as finding them where they are.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from npfacenet.errors import ArgumentError, ImageError, NpfacenetError
from npfacenet.faces import Detector, Faces, Finder, Mtcnn, Yunet
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.faces.summed_area import SummedAreaTable
from npfacenet.images import ImageSource
from npfacenet.networks import Network, Outputs
from npfacenet.recipes.finder import npfacenet_finder
from npfacenet.recipes.mtcnn import onet, pnet, rnet
from npfacenet.recipes.yunet import STRIDES, yunet


def drawn(network: Network[Outputs], seed: int) -> ReadyNetwork:
    """A network with drawn weights, which moves boxes by a little only."""
    parameters = network.initialise(seed)
    if ("box", "kernel") in parameters:
        parameters["box", "kernel"] *= np.float32(0.1)
    return ReadyNetwork(network, parameters)


R_NET = drawn(rnet(), 1)
DETECTORS = [
    Mtcnn(drawn(pnet(), 0), R_NET, drawn(onet(), 2), (0.6, 0.3, 0.3)),
    Yunet(drawn(yunet(), 3), threshold=0.5),
    Finder(drawn(npfacenet_finder(), 3), threshold=0.5),
]
either = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)


def noise(seed: int, height: int = 60, width: int = 70) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def same(first: Faces, second: Faces) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("boxes", "landmarks", "scores")
    )


def test_a_box_whose_edges_the_network_exchanges_is_no_face() -> None:
    network = onet()
    parameters = network.initialise(2)
    parameters["box", "bias"][:] = (2, 0, -2, 0)  # beyond each other
    usual = DETECTORS[0]
    assert isinstance(usual, Mtcnn)
    crossing = replace(usual, onet=ReadyNetwork(network, parameters))
    assert usual.detect(noise(3))
    assert not crossing.detect(noise(3))


@either
def test_one_picture_gives_faces_and_several_a_list(detector: Detector) -> None:
    picture = noise(0)
    alone = detector.detect(picture)
    assert isinstance(alone, Faces)
    assert len(alone) > 0
    assert (np.diff(alone.scores) <= 0).all()
    assert alone.source == "array (60, 70, 3)"
    listed = detector.detect([picture])
    assert isinstance(listed, list)
    assert same(listed[0], alone)
    assert listed[0].source == "array (60, 70, 3) at index 0"
    stacked: object = detector.detect(np.stack([picture, picture]))
    assert isinstance(stacked, list)
    assert [same(faces, alone) for faces in stacked] == [True, True]
    assert detector.detect([]) == []
    assert detector.detect(iter([picture]))[0].source == listed[0].source


@either
def test_whatever_holds_a_picture_gives_the_same_faces(detector: Detector, tmp_path: Path) -> None:
    picture = noise(1)
    image, buffer = Image.fromarray(picture), io.BytesIO()
    image.save(buffer, "png")
    path = tmp_path / "noise.png"
    path.write_bytes(buffer.getvalue())
    expected = detector.detect(picture)
    for source in (path, str(path), buffer.getvalue(), image):
        assert same(detector.detect(source), expected)
    assert detector.detect(path).source == str(path)
    turned = detector.detect(np.ascontiguousarray(picture[..., ::-1]), channel_order="bgr")
    assert same(turned, expected)


@either
def test_a_batch_gives_what_one_by_one_gives(detector: Detector) -> None:
    pictures = [noise(i, 40 + 7 * i, 90 - 9 * i) for i in range(6)]
    one_by_one = [detector.detect(picture, threads=1) for picture in pictures]
    for threads in (1, 2, 3):
        together = detector.detect(pictures, threads=threads)
        assert all(map(same, together, one_by_one))


@either
def test_a_detector_can_be_pickled(detector: Detector) -> None:
    again = pickle.loads(pickle.dumps(detector))  # noqa: S301
    assert same(again.detect(noise(2)), detector.detect(noise(2)))
    assert len(repr(detector)) < 200


@either
def test_the_surest_faces_are_chosen(detector: Detector) -> None:
    every = detector.detect(noise(3))
    assert len(every) > 2
    least = float(every.scores[1])
    sure = detector.detect(noise(3), least_score=least)
    assert len(sure) == (every.scores >= least).sum()
    few = detector.detect(noise(3), most_faces=2)
    np.testing.assert_array_equal(few.boxes, every.boxes[:2])
    assert len(detector.detect(noise(3), least_score=1.5)) == 0


@either
def test_the_best_score_is_told_whatever_is_chosen(detector: Detector) -> None:
    faces = detector.detect(noise(3))
    assert faces
    assert faces.best_score is not None
    assert faces.best_score >= faces.scores[0]
    for options in ({"most_faces": 1}, {"least_score": 2.0}):
        assert detector.detect(noise(3), **options).best_score == faces.best_score
    skipped = detector.detect(b"no picture", on_error="skip")
    assert skipped.best_score is None


def test_yunets_best_score_is_that_of_all_cells_at_all_scales() -> None:
    detector = DETECTORS[1]
    assert isinstance(detector, Yunet)
    picture = noise(5, 300, 400)
    table = SummedAreaTable(picture)
    seen = [
        np.sqrt(outputs[f"cls_{s}"].clip(0, 1) * outputs[f"obj_{s}"].clip(0, 1)).max()
        for scale in detector.scales_of(300, 400, 20)
        for outputs in [
            detector.network.run(
                detector.prepared(table.resized(round(300 * scale), round(400 * scale))), threads=1
            )
        ]
        for s in STRIDES
    ]
    for threshold in (0.5, 1.1):
        found = replace(detector, threshold=threshold).detect(picture, smallest_face=20)
        assert bool(found) is (threshold == 0.5)
        assert found.best_score == max(seen)


def test_mtcnns_best_score_is_that_of_the_last_network_that_looked() -> None:
    """Thresholds decide which network that is; scores of several networks cannot be compared."""
    mtcnn = DETECTORS[0]
    assert isinstance(mtcnn, Mtcnn)
    table = SummedAreaTable(noise(3))
    proposed = mtcnn.propose(table, 20)
    refined = mtcnn.refine(table, proposed)
    decided = mtcnn.decide(table, refined)
    for thresholds, expected in (
        ((1.1, 0.3, 0.3), proposed.best_score),
        ((0.6, 1.1, 0.3), refined.best_score),
        ((0.6, 0.3, 1.1), decided.best_score),
    ):
        found = replace(mtcnn, thresholds=thresholds).detect(noise(3))
        assert not found
        assert found.best_score == expected
    assert proposed.best_score == proposed.scores.max()
    assert refined.best_score is not None
    assert refined.best_score >= refined.scores.max()
    tiny = mtcnn.detect(noise(3, 5, 5))
    assert tiny.best_score is None  # no window fits


@either
def test_small_faces_are_not_looked_for_if_larger_ones_are_asked_for(detector: Detector) -> None:
    assert len(detector.detect(noise(4), smallest_face=60)) < len(detector.detect(noise(4)))


def test_the_smallest_face_is_20_pixels_or_a_fortieth() -> None:
    asked = []

    class Asked(Yunet):
        def find(
            self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
        ) -> Faces:
            asked.append(smallest_face)
            return Faces()

    detector = Asked(drawn(yunet(), 0))
    for width in (100, 800, 1000):
        detector.detect(noise(0, 10, width))
    detector.detect(noise(0, 10, 1000), smallest_face=np.float32(12))  # type: ignore[call-overload]  # a number
    assert asked == [20, 20, 25, 12]


@either
def test_a_picture_that_cannot_be_read_is_told_or_skipped(
    detector: Detector, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    pictures: list[ImageSource] = [noise(0), broken, noise(1)]
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        detector.detect(pictures)
    first, skipped, last = detector.detect(pictures, on_error="skip")
    assert first.skipped is last.skipped is None
    assert skipped.skipped is not None
    assert "broken.jpg" in skipped.skipped
    assert skipped.source == str(broken)
    assert len(skipped) == 0
    assert detector.detect(broken, on_error="skip").skipped == skipped.skipped
    with pytest.raises(ImageError, match=r"at index 1"):
        detector.detect([noise(0), b"nothing"])


@either
def test_progress_counts_pictures(detector: Detector) -> None:
    told: list[tuple[str, int, int | None]] = []
    detector.detect([noise(0), noise(1)], progress=lambda *step: told.append(step))
    assert told == [("detecting", 1, 2), ("detecting", 2, 2)]
    told.clear()
    detector.detect(iter([noise(0)]), progress=lambda *step: told.append(step))
    assert told == [("detecting", 1, None)]


@either
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 300), (20_000, 10), (11, 13), (12, 12), (31, 33)], ids=str
)
def test_any_size_gives_a_result(detector: Detector, shape: tuple[int, int]) -> None:
    faces = detector.detect(noise(5, *shape))
    assert np.isfinite(faces.boxes).all()


@either
@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.full((8, 8, 3), np.nan), "of float64: a picture is uint8"),
        (np.zeros((0, 8, 3), np.uint8), "this one has no pixels"),
        (np.zeros((8, 8), np.uint8), "if it is grey, pass"),
        (np.zeros((8, 8, 4), np.uint8), "alpha"),
        (np.ma.masked_array(noise(0), mask=True), "masked"),
        ("no such file.jpg", "does not exist"),
        (b"", "is empty"),
        (3, "a picture is a path"),
        (None, "a picture is a path"),
        ({"a": 1}, "pictures are not taken from a dict"),
        (io.BytesIO(b"x"), "pass its content"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_what_is_not_a_picture_is_refused_in_a_sentence(
    detector: Detector, picture: object, said: str
) -> None:
    with pytest.raises(ImageError, match=said):
        detector.detect(picture)  # type: ignore[call-overload]  # the fault under test


def test_a_grey_file_is_a_picture(tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.fromarray(noise(6)[:, :, 0]).save(grey)
    pixels = np.repeat(noise(6)[:, :, :1], 3, axis=2)
    for detector in DETECTORS:
        assert same(detector.detect(grey), detector.detect(pixels))


@either
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("smallest_face", 0), ("smallest_face", 9.9), ("smallest_face", np.nan),
        ("smallest_face", "20"),
        ("smallest_face", True), ("least_score", "0.5"), ("least_score", np.inf),
        ("most_faces", 0), ("most_faces", 1.5), ("channel_order", "rbg"), ("on_error", "ignore"),
        ("threads", 0), ("progress", 3),
    ],
)  # fmt: skip
def test_unknown_options_are_refused(detector: Detector, option: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=option):
        detector.detect(noise(0), **{option: value})  # type: ignore[call-overload]  # as above


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.binary(max_size=5), st.lists(st.integers(), max_size=2),
)  # fmt: skip


OPTIONS = (
    "smallest_face", "least_score", "most_faces", "channel_order", "on_error", "progress",
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, JUNK)), st.sampled_from(DETECTORS))
def test_junk_in_every_option_gives_a_result_or_an_error_of_the_library(
    options: dict[str, object], detector: Detector
) -> None:
    try:
        faces = detector.detect(noise(7, 30, 30), **options)  # type: ignore[call-overload]  # junk
    except NpfacenetError:
        return
    assert isinstance(faces, Faces)


@pytest.mark.parametrize(
    ("detector", "settings"),
    [
        (DETECTORS[0], {"thresholds": (0.6, 0.7)}),
        (DETECTORS[0], {"thresholds": (0.6, np.nan, 0.7)}),
        (DETECTORS[0], {"thresholds": 0.7}),
        (DETECTORS[0], {"factor": 1.0}),
        (DETECTORS[0], {"factor": 0}),
        (DETECTORS[0], {"pnet": None}),
        (DETECTORS[1], {"threshold": None}),
        (DETECTORS[1], {"most_shared": 2}),
        (DETECTORS[1], {"scales": ()}),
        (DETECTORS[1], {"scales": (0.0,)}),
        (DETECTORS[1], {"scales": 1.0}),
        (DETECTORS[1], {"network": R_NET}),
        (DETECTORS[2], {"threshold": np.nan}),
        (DETECTORS[2], {"most_shared": -0.1}),
        (DETECTORS[2], {"network": drawn(yunet(), 3)}),
    ],
)
def test_impossible_settings_are_refused(detector: Detector, settings: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        replace(detector, **settings)


def test_weights_that_give_no_numbers_are_told() -> None:
    network = yunet()
    parameters = network.initialise(0)
    parameters["cls_8_depthwise", "bias"] = np.full(1, np.nan, np.float32)
    with pytest.raises(NpfacenetError, match="not finite"):
        Yunet(ReadyNetwork(network, parameters)).detect(noise(0))
