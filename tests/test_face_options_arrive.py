"""The law of photographs: what a caller says of faces reaches the detector and the crop.

Wherever pictures are taken, `detect`, `crop`, `choose`, `smallest_face` and `least_score` have the
effect that they have in `Model.embed`, whose own is checked against faces that are cut out by hand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest
import three_faces
from drawn_detector import faces_in
from three_faces import (
    BEST,
    CENTRAL,
    LARGER_THAN_CENTRAL,
    LARGEST,
    SCORE_OF_THE_BEST,
    SIDE,
    TINY,
    TINY_TOO,
    USUAL,
    Other,
    Recording,
    save_photo,
)

from npfacenet import Model
from npfacenet.commands.main import main
from npfacenet.faces.alignment import aligned
from npfacenet.faces.choice import OneOf
from npfacenet.gallery import enrol
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.recognition.evaluation import evaluate
from npfacenet.recognition.lfw import Pair, genuine_flags, picture_path, read_pairs
from npfacenet.recognition.pair_distances import measure_pairs, pair_distances, pair_embeddings
from npfacenet.training import Configuration
from npfacenet.training.picture_preparation import picture_preparation
from npfacenet.training.picture_store import PictureStore


class Options(TypedDict, total=False):
    """Of `Model.embed`."""

    detect: str | bool
    crop: int
    choose: OneOf
    smallest_face: float
    least_score: float


CROP = 150
GIVEN: dict[str, Options] = {
    "nothing": {},
    "largest": {"choose": "largest"},
    "central": {"choose": "central"},
    "smallest face": {"choose": "central", "smallest_face": LARGER_THAN_CENTRAL},
    "tiny faces": {"choose": "central", "smallest_face": TINY_TOO},
    "least score": {"least_score": SCORE_OF_THE_BEST},
    "another detector": {"detect": "yunet", "choose": "central"},
    "all of them": {
        "detect": "yunet", "choose": "central", "smallest_face": LARGER_THAN_CENTRAL
    },
    "no detector": {"detect": False},
    "crop": {"crop": CROP},
}  # fmt: skip
SHOWN: dict[str, tuple[float, float, float, float]] = {
    "nothing": LARGEST,
    "largest": LARGEST,
    "central": CENTRAL,
    "smallest face": BEST,
    "tiny faces": TINY,
    "least score": BEST,
    "another detector": CENTRAL,
    "all of them": BEST,
}
APART = 1e-3  # distances of different parts of the photographs differ by more


@dataclass(frozen=True)
class Photos:
    """Photographs of anna and of bert, in a folder as LFW's, with a model that finds faces."""

    folder: Path
    model: Model
    model_file: Path

    @property
    def anna(self) -> Path:
        return picture_path(self.folder, ("anna", 1))

    @property
    def bert(self) -> Path:
        return picture_path(self.folder, ("bert", 1))

    def distance(self, options: Options) -> float:
        """Of anna to bert, each embedded by a call of its own."""
        a, b = (
            self.model.embed(path, **options)  # type: ignore[arg-type]  # False is the only bool
            for path in (self.anna, self.bert)
        )
        return float(np.linalg.norm(a.values - b.values))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    home = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(("anna", "bert")):
        save_photo(picture_path(home / "people", (name, 1)), 10 * seed)
    model = three_faces.finding_model()
    model.save(home / "finding.h5")
    return Photos(home / "people", model, home / "finding.h5")


