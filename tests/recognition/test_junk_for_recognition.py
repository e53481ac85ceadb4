"""Whatever is passed, nothing but an error of ours comes out, in a short message."""

from __future__ import annotations

import decimal
import fractions
import io
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from npfacenet.cards import Threshold
from npfacenet.errors import NpfacenetError
from npfacenet.gallery import Gallery, enrol, identify, identify_all
from npfacenet.models import Embeddings
from npfacenet.models.embeddings import Skipped
from npfacenet.recognition import PairHead, distances, read_pair_head, reliability, verify
from npfacenet.recognition.calibration import (
    ErrorRate,
    calibrate,
    errors_allowed,
    errors_at,
    interval,
)
from npfacenet.recognition.distance import (
    comparable,
    joined,
    paired_distances,
    threshold_for,
    within,
)
from npfacenet.recognition.evaluation import (
    accuracy,
    area,
    best_threshold,
    equal_error_rate,
    evaluate,
    roc,
    true_accept_rate,
)
from npfacenet.recognition.labelled_pairs import Failures
from npfacenet.recognition.lfw import (
    Pair,
    choose_folds,
    genuine_flags,
    read_pairs,
)
from npfacenet.recognition.pair_distances import pair_distances
from npfacenet.recognition.people_folder import people_in
from npfacenet.recognition.plots import plot_evaluation
from npfacenet.training.pair_fitting import fit_pair_head


class Hostile:
    """Raises whatever is asked of it."""

    def __array__(self, *arguments: object, **options: object) -> np.ndarray:
        raise RuntimeError("no array")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __fspath__(self) -> str:
        raise TypeError("no path")


RELEASED = memoryview(b"picture")
RELEASED.release()
RECURSIVE: list[object] = []
RECURSIVE.append(RECURSIVE)
JUNK: dict[str, object] = {
    "none": None, "text": "a.jpg", "long": "x" * 20_000, "bytes": b"\xff\xd8" * 9000,
    "true": True, "nan": math.nan, "inf": math.inf, "minus": -1, "huge": 10**400,
    "wider": 10**5000, "half": 0.5, "longdouble": np.longdouble("1e4000"), "complex": 1j,
    "decimal": decimal.Decimal("0.5"), "fraction": fractions.Fraction(1, 3), "object": object(),
    "class": int, "function": len, "generator": (x for x in [1.0]), "set": {1, 2},
    "mapping": {"a": 1}, "list": [], "nested": [[]], "ragged": [[1, 2], [3]],
    "mixed": [1, "b", None],
    "texts": ["a", "b"], "nones": [None, None], "nans": [math.nan, 1.0], "infs": [[math.inf, 0.0]],
    "halves": [0.5, 0.5], "signs": [-1, 1], "classes": [0, 1, 2], "huge ints": [10**400, 1],
    "booleans": [True, False], "recursive": RECURSIVE, "hostile": Hostile(),
    "hostiles": [Hostile(), Hostile()], "memoryview": memoryview(b"abc"), "released": RELEASED,
    "strided": memoryview(bytearray(12))[::2], "scalar": np.array(0.5), "empty": np.empty((0, 3)),
    "no columns": np.empty((3, 0)), "masked": np.ma.array([1.0, 0.0], mask=[False, True]),
    "masked constant": np.ma.masked, "masked rows": [np.ma.array([1.0, 0.0], mask=[False, True])],
    "objects": np.array([1, None], object), "complexes": np.array([1j, 0]),
    "strings": np.array(["1", "0"]), "dates": np.array(["2020"], "M8[D]"),
    "structured": np.zeros(2, "f4,i4"), "3-D": np.ones((2, 2, 2)), "64-D": np.ones((1,) * 32),
    "big": np.full((2, 2), 1e300), "float16": np.array([np.inf, 0], "f2"),
    "picture": np.zeros((4, 4, 3), np.uint8), "pil": PIL.Image.new("RGB", (3, 3)),
    "path": Path("a.jpg"), "embeddings": Embeddings.of([[1.0, 0.0], [0.0, 1.0]]),
    "pictures": ["a.jpg", b"x"], "scalars": [np.float32(0.5), np.int8(1)],
    "longdoubles": np.array([np.longdouble("1e4000")] * 2),
}  # fmt: skip

