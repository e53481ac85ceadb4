"""The result of a detection."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from npfacenet.errors import ArgumentError
from npfacenet.faces import LANDMARKS, Faces

BOX = [[10.128, 20, 50, 70]]
POINTS = [[[22.004, 40], [38, 40], [30, 48], [24, 58], [36, 58]]]


def test_without_faces_it_is_empty_and_false() -> None:
    faces = Faces()
    assert not faces
    assert len(faces) == 0
    assert faces.boxes.shape == (0, 4)
    assert faces.landmarks.shape == (0, len(LANDMARKS), 2)
    assert faces.scores.shape == (0,)
    assert faces.as_json() == {"source": None, "faces": []}
    assert repr(faces) == "<Faces: no face>"
    assert faces.best_score is None


def test_json_has_a_face_a_row() -> None:
    faces = Faces(BOX, POINTS, [0.98771], "me.jpg")  # type: ignore[arg-type]  # lists are taken
    told = faces.as_json()
    assert json.loads(json.dumps(told)) == {
        "source": "me.jpg",
        "faces": [
            {
                "box": [10.13, 20.0, 50.0, 70.0],
                "score": 0.9877,
                "landmarks": [[22.0, 40.0], [38, 40], [30, 48], [24, 58], [36, 58]],
            }
        ],
    }
    assert Faces(source="x", skipped="damaged").as_json()["skipped"] == "damaged"


def test_arrays_are_float32_of_its_own_and_cannot_be_changed() -> None:
    boxes = np.array(BOX)
    faces = Faces(boxes, np.array(POINTS), np.ones(1))  # type: ignore[arg-type]  # of float64
    boxes[:] = 0
    assert faces.boxes[0, 1] == 20
    for array in (faces.boxes, faces.landmarks, faces.scores):
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    again = pickle.loads(pickle.dumps(faces))  # noqa: S301
    np.testing.assert_array_equal(again.boxes, faces.boxes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"boxes": BOX}, r"landmarks of 1 faces have the shape \(1, 5, 2\), not \(0, 5, 2\)"),
        ({"boxes": [1, 2, 3, 4]}, r"boxes of 4 faces have the shape \(4, 4\), not \(4,\)"),
        ({"boxes": BOX, "landmarks": POINTS, "scores": [np.nan]}, "scores must be finite"),
        ({"boxes": [[0, 0, 1e30, 9]]}, "boxes must be finite, and at most 1e.09"),
        ({"boxes": BOX, "landmarks": [[[1e300, 0]] * 5]}, "landmarks must be finite"),
        ({"boxes": [[50, 20, 10, 70]], "landmarks": POINTS, "scores": [1]}, "edges are exchanged"),
        ({"boxes": "no"}, "boxes are an array of real numbers"),
        ({"source": 3}, "source is text or None, not 3"),
        ({"skipped": b""}, "skipped is text or None"),
        ({"best_score": "high"}, "best_score is a number or None, not 'high'"),
        ({"best_score": np.nan}, "best_score is a number or None, not nan"),
    ],
)
def test_what_are_not_faces_is_refused(arguments, said: str) -> None:  # type: ignore[no-untyped-def]  # any
    with pytest.raises(ArgumentError, match=said):
        Faces(**arguments)


def test_a_repr_is_short() -> None:
    many = Faces(BOX * 500, POINTS * 500, np.ones(500))  # type: ignore[arg-type]  # as above
    assert repr(many) == "<Faces: 500 faces, the best 40x50 pixels, score 1.00>"
    assert repr(Faces(skipped="x" * 300)).startswith("<Faces: skipped, 'xxx")
    assert len(repr(Faces(skipped="x" * 3000))) < 300
