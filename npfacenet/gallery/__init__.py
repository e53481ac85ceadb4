"""Galleries: known people, and who of them a picture shows."""

from npfacenet.gallery.claims import Claim, verify_claim
from npfacenet.gallery.correcting import not_shown
from npfacenet.gallery.enrolling import enrol, enrol_into
from npfacenet.gallery.enrolment import Doubtful, Enrolment, EnrolmentOptions, Gate
from npfacenet.gallery.erasure import Removal
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.gate import Finding, Limits, judge
from npfacenet.gallery.identification import (
    Candidate,
    Identification,
    identify,
    identify_all,
)
from npfacenet.gallery.people import Reference
from npfacenet.gallery.quality import Quality, quality_of
from npfacenet.gallery.reenrolling import reenrol

__all__ = [
    "Candidate",
    "Claim",
    "Doubtful",
    "Enrolment",
    "EnrolmentOptions",
    "Finding",
    "Gallery",
    "Gate",
    "Identification",
    "Limits",
    "Quality",
    "Reference",
    "Removal",
    "enrol",
    "enrol_into",
    "identify",
    "identify_all",
    "judge",
    "not_shown",
    "quality_of",
    "reenrol",
    "verify_claim",
]


def __dir__() -> list[str]:
    return sorted(__all__)
