"""The measurement of the gate: counts against loops, and galleries that are as they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tool_modules import tool

from npfacenet.errors import EvaluationError
from npfacenet.faces import ChosenFace

faces_module = tool("gate_faces")
galleries = tool("gate_galleries")
pictures = tool("gate_pictures")
THRESHOLD = 1.0


def drawn_faces(seed: int, people: int = 7, count: int = 30):  # type: ignore[no-untyped-def]
    """Return faces of unit vectors in a plane, some without a face."""
    rng = np.random.default_rng(seed)
    seen = []
    for _ in range(2):
        angle = rng.uniform(0, 2 * np.pi, count)
        vectors = np.column_stack([np.cos(angle), np.sin(angle)])
        measures = np.tile([0.7, 0.4, 0.2, 40, 0, 1], (count, 1))
        vectors[:2], measures[:2] = np.nan, np.nan
        seen.append(faces_module.Seen(vectors, measures))
    owners = np.sort(rng.integers(0, people, count))
    owners[-1] = people - 1
    return faces_module.Faces(owners, np.zeros(count, int), *seen, THRESHOLD)


@pytest.mark.parametrize("poor_probes", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_rates_equal_loops(seed: int, poor_probes: bool) -> None:
    faces = drawn_faces(seed)
    rng = np.random.default_rng(seed)
    comparisons = galleries.Comparisons(faces, THRESHOLD, poor_probes=poor_probes)
    drawn = galleries.offered(faces, rng, 0.2)
    everything = np.concatenate([faces.good.vectors, faces.poor.vectors])
    references = drawn[~np.isnan(everything[drawn, 0])]
    weights = galleries.resampled(comparisons.count, 2, rng)
    probes = (faces.poor if poor_probes else faces.good).vectors
    expected = np.zeros((2, 2, 2))  # way, round; matches, trials
    owners = np.concatenate([faces.people, faces.people])
    for row in range(2):
        for probe, who in zip(probes, faces.people, strict=True):
            if np.isnan(probe[0]):
                continue
            for person in set(owners[references].tolist()) - {int(who)}:
                own = references[owners[references] == person]
                near = np.linalg.norm(everything[own] - probe, axis=1) <= THRESHOLD
                weight = weights[row, who] * weights[row, person]
                expected[0, row] += weight * near.sum(), weight * len(own)
                expected[1, row] += weight * near.any(), weight
    ways = (comparisons.of, comparisons.of_people)
    for way, (matches, trials) in zip(ways, np.moveaxis(expected, 2, 1), strict=True):
        np.testing.assert_allclose(galleries.rates(way(references), weights), matches / trials)


def test_a_fifth_is_offered_poor_and_everything_once() -> None:
    faces = drawn_faces(1)
    drawn = galleries.offered(faces, np.random.default_rng(1), 0.2)
    assert sorted(drawn % 30) == list(range(30))
    assert (drawn >= 30).sum() == 6


def test_a_picture_far_from_all_that_are_kept_is_left_out() -> None:
    faces = drawn_faces(2, people=2)
    references = np.arange(2, 30)
    kept = galleries.without_far(faces, references, 0.5)
    for person in range(2):
        own = faces.good.vectors[kept[faces.people[kept] == person]]
        for row, vector in enumerate(own[1:], 1):
            assert np.linalg.norm(own[:row] - vector, axis=1).min() <= 0.5
    assert set(galleries.without_far(faces, references, 2.1)) == set(references)
    assert len(kept) < len(references)


def test_findings_name_pictures_without_a_face() -> None:
    found = galleries.findings_of(drawn_faces(3).good, galleries.Limits())
    assert found[:2] == [galleries.NO_FACE] * 2
    assert set(found[2:]) == {frozenset()}


def test_nobody_is_offered_who_was_trained_on(tmp_path: Path) -> None:
    for name in ("Ada", "Ben", "Cy"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in (1, 2):
            (tmp_path / "images" / name / f"{name}_000{number}.jpg").touch()
    (tmp_path / "train_people.txt").write_text("Ben\t2\n", "utf-8")
    found = pictures.offers(tmp_path)
    assert [(offer.path.name, offer.person) for offer in found] == [
        ("Ada_0001.jpg", 0), ("Ada_0002.jpg", 0), ("Cy_0001.jpg", 1), ("Cy_0002.jpg", 1),
    ]  # fmt: skip
    assert len(pictures.offers(tmp_path, 1)) == 2
    (tmp_path / "train_people.txt").write_text("Ada\t2\nBen\t2\nCy\t2\n", "utf-8")
    with pytest.raises(EvaluationError, match="no pictures"):
        pictures.offers(tmp_path)


def test_every_damage_changes_a_picture_and_keeps_the_caller_s() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    before = picture.copy()
    face = ChosenFace((10, 10, 50, 70), tuple((float(i), 20.0) for i in range(5)), 0.9, 0, 1)
    for label, damage in pictures.POOR.items():
        poor = damage(picture, face)
        assert poor.dtype == np.uint8
        assert poor.shape != picture.shape or (poor != picture).any(), label
    assert (picture == before).all()
