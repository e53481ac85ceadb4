"""The demo's decisions, and how they are told: to people, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from npfacenet.commands.demo_door import Arrival, arrivals, unseen
from npfacenet.commands.demo_pictures import DemoPictures
from npfacenet.commands.face_notes import faces_as_json
from npfacenet.commands.search_threshold import SearchThreshold, search_threshold
from npfacenet.errors import printable
from npfacenet.gallery import Gallery, Identification, identify, identify_all
from npfacenet.models import Embeddings
from npfacenet.recognition import Verification, verify
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

    `arrivals` and `results` have a row for each of the `probes`, the faces at the door; `unseen` is
    what is said of the pictures in which a face is missing, by what these are called. `comparison`
    is the threshold for 1:1, `search` that for 1:K.
    """

    pictures: DemoPictures
    gallery: Gallery
    known: Embeddings
    probes: Embeddings
    arrivals: tuple[Arrival, ...]
    unseen: tuple[tuple[str, str], ...]
    comparison: float
    search: SearchThreshold
    results: tuple[Identification, ...]
    claims: tuple[Claim, ...]
    intruder: Intruder

    def nearest_picture(self, probe: int, name: str) -> int:
        """Return which row of `known` is nearest to a probe, of an enrolled person's."""
        apart = distances(self.probes[[probe]], self.known)[0]
        own = [i for i, other in enumerate(names_of(self.pictures, self.known)) if other == name]
        return min(own, key=lambda i: apart[i])

    def enrolled_picture(self, row: int) -> Path:
        """Return the picture of a row of `known`."""
        return self.pictures.enrolled[self.known.positions[row]]

    def mistaken_for(self, probe: int) -> str | None:
        """Return who a probe is, if it was identified as somebody else; None if not, or unknown."""
        match, person = self.results[probe].match, self.arrivals[probe].person
        return None if match in (None, person) else person

    def claim_outcome(self, claim: Claim) -> str:
        """Say how a claim ends; "wrongly" is added only if it is known who makes it."""
        person = self.arrivals[0].person
        answer = "welcome" if claim.result.same else "go away"
        right = person is None or claim.result.same == (claim.name == person)
        return answer if right else f"{answer}, wrongly"

    @property
    def intruder_outcome(self) -> str:
        """Say how the search for the intruder ends."""
        match = self.intruder.result.match
        if match is None:
            return "turned away"
        known = self.arrivals[0].person is not None
        return "let in, wrongly" if known else f"let in as {printable(match)}"


def names_of(pictures: DemoPictures, known: Embeddings) -> tuple[str, ...]:
    """Return whose each row of the enrolled embeddings is."""
    return tuple(pictures.names[position] for position in known.positions)


def story_of(
    pictures: DemoPictures, known: Embeddings, probes: Embeddings, comparison: float
) -> Story:
    """Identify everyone at the door, and the first one as if not enrolled; verify two claims."""
    gallery = Gallery.of_rows(names_of(pictures, known), known)
    door = arrivals(pictures, probes)
    search = search_threshold(gallery, comparison)
    results = identify_all(probes, gallery, threshold=search.value, nearest=len(gallery))
    first = probes[[0]]
    nearest_first = [candidate.name for candidate in results[0].candidates]
    person = nearest_first[0] if door[0].person is None else door[0].person
    farthest = next(name for name in reversed(nearest_first) if name != person)
    claims = tuple(
        Claim(name, nearest_of(first, gallery[name], comparison)) for name in (person, farthest)
    )
    others = gallery.without(person)
    among_others = search_threshold(others, comparison)
    alone = identify(first, others, threshold=among_others.value)
    intruder = Intruder(person, alone, among_others)
    return Story(
        pictures,
        gallery,
        known,
        probes,
        door,
        tuple(unseen(pictures, probes)),
        comparison,
        search,
        results,
        claims,
        intruder,
    )


def nearest_of(probe: Embeddings, person: Embeddings, threshold: float) -> Verification:
    """Return the comparison with the nearest picture of a person."""
    claims = (verify(probe, known, threshold=threshold) for known in person)
    return min(claims, key=lambda each: each.distance)


def tell(story: Story) -> None:
    """Print who is at the door, and how two claims and an intruder are decided."""
    print("\nidentify   who stands at the door? (1:K)")
    labels = [printable(arrival.label) for arrival in story.arrivals]
    found = [printable(result.match or "unknown") for result in story.results]
    wide, narrow = _width([*labels, *(label for label, _ in story.unseen)], 16), _width(found, 12)
    for probe, result in enumerate(story.results):
        nearest = result.candidates[0]
        print(
            f"  {labels[probe]:{wide}} {found[probe]:{narrow}} nearest {printable(nearest.name)} "
            f"at {nearest.distance:.3f}, margin {result.margin:.3f}{_remark(story, probe)}"
        )
    for label, remark in story.unseen:
        print(f"  {printable(label):{wide}} {printable(remark)}")
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


def _remark(story: Story, probe: int) -> str:
    """Say who a face at the door is, if that is another or nobody who stands there."""
    arrival, person = story.arrivals[probe], story.mistaken_for(probe)
    if arrival.printed:
        return f"; a poster of {printable(arrival.person or 'somebody')}"
    return "" if person is None else f"; wrong: it is {printable(person)}"


def _width(texts: Sequence[str], least: int) -> int:
    """Return the width of a column; a text beyond `WIDEST` shifts its own line only."""
    return max([least, *(len(text) for text in texts if len(text) <= WIDEST)])


def story_as_json(story: Story) -> dict[str, object]:
    """Return the decisions, for programs."""
    faces = faces_as_json(story.probes)
    door = zip(story.arrivals, faces, story.results, strict=True)
    return {
        "enrolled": list(story.gallery.people),
        "search": story.search.as_json(),
        "door": [
            {"picture": str(arrival.picture), "person": arrival.person}
            | {"printed": arrival.printed, "face": face, **asdict(result)}
            for arrival, face, result in door
        ],
        "unseen": dict(story.unseen),
        "claims": [{"name": claim.name, **asdict(claim.result)} for claim in story.claims],
        "intruder": {"person": story.intruder.person, **asdict(story.intruder.result)},
    }
