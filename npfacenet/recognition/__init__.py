"""Recognition: deciding by the distance of embeddings."""

from npfacenet.recognition.distance import distances
from npfacenet.recognition.gallery import Gallery, enrol
from npfacenet.recognition.identification import (
    Candidate,
    Identification,
    identify,
    identify_all,
)
from npfacenet.recognition.pair_head import PairHead, read_pair_head
from npfacenet.recognition.reliability import reliability
from npfacenet.recognition.verification import Verification, verify

__all__ = [
    "Candidate",
    "Gallery",
    "Identification",
    "PairHead",
    "Verification",
    "distances",
    "enrol",
    "identify",
    "identify_all",
    "read_pair_head",
    "reliability",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
