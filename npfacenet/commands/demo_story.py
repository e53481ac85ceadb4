"""The demo's decisions, and how they are told: to people, or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from npfacenet.commands.demo_pictures import DemoPictures
from npfacenet.commands.search_threshold import SearchThreshold, search_threshold
from npfacenet.errors import printable
from npfacenet.models import Embeddings
from npfacenet.recognition import Gallery, Identification, Verification, identify, verify
from npfacenet.recognition.distance import distances


@dataclass(frozen=True)
class Claim:
    """A claim at the door to be `name`, compared with all pictures of that person."""

    name: str
    result: Verification


@dataclass(frozen=True)
class Intruder:
    """The first one at the door, searched for while `person`, their match, is not enrolled."""

    person: str
    result: Identification
    search: SearchThreshold


@dataclass(frozen=True, eq=False)
class Story:
    """Who is enrolled, who stands at the door, and what was decided.

    `comparison` is the threshold for 1:1, `search` that for 1:K.
    """

    pictures: DemoPictures
    gallery: Gallery
    known: Embeddings
    probes: Embeddings
    comparison: float
    search: SearchThreshold
    results: tuple[Identification, ...]
    claims: tuple[Claim, ...]
    intruder: Intruder

    def nearest_picture(self, probe: int, name: str) -> int:
        """Return which picture of an enrolled person is nearest to a probe, from 0."""
        apart = distances(self.probes[[probe]], self.known)[0]
        own = [i for i, other in enumerate(self.pictures.names) if other == name]
        return min(own, key=lambda i: apart[i])


def story_of(
    pictures: DemoPictures, known: Embeddings, probes: Embeddings, comparison: float
) -> Story:
    """Identify everyone at the door, and the first one as if not enrolled; verify two claims."""
    gallery = Gallery(pictures.names, known)
    search = search_threshold(gallery, comparison)
    results = tuple(identify(probe, gallery, threshold=search.value) for probe in probes)
    first = probes[[0]]
    candidates = results[0].candidates
    claims = tuple(
        Claim(name, nearest_of(first, gallery.person(name), comparison))
        for name in (candidates[0].name, candidates[-1].name)
    )
    person = candidates[0].name
    others = gallery.without(person)
    among_others = search_threshold(others, comparison)
    alone = identify(first, others, threshold=among_others.value)
    intruder = Intruder(person, alone, among_others)
    return Story(pictures, gallery, known, probes, comparison, search, results, claims, intruder)


def nearest_of(probe: Embeddings, person: Embeddings, threshold: float) -> Verification:
    """Return the comparison with the nearest picture of a person."""
    claims = (verify(probe, known, threshold=threshold) for known in person)
    return min(claims, key=lambda each: each.distance)


def tell(story: Story) -> None:
    """Print who is at the door, and how two claims and an intruder are decided."""
    print("\nidentify   who stands at the door? (1:K)")
    for path, result in zip(story.pictures.at_the_door, story.results, strict=True):
        nearest = result.candidates[0]
        print(
            f"  {printable(path.name):16} {printable(result.match or 'unknown'):12} nearest "
            f"{printable(nearest.name)} at {nearest.distance:.3f}, margin {result.margin:.3f}"
        )
    print("\nverify     is the first one who they claim to be? (1:1)")
    for claim in story.claims:
        answer = "welcome" if claim.result.same else "go away"
        numbers = f"distance {claim.result.distance:.3f}, threshold {claim.result.threshold:.3f}"
        print(f"  {f'I am {printable(claim.name)}':28} {answer} ({numbers})")
    intruder = story.intruder
    nearest = intruder.result.candidates[0]
    print(f"\nintruder   the same picture, with {printable(intruder.person)} not enrolled (1:K)")
    outcome = "let in, wrongly" if intruder.result.match else "turned away"
    print(
        f"  {outcome}: nearest is {printable(nearest.name)} at {nearest.distance:.3f}, threshold "
        f"{intruder.search.value:.3f}"
    )


def story_as_json(story: Story) -> dict[str, object]:
    """Return the decisions, for programs."""
    door = zip(story.pictures.at_the_door, story.results, strict=True)
    return {
        "enrolled": list(story.gallery.people),
        "search": story.search.as_json(),
        "door": [{"picture": str(path), **asdict(result)} for path, result in door],
        "claims": [{"name": claim.name, **asdict(claim.result)} for claim in story.claims],
        "intruder": {"person": story.intruder.person, **asdict(story.intruder.result)},
    }