@pytest.fixture
def photos(home: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Photos:
    for module in ("faces", "faces.loading"):  # in this order: the first is read from the second
        monkeypatch.setattr(f"npfacenet.{module}.load", three_faces.load_drawn)
    monkeypatch.chdir(tmp_path)
    Recording.asked.clear()
    return home


def told(capsys: pytest.CaptureFixture[str], photos: Photos, *words: object) -> str:
    """What a command prints."""
    code = main([*map(str, words), "--model", str(photos.model_file)])
    out, err = capsys.readouterr()
    assert code in (0, 1), err
    return out


def looked_for(options: Options) -> float:
    """The smallest face that detectors look for; larger limits only choose among the found."""
    return min(USUAL, options.get("smallest_face", USUAL))


def as_words(options: Options) -> list[str]:
    """The options as they are typed."""
    words = []
    for name, value in options.items():
        words += ["--no-detect"] if value is False else [f"--{name.replace('_', '-')}", str(value)]
    return words


Capture = pytest.CaptureFixture[str]
Entry = Callable[[Photos, Options, Capture], float]


def by_one_call(photos: Photos, options: Options, capsys: Capture) -> float:
    both = photos.model.embed([photos.anna, photos.bert], **options)  # type: ignore[arg-type]
    return float(np.linalg.norm(both.values[0] - both.values[1]))


def by_enrolling(photos: Photos, options: Options, capsys: Capture) -> float:
    gallery = enrol(photos.model, photos.folder, **options)  # type: ignore[arg-type]
    anna, bert = gallery["anna"].values, gallery["bert"].values
    return float(np.linalg.norm(anna - bert))


PAIRS = [[Pair(("anna", 1), ("bert", 1))]]


def by_measuring_pairs(photos: Photos, options: Options, capsys: Capture) -> float:
    found = measure_pairs(photos.model, photos.folder, PAIRS, **options)  # type: ignore[arg-type]
    return float(found.distances[0][0])


def by_distances_of_pairs(photos: Photos, options: Options, capsys: Capture) -> float:
    found = pair_distances(photos.model, photos.folder, PAIRS, **options)  # type: ignore[arg-type]
    return float(found[0][0])


def by_embedding_pairs(photos: Photos, options: Options, capsys: Capture) -> float:
    ((a, b),) = pair_embeddings(photos.model, photos.folder, PAIRS, **options)  # type: ignore[arg-type]
    return float(np.linalg.norm(a.values - b.values))


def by_training(photos: Photos, options: Options, capsys: Capture) -> float:
    card = photos.model.card
    prepared = picture_preparation(card, Configuration(**options))  # type: ignore[arg-type]
    crop, paths = prepared.preparation.crop, [photos.anna, photos.bert]
    store = PictureStore(paths, crop, card.input_size, finder=prepared.finder)
    a, b = (photos.model.embed(store.plain(i), detect=False).values for i in (0, 1))
    return float(np.linalg.norm(a - b))


def by_verify(photos: Photos, options: Options, capsys: Capture) -> float:
    words = ("verify", photos.anna, photos.bert, "--threshold", 1, "--json", *as_words(options))
    return float(json.loads(told(capsys, photos, *words))["distance"])


def by_identify(photos: Photos, options: Options, capsys: Capture) -> float:
    words = ("identify", photos.anna, "--gallery", photos.folder, "--threshold", 1, "--json")
    found = json.loads(told(capsys, photos, *words, *as_words(options)))["candidates"]
    apart = {one["name"]: one["distance"] for one in found}
    assert apart["anna"] < 1e-4  # the same face of the same picture
    return float(apart["bert"])


def by_embed(photos: Photos, options: Options, capsys: Capture) -> float:
    told(capsys, photos, "embed", photos.anna, photos.bert, "-o", "out.npz", *as_words(options))
    with np.load("out.npz") as written:
        a, b = written["embeddings"]
    return float(np.linalg.norm(a - b))


def by_the_demo(photos: Photos, options: Options, capsys: Capture) -> float:
    Path("demo").mkdir()
    for source, name in ((photos.anna, "anna"), (photos.bert, "bert"), (photos.anna, "camera_0")):
        shutil.copy(source, Path("demo", f"{name}.jpg"))
    words = ("demo", "--images", "demo", "-o", "sheet.png", "--threshold", 1, "--json")
    found = json.loads(told(capsys, photos, *words, *as_words(options)))
    apart = {one["name"]: one["distance"] for one in found["door"][0]["candidates"]}
    assert apart["anna"] < 1e-4
    return float(apart["bert"])


PAIRED = (by_measuring_pairs, by_distances_of_pairs, by_embedding_pairs)  # central by default
COMMANDS = (by_verify, by_identify, by_embed, by_the_demo)
ENTRIES: tuple[Entry, ...] = (by_one_call, by_enrolling, *PAIRED, by_training, *COMMANDS)


@pytest.mark.parametrize("given", GIVEN)
def test_embed_sees_what_was_asked_for(given: str, photos: Photos) -> None:
    options = GIVEN[given]
    found = photos.model.embed(three_faces.photo(0), **options)  # type: ignore[arg-type]
    if given in SHOWN:
        off = Other.off if "detect" in options else 0.0
        face = faces_in(tuple(edge + off for edge in SHOWN[given]))  # type: ignore[arg-type]  # four
        assert found.faces[0].box == tuple(face.boxes[0].tolist())
        crop = aligned(
            three_faces.photo(0),
            face.boxes[0],
            face.landmarks[0],
            ALIGNMENTS["margin-32"],
            photos.model.card.input_size,
        )
    else:
        edge = (SIDE - options.get("crop", SIDE)) // 2
        crop = three_faces.photo(0)[edge : SIDE - edge, edge : SIDE - edge]
        assert (found.faces, Recording.asked) == ((), [])
    expected = photos.model.embed(crop, detect=False)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


def test_what_was_asked_for_can_be_told_apart(photos: Photos) -> None:
    same = ("nothing", "least score")  # as "largest", and as "smallest face"
    different = [options for given, options in GIVEN.items() if given not in same]
    apart = [photos.distance(options) for options in different]
    assert all(abs(a - b) > APART for a, b in combinations(apart, 2))


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)
def test_options_have_the_same_effect_everywhere(
    entry: Entry, given: str, photos: Photos, capsys: Capture
) -> None:
    options = GIVEN[given]
    by_default = entry in PAIRED and given == "nothing"
    wanted = photos.distance(GIVEN["central"] if by_default else options)
    Recording.asked.clear()
    assert entry(photos, options, capsys) == pytest.approx(wanted, abs=APART / 10)
    assert set(Recording.asked) == ({looked_for(options)} if given in SHOWN else set())


