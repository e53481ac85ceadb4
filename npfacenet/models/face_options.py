"""How a caller wants photographs to be prepared, where that is not what a model's card says."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from npfacenet.cards import Card, Preparation
from npfacenet.errors import ArgumentError, WeightsNotFoundError, quoted, shortened
from npfacenet.faces.choice import Choice, require_choice
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.threads import without_forks

if TYPE_CHECKING:
    from npfacenet.faces.cropping import FaceCropper
    from npfacenet.faces.detector import Detector

Detect: TypeAlias = "str | os.PathLike[str] | Detector | Literal[False] | None"
"""None: what the card says; a detector, its name or the path of its weights; False: no detector."""


class FaceChoices(TypedDict, total=False):
    """The fields of `FaceOptions`, as keyword arguments of functions that hand them on."""

    detect: Detect
    crop: int | None
    choose: Choice | None
    smallest_face: float | None
    least_score: float | None


@dataclass(frozen=True, eq=False)
class FaceOptions:
    """The options of `Model.embed` that say which part of a photograph is embedded.

    Raises ArgumentError for values that they cannot have, and for a detector beside a crop.
    """

    detect: Detect = None
    crop: int | None = None
    choose: Choice | None = None
    smallest_face: float | None = None
    least_score: float | None = None

    def __post_init__(self) -> None:
        detect: object = self.detect
        named = isinstance(detect, (str, os.PathLike)) or _is_detector(detect)
        if detect is not None and detect is not False and not named:
            raise ArgumentError(
                "detect is the name of a detector, such as 'finder', its path, a Detector, False, "
                f"or None for what the card says, not {quoted(detect)}"
            )
        if self.crop is not None:
            Preparation(crop=self.crop)
            if named:
                raise ArgumentError(
                    "a face is found (detect) or the centre is cropped (crop), not both"
                )
        if self.choose is not None:
            require_choice(self.choose)
        if self.smallest_face is not None or self.least_score is not None:
            with without_forks():
                from npfacenet.faces.detector import require_least_score, require_smallest_face

            require_smallest_face(self.smallest_face)
            require_least_score(self.least_score)

    def finds_faces(self, card: Card) -> bool:
        """Tell whether a detector is used, with a model of this card."""
        if self.crop is not None or self.detect is False:
            return False
        return self.detect is not None or card.preparation.detector is not None

    def ready_for(
        self, card: Card, load: Callable[[str | os.PathLike[str]], Detector]
    ) -> ReadyPreparation:
        """Return the preparation for a model with this card; `load` loads a detector.

        Raises ArgumentError for choices among faces without a detector, WeightsNotFoundError, with
        the remedy, for a detector whose weights are missing.
        """
        if not self.finds_faces(card):
            if self.crop is not None:
                return self._without_detector(Preparation(crop=self.crop))
            own = card.preparation
            return self._without_detector(own if own.detector is None else CENTRAL_SQUARE)
        if self.detect is None or self.detect is False:
            detector = self._of_the_card(card, load)
        elif isinstance(self.detect, (str, os.PathLike)):
            detector = load(self.detect)
        else:
            detector = self.detect
        return ReadyPreparation(card.found_by(detector.identity), self.cropper(card, detector))

    def cropper(self, card: Card, detector: Detector) -> FaceCropper:
        """Return what finds and cuts out faces with a detector, for a model with this card."""
        with without_forks():
            from npfacenet.faces.cropping import FaceCropper

        return FaceCropper(
            detector,
            ALIGNMENTS[str(card.found_by(detector.identity).alignment)],
            "largest" if self.choose is None else self.choose,
            self.smallest_face,
            self.least_score,
        )

    def _of_the_card(
        self, card: Card, load: Callable[[str | os.PathLike[str]], Detector]
    ) -> Detector:
        name = str(card.preparation.detector)
        public, _, digits = name.partition("@")
        if digits:
            raise WeightsNotFoundError(
                f"{shortened(card.architecture, 40)} is for faces that {public} has found with "
                f"weights or settings that are not the public ones ({name}): pass that detector, "
                "detect=, --detect PATH"
            )
        with without_forks():
            from npfacenet.faces.loading import DETECTORS

        if name not in DETECTORS:
            raise WeightsNotFoundError(
                f"{shortened(card.architecture, 40)} is for faces that {quoted(name)} has found, "
                f"and there are {', '.join(DETECTORS)}: pass a Detector, detect="
            )
        try:
            return load(name)
        except WeightsNotFoundError as error:
            raise WeightsNotFoundError(
                f"{shortened(card.architecture, 40)} is for faces that {name} has found: {error}. "
                "Pictures that are cropped to the face need no detector: detect=False, --no-detect"
            ) from error

    def _without_detector(self, preparation: Preparation) -> ReadyPreparation:
        given = {
            "choose": self.choose,
            "smallest_face": self.smallest_face,
            "least_score": self.least_score,
        }
        if stated := [name for name, value in given.items() if value is not None]:
            raise ArgumentError(
                f"{stated[0]} is for faces that a detector finds, and pictures are used as they "
                f"are ({preparation}): name a detector, such as detect='finder' (--detect finder)"
            )
        return ReadyPreparation(preparation, None)


@dataclass(frozen=True, eq=False)
class ReadyPreparation:
    """A preparation, and what finds and cuts out faces for it; None for crops."""

    preparation: Preparation
    cropper: FaceCropper | None


def _is_detector(value: object) -> bool:
    """Tell whether this is a detector, without importing detectors for what cannot be one."""
    if value is None or isinstance(value, (bool, str, os.PathLike)):
        return False
    with without_forks():
        from npfacenet.faces.detector import Detector

    return isinstance(value, Detector)
