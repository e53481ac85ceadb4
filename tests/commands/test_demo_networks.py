"""The demo with trained networks: who is recognised at the door, and that nobody is let in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from drawn_once import draw_the_demo_once

import npfacenet
from npfacenet.commands.demo_office import AT_THE_DOOR, NOBODY, POSTER, VISITOR
from npfacenet.commands.demo_strangers import FALSE_MATCH_RATE, ON_PHOTOGRAPHS, STRANGERS
from npfacenet.commands.main import main

Capture = pytest.CaptureFixture[str]
NUMBER = r"(\d\.\d+)"


def test_the_office_is_told_apart_on_photographs(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both packaged networks: the one that finds faces, and the one that embeds them."""
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    said = capsys.readouterr().out
    assert "faces      found, aligned and cut out: finder, npfacenet" in said
    for name in AT_THE_DOOR:
        where = r"Boris_and_Lea\.png, face \d of 2" if name in ("Boris", "Lea") else rf"{name}\.png"
        assert re.search(rf"{where} +{name} +nearest {name} at {NUMBER}", said)
    assert re.search(rf"{VISITOR}\.png, face \d of 2 +unknown +nearest \w+ at", said)
    assert re.search(rf"{VISITOR}\.png, face \d of 2 .*; a poster of {POSTER}\n", said)
    assert re.search(rf"{NOBODY}\.png +no face\n", said)
    # Everybody was found, and calibrated on are nearly all who were drawn for it.
    assert "not found: " not in said
    assert 0.95 * ON_PHOTOGRAPHS <= the_thresholds_hold_for_drawn_people(said) <= ON_PHOTOGRAPHS


def test_the_office_is_told_apart_on_crops(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_the_demo_once(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--no-detect"]) == 0
    said = capsys.readouterr().out
    for name in AT_THE_DOOR:
        assert re.search(rf"{name}\.png +{name} +nearest {name} at {NUMBER}", said)
    assert re.search(rf"{VISITOR}\.png +unknown ", said)
    assert the_thresholds_hold_for_drawn_people(said) == STRANGERS


def the_thresholds_hold_for_drawn_people(said: str) -> int:
    """Check claims, intruder and thresholds of a drawn office; return how many were measured."""
    assert re.search(r"I am Ada +welcome", said)
    assert re.search(r"I am \w+ +go away", said)
    assert "turned away: nearest is" in said
    assert "wrong" not in said
    known = npfacenet.load().card.threshold
    assert known is not None
    assert f"(the card's {known.value:g} holds for photographs)" in said
    pairs = re.search(
        rf"threshold  1:1, {NUMBER}: calibrated now on pairs of (\d+) other drawn people: "
        r"false match rate \S+ \((\d+) of (\d+);",
        said,
    )
    assert pairs is not None
    count, errors, trials = (int(text) for text in pairs.groups()[1:])
    assert trials == count * (count - 1) // 2
    assert errors <= FALSE_MATCH_RATE * trials
    search = re.search(rf"1:K, {NUMBER}: stricter, because each of the 12 is one more", said)
    assert search is not None
    assert float(search[1]) < float(pairs[1])
    measured = re.search(
        rf"of {count} other drawn people at the door, (\d+) would be let in; at {pairs[1]}, (\d+)",
        " ".join(said.split()),
    )
    assert measured is not None
    strict, loose = (int(text) for text in measured.groups())
    assert strict <= loose
    assert strict <= 0.1 * count
    return count


EVERYBODY = {0: "younes", 1: "bertrand", 2: "benoit", 3: "bertrand", 4: "dan"}


@pytest.mark.parametrize(
    ("weights", "words", "known", "threshold"),
    [
        (None, [], EVERYBODY, None),
        (None, ["--no-detect"], EVERYBODY, None),
        (
            "inception_resnet_file",
            ["--no-detect", "--threshold", "1.115"],
            {0: "younes", 1: "bertrand", 2: "benoit", 4: "dan"},
            0.7528,
        ),
        ("nn4_file", [], {0: "unknown", 2: "benoit", 3: "bertrand", 4: "dan"}, 0.4349),
    ],
    ids=["found", "crops", "inception-resnet", "nn4"],
)
def test_the_assignments_people_are_told_apart_and_no_stranger_is_let_in(
    weights: str | None, words: list[str], known: dict[int, str], threshold: float | None,
    tmp_path: Path, course_pictures: Path, request: pytest.FixtureRequest, capsys: Capture,
) -> None:  # fmt: skip
    """The threshold is known of public weights; the packaged ones are trained again at times."""
    model = [] if weights is None else ["--model", str(request.getfixturevalue(weights))]
    sheet = str(tmp_path / "sheet.png")
    assert main(["demo", "--images", str(course_pictures), "-o", sheet, *model, *words]) == 0
    said = capsys.readouterr().out
    assert ("faces      found, aligned and cut out: finder" in said) == (not model and not words)
    for number, name in known.items():
        assert re.search(rf"camera_{number}\.jpg +{name} +nearest", said)
    assert "turned away: nearest is" in said
    assert "let in, wrongly" not in said
    search = re.search(rf"1:K, {NUMBER}: stricter, because each of the 12 is one more", said)
    closest = re.search(rf"just below\s+the closest pair \(\w+ and \w+, {NUMBER}\)", said)
    assert search is not None
    assert closest is not None
    assert float(search[1]) == pytest.approx(float(closest[1]), abs=1e-3)
    assert threshold is None or float(search[1]) == threshold
    assert "still expect up to 2 of 13 strangers" in said
    assert re.search(r"I am younes +welcome", said)  # 1:1 keeps its own threshold
