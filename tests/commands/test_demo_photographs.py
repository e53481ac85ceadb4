"""The demo on drawn photographs, with a detector that knows where people were drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

import npfacenet.samples
from npfacenet.commands.demo_door import arrivals, unseen
from npfacenet.commands.demo_office import DOOR, NOBODY, POSTER, STAFF, VISITOR, draw_office
from npfacenet.commands.demo_pictures import DemoPictures
from npfacenet.commands.main import main
from npfacenet.errors import OutputError, WeightsNotFoundError
from npfacenet.faces import Detector, Faces
from npfacenet.images import read
from npfacenet.images.contact_sheet import Row
from npfacenet.models import Model
from npfacenet.samples import Scene

Picture = npt.NDArray[np.uint8]
Run = Callable[..., tuple[int, str, str]]
DRAWN: dict[bytes, Scene] = {}
SCENES: dict[str, Scene] = {}


def scene(seed: int, **arguments: Any) -> Scene:
    """Draw each photograph once, and remember where people are on it."""
    key = repr((seed, arguments))
    if key not in SCENES:
        SCENES[key] = npfacenet.samples.scene(seed, **arguments)
        DRAWN[SCENES[key].picture.tobytes()] = SCENES[key]
    return SCENES[key]


@dataclass(frozen=True, eq=False)
class Knowing(Detector):
    """Finds the faces where they were drawn, except those of these people."""

    name: ClassVar[str] = "knowing"
    blind_to: frozenset[int] = field(default=frozenset())

    def find(self, picture: Picture, smallest_face: float, threads: int | None = None) -> Faces:
        drawn = DRAWN.get(picture.tobytes())
        if drawn is None:
            return Faces()
        seen = [i for i, who in enumerate(drawn.people.tolist()) if who not in self.blind_to]
        scores = np.linspace(0.9, 0.8, len(seen), dtype=np.float32)
        return Faces(drawn.boxes[seen], drawn.landmarks[seen], scores)


@pytest.fixture(autouse=True)
def few_strangers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("demo_office", "demo_strangers"):
        monkeypatch.setattr(f"npfacenet.commands.{module}.scene", scene)
    monkeypatch.setattr("npfacenet.commands.demo_strangers.ON_PHOTOGRAPHS", 26)
    monkeypatch.setattr("npfacenet.faces.loading.load", lambda _: Knowing())
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def of(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return of


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> DemoPictures:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("npfacenet.commands.demo_office.scene", scene)
        return draw_office(tmp_path_factory.mktemp("door") / "office", photographs=True)


def test_the_door_has_a_couple_a_poster_and_nobody(office: DemoPictures) -> None:
    assert len(set(STAFF)) == 12
    assert [path.stem for path in office.at_the_door] == list(DOOR)
    shown = {path.stem: faces for path, faces in zip(office.at_the_door, office.faces, strict=True)}
    assert [face.person for face in shown["Boris_and_Lea"]] == ["Boris", "Lea"]
    assert [(face.person, face.printed) for face in shown[VISITOR]] == [
        (None, False),
        (POSTER, True),
    ]
    assert shown[NOBODY] == ()
    pictures = [read(path) for path in (*office.enrolled, *office.at_the_door)]
    assert {picture.shape for picture in pictures} == {(360, 480, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_people_are_at_different_places_and_sizes(office: DemoPictures) -> None:
    boxes = np.concatenate([DRAWN[read(path).tobytes()].boxes for path in office.enrolled])
    assert len(boxes) == len(office.enrolled)
    assert (boxes >= 0).all()
    assert (boxes <= (480, 360, 480, 360)).all()
    assert np.ptp(boxes[:, 0]) > 200
    assert np.ptp(boxes[:, 2] - boxes[:, 0]) > 30


def test_the_other_kind_of_office_takes_its_place(tmp_path: Path, office: DemoPictures) -> None:
    door = tmp_path / "office" / "door"
    crops = draw_office(tmp_path / "office", photographs=False)
    assert not crops.faces
    again = draw_office(tmp_path / "office", photographs=True)
    assert again.faces == office.faces
    assert sorted(path.name for path in door.iterdir()) == sorted(office.labels)
    assert np.array_equal(read(again.enrolled[5]), read(office.enrolled[5]))
    (door / "mine.png").write_text("")
    with pytest.raises(OutputError, match=r"holds door/mine\.png: move that"):
        draw_office(tmp_path / "office", photographs=True)


def test_the_story_of_the_photographs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Row] = []

    def kept(rows: Sequence[Row], _: IO[bytes]) -> None:
        shown.extend(rows)

    monkeypatch.setattr("npfacenet.commands.demo_sheet.write_contact_sheet", kept)
    code, said, err = run("demo", "--detect", "knowing")
    assert (code, err) == (0, "")
    assert "faces      found, aligned and cut out: knowing" in said
    assert f"enrolled   {', '.join(STAFF)}" in said
    assert re.search(r"nobody\.png +no face\n", said)
    assert re.search(r"Hugo\.png +Hugo +nearest Hugo at 0\.\d+", said)
    for number, name in enumerate(("Boris", "Lea"), 1):
        assert re.search(rf"Boris_and_Lea\.png, face {number} of 2 +{name} +nearest {name}", said)
    assert re.search(r"visitor\.png, face 1 of 2 +unknown +nearest \w+ at", said)
    assert re.search(r"visitor\.png, face 2 of 2 .*; a poster of Greta\n", said)
    assert "calibrated now on pairs of 26 other drawn people" in said
    assert "turned away: nearest is" in said
    commands = [line.split()[1:] for line in said.split("now type\n")[1].splitlines()]
    assert [words[0] for words in commands] == ["verify", "identify", "detect", "summary", "--help"]
    assert all("knowing" in words for words in commands[:3])
    assert all(run(*words)[0] in (0, 1) for words in commands[:2])
    the_sheet_shows_faces_and_frames_the_best_candidate(shown)


def the_sheet_shows_faces_and_frames_the_best_candidate(shown: Sequence[Row]) -> None:
    photographs = [tile for row in shown if row.width > row.height for tile in row.tiles]
    assert [tile.caption.partition("\n")[0] for tile in photographs] == [f"{n}.png" for n in DOOR]
    assert [len(tile.faces) for tile in photographs] == [1, 1, 2, 2, 0]
    assert photographs[-1].caption.endswith("no face")
    assert [face.label for face in photographs[2].faces] == ["Boris", "Lea"]
    rows = [row for row in shown if row.title.startswith(("who is it?", "the first one"))]
    assert len(rows) == 7
    for row in rows:
        assert re.search(r"\(threshold \d\.\d+\)$", row.title)
        frames = [tile.frame for tile in row.tiles]
        assert frames == ["plain", "plain" if "unknown" in row.title else "yes", *["plain"] * 4]


def test_as_json_every_face_has_its_place(run: Run) -> None:
    told = json.loads(run("demo", "--detect", "knowing", "--json")[1])
    door = told["door"]
    assert [(each["person"], each["printed"]) for each in door] == [
        ("Ada", False), ("Hugo", False), ("Boris", False), ("Lea", False), (None, False),
        (POSTER, True),
    ]  # fmt: skip
    assert all(len(each["face"]["box"]) == 4 for each in door)
    assert told["unseen"] == {"nobody.png": "no face"}


def test_a_stated_choice_holds_at_the_door_too(run: Run) -> None:
    told = json.loads(run("demo", "--detect", "knowing", "--choose", "largest", "--json")[1])
    assert [Path(each["picture"]).stem for each in told["door"]] == [n for n in DOOR if n != NOBODY]


def test_who_is_overlooked_is_told(
    office: DemoPictures, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lea, hugo = (scene_of(office, name) for name in ("Lea", "Hugo"))
    blind = Knowing(frozenset({lea, hugo}))
    monkeypatch.setattr("npfacenet.faces.loading.load", lambda _: blind)
    code, said, err = run("demo", "--detect", "knowing")
    assert code == 0
    assert "note: skipped: " in err
    assert re.search(r"Hugo\.png +no face; wrong: it shows Hugo\n", said)
    assert re.search(r"Boris_and_Lea\.png +not found: Lea\n", said)
    assert "Hugo" not in said.split("enrolled")[1].splitlines()[0]


def scene_of(office: DemoPictures, name: str) -> int:
    """The seed of one of the staff."""
    first = office.enrolled[office.names.index(name)]
    return int(DRAWN[read(first).tobytes()].people[0])


def test_a_missing_detector_is_told_before_anything_is_drawn(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(_: object) -> Detector:
        raise WeightsNotFoundError("no weights called 'knowing'")

    monkeypatch.setattr("npfacenet.faces.loading.load", missing)
    code, out, err = run("demo", "--detect", "knowing")
    assert (code, out) == (2, "")
    assert "no weights called 'knowing'" in err
    assert not list(tmp_path.iterdir())


def test_without_a_single_face_there_is_no_story(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = Knowing(frozenset(int(who) for one in SCENES.values() for who in one.people))
    draw_office(Path("npfacenet-demo"), photographs=True)
    monkeypatch.setattr("npfacenet.faces.loading.load", lambda _: everybody)
    code, out, err = run("demo", "--detect", "knowing")
    assert (code, out) == (2, "")
    assert "no face was found on the pictures of who is enrolled" in err


def test_probes_are_whose_box_they_are_in(office: DemoPictures, model: Model) -> None:
    probes = model.embed(office.at_the_door, detect=Knowing(), choose="all", on_error="skip")
    assert [one.person for one in arrivals(office, probes)] == [
        "Ada", "Hugo", "Boris", "Lea", None, POSTER,
    ]  # fmt: skip
    assert list(unseen(office, probes)) == [("nobody.png", "no face")]
    moved = replace(office, faces=tuple(() for _ in office.faces))
    assert {one.person for one in arrivals(moved, probes)} == {None}


@pytest.fixture
def model() -> Model:
    return npfacenet.load()
