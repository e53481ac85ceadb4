"""The demo's decisions, and how they are told: to people, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from npfacenet.commands.demo_pictures import DemoPictures
from npfacenet.commands.search_threshold import SearchThreshold, search_threshold
from npfacenet.errors import printable
from npfacenet.models import Embeddings
from npfacenet.recognition import Gallery, Identification, Verification, identify, verify
from npfacenet.recognition.distance import distances

WIDEST = 40  # characters of a column


@dataclass(frozen=True)
class Claim:
    """A claim at the door to be `name`, compared with all pictures of that person."""

    name: str
    result: Verification


@dataclass(frozen=True)
class Intruder:
    """The first one at the door, searched for while `person` is not enrolled.

    That is who they are, or whom they are nearest to where that is unknown.
    """

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

    def mistaken_for(self, probe: int) -> str | None:
        """Return who a probe is, if it was identified as somebody else; None if not, or unknown."""
        match, person = self.results[probe].match, self.pictures.persons[probe]
        return None if match in (None, person) else person

    def claim_outcome(self, claim: Claim) -> str:
        """Say how a claim ends; "wrongly" is added only if it is known who makes it."""
        person = self.pictures.persons[0]
        answer = "welcome" if claim.result.same else "go away"
        right = person is None or claim.result.same == (claim.name == person)
        return answer if right else f"{answer}, wrongly"

    @property
    def intruder_outcome(self) -> str:
        """Say how the search for the intruder ends."""
        match = self.intruder.result.match
        if match is None:
            return "turned away"
        known = self.pictures.persons[0] is not None
        return "let in, wrongly" if known else f"let in as {printable(match)}"


def story_of(
    pictures: DemoPictures, known: Embeddings, probes: Embeddings, comparison: float
) -> Story:
    """Identify everyone at the door, and the first one as if not enrolled; verify two claims."""
    gallery = Gallery(pictures.names, known)
    search = search_threshold(gallery, comparison)
    results = tuple(identify(probe, gallery, threshold=search.value) for probe in probes)
    first = probes[[0]]
    nearest_first = [candidate.name for candidate in results[0].candidates]
    person = pictures.persons[0] or nearest_first[0]
    farthest = next(name for name in reversed(nearest_first) if name != person)
    claims = tuple(
        Claim(name, nearest_of(first, gallery.person(name), comparison))
        for name in (person, farthest)
    )
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
    labels = [printable(label) for label in story.pictures.labels]
    found = [printable(result.match or "unknown") for result in story.results]
    wide, narrow = _width(labels, 16), _width(found, 12)
    for probe, result in enumerate(story.results):
        nearest, person = result.candidates[0], story.mistaken_for(probe)
        wrong = "" if person is None else f"; wrong: it is {printable(person)}"
        print(
            f"  {labels[probe]:{wide}} {found[probe]:{narrow}} nearest {printable(nearest.name)} "
            f"at {nearest.distance:.3f}, margin {result.margin:.3f}{wrong}"
        )
    print("\nverify     is the first one who they claim to be? (1:1)")
    said = [f"I am {printable(claim.name)}" for claim in story.claims]
    wide = _width(said, 28)
    for sentence, claim in zip(said, story.claims, strict=True):
        numbers = f"distance {claim.result.distance:.3f}, threshold {claim.result.threshold:.3f}"
        print(f"  {sentence:{wide}} {story.claim_outcome(claim)} ({numbers})")
    intruder = story.intruder
    nearest = intruder.result.candidates[0]
    print(f"\nintruder   the same picture, with {printable(intruder.person)} not enrolled (1:K)")
    print(
        f"  {story.intruder_outcome}: nearest is {printable(nearest.name)} at "
        f"{nearest.distance:.3f}, threshold {intruder.search.value:.3f}"
    )


def _width(texts: Sequence[str], least: int) -> int:
    """Return the width of a column; a text beyond `WIDEST` shifts its own line only."""
    return max([least, *(len(text) for text in texts if len(text) <= WIDEST)])


def story_as_json(story: Story) -> dict[str, object]:
    """Return the decisions, for programs."""
    pictures = story.pictures
    door = zip(pictures.at_the_door, pictures.persons, story.results, strict=True)
    return {
        "enrolled": list(story.gallery.people),
        "search": story.search.as_json(),
        "door": [
            {"picture": str(path), "person": person, **asdict(result)}
            for path, person, result in door
        ],
        "claims": [{"name": claim.name, **asdict(claim.result)} for claim in story.claims],
        "intruder": {"person": story.intruder.person, **asdict(story.intruder.result)},
    }
