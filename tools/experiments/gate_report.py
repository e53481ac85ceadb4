"""The tables of `gate_rates.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gate_faces import MEASURES, Faces, Floats, Seen, faces_of
from gate_galleries import (
    NO_FACE,
    Comparisons,
    Rate,
    Whole,
    findings_of,
    offered,
    rates,
    resampled,
    without_far,
)
from gate_pictures import POOR, offers
from picture_archives import pictures_in

import npfacenet
from npfacenet.errors import ArgumentError, ImageError
from npfacenet.gallery.gate import FAR, SAME, Limits
from npfacenet.gallery.quality import quality_of
from npfacenet.images import read

IGNORED = frozenset({"several"})
FEWEST = 20  # of fewer people, drawn with replacement, some drawings have nobody else
PERCENTILES = (0, 0.5, 1, 5, 50, 95, 99, 99.5, 100)
TIMES = (1.2, FAR, 1.1, 1.0, 0.9, 0.8, SAME, 0.7, 0.6)


@dataclass(frozen=True)
class Plan:
    """What to measure: with which model, on how many people, how often."""

    folder: Path
    model: str
    detect: str | None
    threshold: float | None
    limit: int | None
    kept: Path | None
    share: float = 0.2
    drawings: int = 20
    rounds: int = 100


def report(plan: Plan) -> None:
    """Measure and print all tables."""
    model = npfacenet.load(plan.model)
    found = offers(plan.folder / "lfw", plan.limit)
    people = len({offer.person for offer in found})
    if people < FEWEST:
        raise ArgumentError(f"of {people} people no rates follow: --limit of at least {FEWEST}")
    faces = faces_of(model, plan.detect, found, plan.kept, _say)
    threshold = faces.threshold if plan.threshold is None else plan.threshold
    if np.isnan(threshold):
        raise ArgumentError("this model's card has no threshold for this detector: --threshold")
    print(f"{len(found)} pictures of {people} people; threshold {threshold:g}")
    _measures(faces.good, plan.folder)
    good, poor = (findings_of(seen, Limits()) for seen in (faces.good, faces.poor))
    _refusals(faces, threshold, good, poor)
    _distances(faces, threshold, good)
    for probes in ("good", "poor"):
        _galleries(plan, faces, threshold, good + poor, poor_probes=probes == "poor")


def _say(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _measures(seen: Seen, folder: Path) -> None:
    """Print percentiles of each measure of good pictures, and of crops if they are there."""
    _percentiles("good pictures", MEASURES, seen.measures[seen.found].T)
    archive = folder / "faces.zip"
    if archive.exists():
        found = [quality_of(read(each)) for each in pictures_in(archive, ImageError, _every_20th)]
        columns = np.array([[one.sharpness, one.brightness, one.contrast] for one in found]).T
        _percentiles(f"{len(found)} crops of UTKFace", MEASURES[: len(columns)], columns)


def _every_20th(names: list[str]) -> list[str]:
    return names[::20]


def _percentiles(what: str, names: Sequence[str], columns: Floats) -> None:
    print(f"\n{f'{what}, percentiles':40}" + "".join(f"{p:>9g}" for p in PERCENTILES))
    for name, values in zip(names, columns, strict=True):
        values = np.abs(values) if name == "turn" else values
        row = "".join(f"{value:9.3f}" for value in np.percentile(values, PERCENTILES))
        print(f"  {name:38}{row}")


def _refusals(
    faces: Faces, threshold: float, good: list[frozenset[str]], poor: list[frozenset[str]]
) -> None:
    """Print what the gate finds, and how far each kind of damage moves a face."""
    moved = np.linalg.norm(faces.good.vectors - faces.poor.vectors, axis=1)
    print("\nwhat is found (several findings in one picture count each)")
    for label, kinds in _by_damage(faces, good, poor):
        refused = sum(bool(each - IGNORED) for each in kinds)
        names = sorted({name for each in kinds for name in each})
        shares = ", ".join(f"{name} {sum(name in k for k in kinds)}" for name in names)
        made = np.array([label == list(POOR)[place] for place in faces.made.tolist()])
        made &= ~np.isnan(moved)
        told = ""
        if made.any():
            alike = _alike(faces.poor.vectors[made], faces.people[made], threshold)
            told = f", moved by {np.median(moved[made]):.2f} (median), {alike}"
        print(f"  {label:22} refused {refused} of {len(kinds)}{told}: {shares}")


def _alike(vectors: Floats, people: Whole, threshold: float) -> str:
    """Tell how often pictures of different people match, which were made poor in one way."""
    different = people[:, np.newaxis] != people
    matches = (2 - 2 * vectors @ vectors.T <= threshold**2)[different]
    return f"{100 * matches.mean():.1f} % match others" if matches.size else "alone"


def _by_damage(
    faces: Faces, good: list[frozenset[str]], poor: list[frozenset[str]]
) -> Iterator[tuple[str, list[frozenset[str]]]]:
    yield "good", good
    for place, label in enumerate(POOR):
        yield label, [poor[row] for row in np.flatnonzero(faces.made == place).tolist()]


def _distances(faces: Faces, threshold: float, good: list[frozenset[str]]) -> None:
    """Print how far accepted good pictures are from the nearest of their person, and of others."""
    passed = np.array([not each - IGNORED for each in good])
    vectors, people = faces.good.vectors[passed], faces.people[passed]
    apart = np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, 0)) / threshold
    same = people[:, np.newaxis] == people
    impostors = apart[~same]
    np.fill_diagonal(apart, np.inf)
    own = np.where(same, apart, np.inf).min(axis=1)
    own = own[np.isfinite(own)]
    other = np.where(same, np.inf, apart).min(axis=1)
    print(
        f"\ndistances in thresholds, of {len(own)} good pictures with others of their person: "
        "shares of pictures"
    )
    print(f"  {'':10}own farther   any other's farther   nearest other's within   own within")
    for times in TIMES:
        shares = (own > times).mean(), (impostors > times).mean(), (other <= times).mean()
        print(
            f"  {times:<10g}{shares[0]:11.3f}{shares[1]:22.3f}{shares[2]:25.3f}"
            f"{1 - shares[0]:13.3f}"
        )


def _arms(
    faces: Faces, far: float, kinds: list[frozenset[str]], drawn: Whole
) -> Mapping[str, Whole]:
    """Return the references of each gallery, the clean one first."""
    face = np.array([each != NO_FACE for each in kinds])
    passed = np.array([not each - IGNORED for each in kinds])
    clean = drawn % len(faces.people)
    gated = drawn[passed[drawn]]
    return {
        "clean": clean[face[clean]],
        "no gate": drawn[face[drawn]],
        "gate": gated,
        "gate, far refused too": without_far(faces, gated, far),
    }


def _galleries(
    plan: Plan,
    faces: Faces,
    threshold: float,
    kinds: list[frozenset[str]],
    *,
    poor_probes: bool,
) -> None:
    """Print false match rates of each gallery, and differences from the clean one."""
    comparisons = Comparisons(faces, threshold, poor_probes=poor_probes)
    rng = np.random.default_rng(37)
    found: dict[str, list[Floats]] = {}
    kept: dict[str, list[float]] = {}
    for _ in range(plan.drawings):
        drawn = offered(faces, rng, plan.share)
        weights = resampled(comparisons.count, plan.rounds, rng)
        for name, references in _arms(faces, FAR * threshold, kinds, drawn).items():
            for way, of in (("", comparisons.of), (", best of a person", comparisons.of_people)):
                found.setdefault(name + way, []).append(rates(of(references), weights))
            kept.setdefault(name, []).append(len(references) / len(drawn))
    probes = "poor" if poor_probes else "good"
    print(
        f"\nfalse match rate of {int(comparisons.probes.sum())} {probes} probes, percent (95 %), "
        f"{100 * plan.share:g} % of pictures offered poor"
    )
    for name, share in kept.items():
        for way in ("", ", best of a person"):
            rate = np.concatenate(found[name + way])
            less = rate - np.concatenate(found["clean" + way])
            print(
                f"  {name + way:38} {Rate.of(rate)}, less that of the clean one {Rate.of(less)}"
                f", references {100 * np.mean(share):.1f} %"
            )