V, W = [0.6, 0.8], [0.8, 0.6]
PAIRS = np.array([[1.0, 0.0], [0.0, 1.0]])
HEAD = PairHead("absolute", np.ones(2, np.float32), 0.0)
NUMBERS = np.linspace(0.5, 1.5, 400)
Call = Callable[[Any], object]
# Each takes junk in one place, and good values elsewhere.
CALLS: dict[str, Call] = {
    "Embeddings.of": Embeddings.of,
    "Embeddings values": lambda x: Embeddings(x),
    "Embeddings fingerprint": lambda x: Embeddings(PAIRS, x),
    "Embeddings threshold": lambda x: Embeddings(PAIRS, None, x),
    "Embeddings sources": lambda x: Embeddings(PAIRS, sources=x),
    "Embeddings.load": lambda x: Embeddings.load(x),
    "Embeddings.concatenate": lambda x: Embeddings.concatenate(x),
    "Embeddings.concatenate one": lambda x: Embeddings.concatenate([Embeddings.of(V), x]),
    "Embeddings skipped": lambda x: Embeddings(PAIRS, skipped=x),
    "Threshold value": lambda x: Embeddings(PAIRS, "f", Threshold(x, "e")),
    "Threshold evidence": lambda x: Embeddings(PAIRS, "f", Threshold(0.1, x)),
    "verify a": lambda x: verify(x, W, threshold=1),
    "verify b": lambda x: verify(V, x, threshold=1),
    "verify both": lambda x: verify(x, x, threshold=1),
    "verify threshold": lambda x: verify(V, W, threshold=x),
    "identify probe": lambda x: identify(x, {"b": W}, threshold=1),
    "identify gallery": lambda x: identify(V, x, threshold=1),
    "identify entry": lambda x: identify(V, {"b": x}, threshold=1),
    "identify threshold": lambda x: identify(V, {"b": W}, threshold=x),
    "identify_all probes": lambda x: identify_all(x, {"b": W}, threshold=1),
    "identify_all gallery": lambda x: identify_all(PAIRS, x, threshold=1),
    "identify_all threshold": lambda x: identify_all(PAIRS, {"b": W}, threshold=x),
    "distances": lambda x: distances(x, W),
    "distances b": lambda x: distances(W, x),
    "paired_distances": lambda x: paired_distances(PAIRS, x),
    "comparable": lambda x: comparable(Embeddings.of(V), x),
    "threshold_for": lambda x: threshold_for(None, x),
    "within distance": lambda x: within(x, 1),
    "within threshold": lambda x: within(1, x),
    "joined": lambda x: joined([Embeddings.of(V), x]),
    "Gallery.of": lambda x: Gallery.of(x),
    "Gallery.of entry": lambda x: Gallery.of({"a": V, "b": x}),
    "Gallery.of_rows names": lambda x: Gallery.of_rows(x, Embeddings.of(PAIRS)),
    "Gallery.of_rows name": lambda x: Gallery.of_rows(("a", x), Embeddings.of(PAIRS)),
    "Gallery.of_rows embeddings": lambda x: Gallery.of_rows(("a", "b"), x),
    "Gallery.open": lambda x: Gallery.open(x, create=False),
    "Gallery.add name": lambda x: Gallery().add(x, V),
    "Gallery.add embeddings": lambda x: Gallery().add("a", x),
    "Gallery person": lambda x: Gallery.of({"a": V})[x],
    "Gallery.remove": lambda x: Gallery.of({"a": V}).remove(x),
    "Gallery.remove wait": lambda x: Gallery.of({"a": V}).remove("a", wait=x),
    "Gallery.rename": lambda x: Gallery.of({"a": V}).rename("a", x),
    "Gallery.merge": lambda x: Gallery.of({"a": V}).merge("a", x),
    "Gallery.not_this_person": lambda x: Gallery.of({"a": V}).not_this_person("a", x),
    "verify by": lambda x: verify(V, W, threshold=1, by=x),
    "identify by": lambda x: identify(V, {"b": W}, threshold=1, by=x),
    "identify nearest": lambda x: identify(V, {"b": W}, threshold=1, nearest=x),
    "Gallery.without": lambda x: Gallery.of({"a": V}).without(x),
    "enrol model": lambda x: enrol(x, "."),
    "people_in": lambda x: people_in(x),
    "errors_at threshold": lambda x: errors_at(x, NUMBERS, NUMBERS),
    "errors_at genuine": lambda x: errors_at(1, x, NUMBERS),
    "errors_at impostors": lambda x: errors_at(1, NUMBERS, x),
    "errors_allowed rate": lambda x: errors_allowed(x, 100),
    "errors_allowed trials": lambda x: errors_allowed(0.5, x),
    "calibrate genuine": lambda x: calibrate(x, NUMBERS, 0.01),
    "calibrate impostors": lambda x: calibrate(NUMBERS, x, 0.01),
    "calibrate rate": lambda x: calibrate(NUMBERS, NUMBERS, x),
    "ErrorRate errors": lambda x: ErrorRate(x, 10),
    "ErrorRate trials": lambda x: ErrorRate(1, x),
    "interval": lambda x: interval(x, x),
    "evaluate distances": lambda x: evaluate(x, [[True, False]] * 2),
    "evaluate labels": lambda x: evaluate([[0.1, 0.9]] * 2, x),
    "evaluate fold": lambda x: evaluate([[0.1, 0.9], x], [[True, False]] * 2),
    "evaluate fold's labels": lambda x: evaluate([[0.1, 0.9]] * 2, [[True, False], x]),
    "evaluate rates": lambda x: evaluate([[0.1, 0.9]] * 2, [[True, False]] * 2, x),
    "evaluate failed": lambda x: evaluate([[0.1, 0.9]] * 2, [[True, False]] * 2, failed=x),
    "evaluate fold's failed": lambda x: evaluate(
        [[0.1, 0.9]] * 2, [[True, False]] * 2, failed=[[False, False], x]
    ),
    "Failures": lambda x: Failures(x, x),
    "errors_at failed": lambda x: errors_at(1, NUMBERS, NUMBERS, x),
    "calibrate failed": lambda x: calibrate(NUMBERS, NUMBERS, 0.01, x),
    "roc failed": lambda x: roc(NUMBERS, NUMBERS, x),
    "area failed": lambda x: area(NUMBERS, NUMBERS, x),
    "evaluate rate": lambda x: evaluate([[0.1, 0.9]] * 2, [[True, False]] * 2, [x]),
    "accuracy": lambda x: accuracy(x),
    "accuracy fold": lambda x: accuracy([x, x]),
    "best_threshold distances": lambda x: best_threshold(x, np.array([True, False])),
    "best_threshold labels": lambda x: best_threshold(np.array([0.1, 0.9]), x),
    "roc": lambda x: roc(x, NUMBERS),
    "area": lambda x: area(NUMBERS, x),
    "equal_error_rate": lambda x: equal_error_rate(x, NUMBERS),
    "true_accept_rate": lambda x: true_accept_rate(NUMBERS, x, 0.01),
    "true_accept_rate rate": lambda x: true_accept_rate(NUMBERS, NUMBERS, x),
    "reliability said": lambda x: reliability(x, [True, False]),
    "reliability labels": lambda x: reliability([0.5, 0.5], x),
    "reliability bins": lambda x: reliability([0.5, 0.5], [True, False], x),
    "PairHead similarity": lambda x: PairHead(x, np.ones(2, np.float32), 0.0),
    "PairHead weights": lambda x: PairHead("absolute", x, 0.0),
    "PairHead bias": lambda x: PairHead("absolute", np.ones(2, np.float32), x),
    "PairHead fingerprint": lambda x: PairHead("absolute", np.ones(2, np.float32), 0.0, x),
    "PairHead.probability": lambda x: HEAD.probability(x, V),
    "read_pair_head": lambda x: read_pair_head(x),
    "fit_pair_head a": lambda x: fit_pair_head(x, PAIRS, [True, False], steps=1),
    "fit_pair_head labels": lambda x: fit_pair_head(PAIRS, PAIRS, x, steps=1),
    "fit_pair_head similarity": lambda x: fit_pair_head(PAIRS, PAIRS, [True, False], x, steps=1),
    "fit_pair_head steps": lambda x: fit_pair_head(PAIRS, PAIRS, [True, False], steps=x),
    "fit_pair_head decay": lambda x: fit_pair_head(
        PAIRS, PAIRS, [True, False], steps=1, weight_decay=x
    ),
    "read_pairs": lambda x: read_pairs(x),
    "choose_folds": lambda x: choose_folds([(), ()], x),
    "choose_folds number": lambda x: choose_folds([(), ()], [1, x]),
    "Pair": lambda x: Pair(x, ("Ada", 1)),
    "Pair name": lambda x: Pair((x, 1), ("Ada", 1)),
    "Pair number": lambda x: Pair(("Ada", x), ("Ada", 1)),
    "genuine_flags": lambda x: genuine_flags(x),
    "genuine_flags fold": lambda x: genuine_flags([x]),
    "genuine_flags pair": lambda x: genuine_flags([(x,)]),
    "pair_distances model": lambda x: pair_distances(x, ".", []),
    "plot_evaluation": lambda x: plot_evaluation(io.BytesIO(), x, NUMBERS, NUMBERS, "title"),
    "Skipped": lambda x: Skipped(x, x),
}


@pytest.mark.parametrize("name", CALLS)
def test_junk_gives_a_result_or_an_error_of_ours(name: str) -> None:
    call = CALLS[name]
    for kind, junk in JUNK.items():
        result, error = outcome(call, junk)
        assert error is None or isinstance(error, NpfacenetError), f"{kind}: {error!r}"
        assert len(str(error)) < 800, kind
        repr(result)
        if hasattr(result, "as_json"):
            json.dumps(result.as_json(), allow_nan=False)


def outcome(call: Call, junk: object) -> tuple[object, Exception | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return call(junk), None
        except Exception as error:  # noqa: BLE001 (whatever comes out is judged)
            return None, error
