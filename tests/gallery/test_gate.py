"""The gate: findings follow the limits, sentences state both numbers, policies decide."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured_faces import drawn, portrait

from npfacenet.errors import ArgumentError
from npfacenet.faces import Finder
from npfacenet.faces.choice import chosen
from npfacenet.gallery.gate import (
    FAR,
    KINDS,
    SAME,
    USUAL_POLICIES,
    Finding,
    Kind,
    Limits,
    Policy,
    decide,
    far_from_own,
    judge,
    same_face_elsewhere,
)
from npfacenet.gallery.quality import Quality, quality_of
from npfacenet.images import read
from npfacenet.images.degradation import blurred, relit
from npfacenet.samples import conditions

GOOD = Quality(sharpness=0.7, brightness=0.45, contrast=0.16, size=42, turn=-8, faces=1)
NO_LIMITS = Limits(None, None, None, None, None, None, None)
LIMITED: dict[str, tuple[Kind, str]] = {
    "least_size": ("small", "size"),
    "least_sharpness": ("blurred", "sharpness"),
    "least_brightness": ("dark", "brightness"),
    "most_brightness": ("bright", "brightness"),
    "least_contrast": ("flat", "contrast"),
    "most_turn": ("turned", "turn"),
    "most_faces": ("several", "faces"),
}
"""By the limit: what is found, and the field of Quality that it limits."""

qualities = st.builds(
    Quality,
    st.floats(0, 2),
    st.floats(0, 1),
    st.floats(0, 0.5),
    st.none() | st.floats(0, 300),
    st.none() | st.floats(-90, 90),
    st.none() | st.integers(1, 9),
)
limits = st.builds(
    Limits,
    *(st.none() | st.floats(0, high) for high in (100, 1, 1, 1, 0.5, 90)),
    st.none() | st.integers(1, 9),
)
coarse_limits = st.builds(  # of as many digits as a sentence shows
    Limits,
    *(
        st.none() | st.integers(0, high).map(lambda n: n / 100)
        for high in (9999, 99, 99, 99, 50, 90)
    ),
    st.none() | st.integers(1, 9),
)
distances = st.floats(0, 2)


def kinds(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.kind for finding in findings]


def test_every_limit_is_in_the_table() -> None:
    assert list(LIMITED) == [field.name for field in fields(Limits)]
    assert [kind for kind, _ in LIMITED.values()] == list(KINDS[:-3])
    assert set(USUAL_POLICIES) == set(KINDS)


@given(qualities, limits)
def test_findings_are_those_measures_that_are_beyond_their_limits(
    quality: Quality, limited: Limits
) -> None:
    expected = []
    for name, (kind, measure) in LIMITED.items():
        value, limit = getattr(quality, measure), getattr(limited, name)
        if value is None or limit is None:
            continue
        if value < limit if name.startswith("least") else abs(value) > limit:
            expected.append((kind, abs(value), limit))
    found = judge(quality, limited)
    assert [(each.kind, each.measure, each.limit) for each in found] == expected
    assert judge(quality, NO_LIMITS) == ()


@given(qualities, coarse_limits)
def test_a_sentence_shows_the_limit_and_a_measure_beyond_it(
    quality: Quality, limited: Limits
) -> None:
    for finding in judge(quality, limited):
        measure, limit = (float(number) for number in re.findall(r"\d+(?:\.\d+)?", shown(finding)))
        assert limit == finding.limit
        least = "at least" in finding.sentence
        assert measure < limit if least else measure > limit
        assert measure == pytest.approx(finding.measure, abs=1)


def shown(finding: Finding) -> str:
    """The sentence without the whole that a brightness is a part of."""
    return finding.sentence.replace("of 1;", ";")


@given(qualities)
def test_exactly_at_a_limit_is_good(quality: Quality) -> None:
    turn = None if quality.turn is None else abs(quality.turn)
    at = Limits(
        quality.size, quality.sharpness, quality.brightness, quality.brightness, quality.contrast,
        turn, quality.faces,
    )  # fmt: skip
    assert judge(quality, at) == ()


@given(distances, distances)
def test_distances_are_compared_as_decisions_are(distance: float, threshold: float) -> None:
    within = distance <= threshold
    assert kinds(same_face_elsewhere("bert", distance, threshold)) == ["elsewhere"] * within
    assert kinds(far_from_own(distance, threshold)) == ["far"] * (not within)
    assert far_from_own(None, threshold) == ()


@given(st.lists(st.sampled_from(KINDS)), st.dictionaries(st.sampled_from(KINDS),
       st.sampled_from(get_args(Policy))))  # fmt: skip
def test_policies_sort_findings(found: list[Kind], policies: dict[Kind, Policy]) -> None:
    findings = [Finding(kind, 1.0, 2.0, f"{number}") for number, kind in enumerate(found)]
    verdict = decide(findings, policies)
    by_kind = {**USUAL_POLICIES, **policies}
    assert list(verdict.refused) == [f for f in findings if by_kind[f.kind] == "refuse"]
    assert list(verdict.warnings) == [f for f in findings if by_kind[f.kind] == "warn"]
    assert bool(verdict) == (not verdict.refused)
    assert decide(findings, "refuse").refused == tuple(findings)
    assert decide(findings, "warn").warnings == tuple(findings)
    assert decide(findings, "ignore") == decide([])


@pytest.mark.parametrize(
    ("quality", "sentence"),
    [
        (replace(GOOD, size=14), "the eyes are 14 pixels apart; at least 24 are needed"),
        (replace(GOOD, size=23.99), "the eyes are 23.9 pixels apart; at least 24 are needed"),
        (
            replace(GOOD, turn=-60.2),
            "the face is turned by about 61 degrees to the picture's left; at most 35 are allowed",
        ),
        (replace(GOOD, faces=3), "the picture shows 3 faces; the most allowed is 1"),
        (
            replace(GOOD, sharpness=0.331),
            "the face is blurred: its sharpness is 0.33; at least 0.52 is needed",
        ),
    ],
)
def test_sentences(quality: Quality, sentence: str) -> None:
    (finding,) = judge(quality, Limits(least_size=24))
    assert str(finding) == finding.sentence == sentence


def test_usual_limits_let_good_pictures_pass_and_no_bad_ones() -> None:
    assert judge(GOOD) == ()
    one = portrait(4, 4)
    assert judge(quality_of(one.pixels, one.face)) == ()
    assert kinds(judge(quality_of(blurred(one.pixels, 5), one.face))) == ["blurred"]
    dark = kinds(judge(quality_of(relit(one.pixels, brightness=0.08), one.face)))
    assert "dark" in dark
    assert "flat" in kinds(judge(quality_of(relit(one.pixels, contrast=0.05), one.face)))
    assert "bright" in kinds(judge(quality_of(relit(one.pixels, brightness=4), one.face)))
    for yaw in (-40, 40):
        aside = drawn(4, replace(conditions(4), yaw=yaw))
        assert "turned" in kinds(judge(quality_of(aside.pixels, aside.face), Limits(most_turn=30)))
    assert SAME < 1 < FAR


def test_people_with_the_darkest_skin_are_not_too_dark() -> None:
    from measured_faces import SIDE, face_at

    from npfacenet.samples import draw, face_of, identity

    for seed in range(8):
        who = replace(identity(seed), melanin=1.0)
        now = replace(conditions(seed), blur=0.3)
        place = face_of(who, now, SIDE).landmarks.astype(np.float64)
        found = kinds(judge(quality_of(draw(who, now, SIDE), face_at(place))))
        assert "dark" not in found
        assert "flat" not in found


def test_photographs_pass_and_blurred_ones_do_not(
    finder: Finder, course_pictures: Path, photographs: Path
) -> None:
    for path in sorted(course_pictures.glob("*.jpg")):
        assert judge(quality_of(read(path))) == (), path.name
        assert "blurred" in kinds(judge(quality_of(blurred(read(path), 4)))), path.name
    pixels = read(photographs / "pictures/multiface.jpg")
    height, width, _ = pixels.shape
    (face,) = chosen(finder.detect(pixels), "largest", width, height, "multiface.jpg")
    assert "several" in kinds(judge(quality_of(pixels, face)))


def test_what_cannot_be_judged_is_one_error() -> None:
    for wrong in (math.nan, -1, "many", True, 1e10):
        for name in LIMITED:
            with pytest.raises(ArgumentError, match=name):
                Limits(**{name: wrong})  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="Quality"):
        judge(0.7)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="Limits"):
        judge(GOOD, {"least_size": 3})  # type: ignore[arg-type]
    for distance in (math.nan, -0.1, math.inf, None, "near"):
        with pytest.raises(ArgumentError):
            same_face_elsewhere("bert", distance, 1.0)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError):
            far_from_own(1.0, distance)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="name"):
        same_face_elsewhere(3, 1.0, 1.0)  # type: ignore[arg-type]
    for policies in ("forbid", None, {"small": "forbid"}, {"ugly": "warn"}, ["warn"]):
        with pytest.raises(ArgumentError):
            decide((), policies)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="Finding"):
        decide(["small"])  # type: ignore[list-item]
