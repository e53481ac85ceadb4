"""Recognition: deciding by the distance of embeddings."""

from npfacenet.recognition.distance import distances
from npfacenet.recognition.pair_head import PairHead, read_pair_head
from npfacenet.recognition.reliability import reliability
from npfacenet.recognition.verification import Verification, verify

__all__ = [
    "PairHead",
    "Verification",
    "distances",
    "read_pair_head",
    "reliability",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