@pytest.mark.parametrize("given", GIVEN)
def test_pairs_are_evaluated_with_these_options(
    given: str, photos: Photos, capsys: Capture
) -> None:
    for i, name in enumerate(("anna", "bert")):
        for number in (1, 2):
            save_photo(picture_path(Path("lfw"), (name, number)), 10 * i + 40 * number)
    Path("pairs.txt").write_text(
        "2 1\nanna 1 2\nanna 1 bert 1\nbert 1 2\nanna 2 bert 2\n", encoding="utf-8"
    )
    folds, options = read_pairs("pairs.txt"), GIVEN[given]
    pairs = measure_pairs(photos.model, "lfw", folds, **options)  # type: ignore[arg-type]
    wanted = evaluate(pairs.distances, genuine_flags(folds), failed=pairs.failed).as_json()
    Recording.asked.clear()
    words = ("evaluate", "lfw", "--images", "lfw", "--pairs", "pairs.txt", "--json")
    found = json.loads(told(capsys, photos, *words, *as_words(options)))
    assert {name: found[name] for name in wanted} == json.loads(json.dumps(wanted))
    assert found["preparation"] == str(pairs.preparation)
    assert set(Recording.asked) == ({looked_for(options)} if given in SHOWN else set())


CROPPED: dict[str, tuple[Options, int]] = {
    "nothing": ({}, 3),
    "smallest face": ({"smallest_face": LARGER_THAN_CENTRAL}, 2),
    "tiny faces": ({"smallest_face": TINY_TOO}, 4),
    "least score": ({"least_score": SCORE_OF_THE_BEST}, 1),
}


@pytest.mark.parametrize("given", CROPPED)
@pytest.mark.parametrize("detector", [Recording, Other])
def test_crops_are_of_the_faces_that_were_asked_for(
    detector: type[Recording], given: str, photos: Photos, capsys: Capture
) -> None:
    options, count = CROPPED[given]
    words = ("detect", photos.anna, "--detector", detector.name, "--crops", "crops", "--json")
    crops = json.loads(told(capsys, photos, *words, *as_words(options)))["crops"]
    assert len(crops) == count
    assert set(Recording.asked) == {looked_for(options)}
    again = photos.model.embed(crops, detect=False).values
    every: dict[str, object] = {**options, "choose": "all"}
    ways: list[object] = [detector(), detector.name]
    ways += [None] if detector is Recording else []  # the card's own
    for detect in ways:
        expected = photos.model.embed(photos.anna, detect=detect, **every)  # type: ignore[arg-type]
        np.testing.assert_allclose(again, expected.values, atol=1e-5)


def test_every_face_is_asked_for(photos: Photos, capsys: Capture) -> None:
    for options in (GIVEN["nothing"], GIVEN["all of them"]):
        every = {**options, "choose": "all"}
        wanted = photos.model.embed(photos.anna, **every)  # type: ignore[arg-type]
        words = as_words(every)  # type: ignore[arg-type]  # for one face everywhere else
        told(capsys, photos, "embed", photos.anna, "-o", "out.npz", *words)
        with np.load("out.npz") as written:
            np.testing.assert_array_equal(written["boxes"], [face.box for face in wanted.faces])
        gallery = ("--gallery", photos.folder, "--threshold", 1, "--json")
        Recording.asked.clear()
        found = json.loads(told(capsys, photos, "identify", photos.anna, *gallery, *words))
        assert [one["face"] for one in found] == [face.as_json() for face in wanted.faces]
        assert set(Recording.asked) == {looked_for(options)}


def test_distances_do_not_depend_on_the_card(photos: Photos) -> None:
    """With a card for crops, a detector that is named finds the same faces."""
    plain = replace(photos.model, card=photos.model.card.with_preparation(CENTRAL_SQUARE))
    stated = plain.card.with_preparation(plain.card.found_by("mtcnn"))
    finding = replace(photos.model, card=stated)
    for given in ("central", "smallest face"):
        options: Options = {"detect": "mtcnn", **GIVEN[given]}
        found = plain.embed(photos.anna, **options)  # type: ignore[arg-type]
        own = finding.embed(photos.anna, **GIVEN[given])  # type: ignore[arg-type]
        assert found.fingerprint == own.fingerprint
        assert np.array_equal(found.values, own.values)
