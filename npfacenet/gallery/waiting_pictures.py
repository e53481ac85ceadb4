"""Pictures that were embedded and wait to be enrolled: judged and written a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.gallery.enrolment import Doubtful, Gate
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.gate import FAR, SAME, Finding, decide, far_from_own, judge
from npfacenet.gallery.gate import same_face_elsewhere as elsewhere
from npfacenet.gallery.people import NewPicture
from npfacenet.models.embeddings import Embeddings
from npfacenet.recognition.distance import distances, limit_of
from npfacenet.recognition.names import name_key


@dataclass(eq=False)
class WaitingPictures:
    """Takes pictures, and enrols those that pass the gate (None: all of them)."""

    gallery: Gallery
    gate: Gate | None
    card: Card
    enrolled: dict[str, int] = field(default_factory=dict)
    warnings: list[Doubtful] = field(default_factory=list)
    refused: list[Doubtful] = field(default_factory=list)
    _waiting: list[NewPicture] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, picture: NewPicture) -> None:
        """Let a picture wait."""
        self._waiting.append(picture)

    def enrol(self) -> None:
        """Judge those that wait, and enrol the good ones, all in one transaction."""
        if not self._waiting:
            return
        accepted = []
        known = None if self.gate is None else _Known.of(self.gallery, self._waiting)
        for i, picture in enumerate(self._waiting):
            doubts = self._doubts(picture, i, known)
            verdict = decide(doubts, "ignore" if self.gate is None else self.gate.policies)
            source = "".join(picture.embedding.sources)
            if not verdict:
                self.refused.append(Doubtful(picture.name, source, verdict.refused))
                continue
            if verdict.warnings:
                self.warnings.append(Doubtful(picture.name, source, verdict.warnings))
            accepted.append(picture)
            if known is not None:
                known.accepted.append(i)
            self.enrolled[picture.name] = self.enrolled.get(picture.name, 0) + 1
        self.gallery.add_pictures(accepted, self.card)
        self._waiting.clear()

    def _doubts(self, picture: NewPicture, i: int, known: _Known | None) -> tuple[Finding, ...]:
        """Return what the gate finds in a picture, the one at `i` of those that wait."""
        if self.gate is None or known is None:
            return ()
        quality = picture.facts.quality
        found = () if quality is None else judge(quality, self.gate.limits)
        return (*found, *known.doubts(i))


@dataclass(eq=False)
class _Known:
    """The distances of waiting pictures from people who are enrolled, and from each other.

    `names` are whom they should show, as the gallery spells them; `accepted` are the numbers of
    those with which the next ones are compared.
    """

    names: Sequence[str]
    threshold: float | None
    others: list[list[tuple[float, str]]]
    apart: npt.NDArray[np.float64]
    own: list[float | None]
    denied: list[float | None]
    accepted: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, gallery: Gallery, pictures: Sequence[NewPicture]) -> _Known:
        together = Embeddings.concatenate([picture.embedding for picture in pictures])
        stated = together.threshold
        searched = gallery.searchable()
        own = [_nearest_own(gallery, picture) for picture in pictures]
        return cls(
            [name_key(gallery.spelling(picture.name)) for picture in pictures],
            None if stated is None else limit_of(stated),
            searched.nearest(together.values, 2, 1),
            distances(together, together),
            own,
            [_nearest_denied(gallery, picture) for picture in pictures],
        )

    def doubts(self, i: int) -> tuple[Finding, ...]:
        """Return what comparing a picture with those before it finds."""
        name = self.names[i]
        others = [(d, other) for d, other in self.others[i] if name_key(other) != name]
        own = [distance for distance in self.own[i : i + 1] if distance is not None]
        for j in self.accepted:
            if (other := self.names[j]) == name:
                own.append(float(self.apart[i, j]))
            else:
                others.append((float(self.apart[i, j]), other))
        nearest, nearest_own = min(others, default=None), min(own, default=None)
        found = _denied(self.denied[i], nearest_own)
        if self.threshold is None:
            return found
        found = (*far_from_own(nearest_own, FAR * self.threshold), *found)
        if nearest is not None:
            found = (*elsewhere(nearest[1], nearest[0], SAME * self.threshold), *found)
        return found


def _nearest_own(gallery: Gallery, picture: NewPicture) -> float | None:
    if picture.name not in gallery:
        return None
    return float(distances(picture.embedding, gallery[picture.name]).min())


def _nearest_denied(gallery: Gallery, picture: NewPicture) -> float | None:
    if picture.name not in gallery or not len(denied := gallery.denied(picture.name)):
        return None
    return float(distances(picture.embedding, denied).min())


def _denied(distance: float | None, own: float | None) -> tuple[Finding, ...]:
    """Return what is wrong if a picture that does not show the person is nearer than all that do.

    Both are distances from the nearest of these, None without any.
    """
    if distance is None or own is None or distance >= own:
        return ()
    sentence = (
        f"the face is at a distance of {distance:.3g} from a picture of which somebody said that "
        f"it does not show the person; the nearest that does is at {own:.3g}"
    )
    return (Finding("denied", distance, own, sentence),)
