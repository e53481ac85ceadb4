"""What enrolling photographs takes and gives: options, the gate, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.choice import ONE_OF
from npfacenet.gallery.gate import USUAL_POLICIES, Finding, Limits, Policies
from npfacenet.models.embeddings import Skipped
from npfacenet.models.face_options import FaceOptions
from npfacenet.models.json_ready import JsonReady
from npfacenet.models.picture_reading import OnError


@dataclass(frozen=True)
class Gate:
    """Which pictures are enrolled: `limits` of their quality, and what follows from a finding.

    `policies` is one of "warn", "refuse" and "ignore", or maps kinds of findings to them.
    """

    limits: Limits = field(default_factory=Limits)
    policies: Policies = field(default_factory=lambda: USUAL_POLICIES)


@dataclass(frozen=True)
class Doubtful(JsonReady):
    """A picture in which the gate finds something: whom it should show, which one, and what."""

    name: str
    source: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Enrolment(JsonReady):
    """What came of enrolling photographs.

    `enrolled` counts the embeddings that were added, by name, and `known` the pictures that their
    person had already. `warnings` are of pictures that were added all the same, `refused` those
    that the gate kept out, and `skipped` the files that could not be used.
    """

    enrolled: Mapping[str, int]
    known: int
    warnings: tuple[Doubtful, ...]
    refused: tuple[Doubtful, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, eq=False)
class EnrolmentOptions:
    """How people are enrolled.

    `faces` chooses the face of a photograph, as in `Model.embed`; `gate` judges the pictures (None:
    all are taken); with `keep`, the gallery keeps the files. `on_error` and `threads` are those of
    `Model.embed`. Raises ArgumentError if several faces of a picture are chosen.
    """

    faces: FaceOptions = field(default_factory=FaceOptions)
    gate: Gate | None = field(default_factory=Gate)
    keep: bool = False
    on_error: OnError = "raise"
    threads: int | None = None

    def __post_init__(self) -> None:
        require_one_face(self.faces.choose)


def require_one_face(choose: object) -> None:
    """Raise ArgumentError for a choice of several faces, or none that is known."""
    if choose is not None and not is_one_of(choose, *ONE_OF):
        raise ArgumentError(
            f"choose is one of {', '.join(ONE_OF)} here, because a picture shows one person: "
            f"{quoted(choose)}"
        )
