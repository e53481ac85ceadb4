"""Galleries: known people, and who of them a picture shows."""

from npfacenet.gallery.enrolment import enrol
from npfacenet.gallery.erasure import Removal
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.identification import (
    Candidate,
    Identification,
    identify,
    identify_all,
)
from npfacenet.gallery.people import Reference

__all__ = [
    "Candidate",
    "Gallery",
    "Identification",
    "Reference",
    "Removal",
    "enrol",
    "identify",
    "identify_all",
]


def __dir__() -> list[str]:
    return sorted(__all__)
