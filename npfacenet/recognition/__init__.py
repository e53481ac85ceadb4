"""Recognition: deciding by the distance of embeddings."""

from npfacenet.recognition.distance import distances
from npfacenet.recognition.gallery import Gallery, enrol
from npfacenet.recognition.identification import Candidate, Identification, identify
from npfacenet.recognition.verification import Verification, verify

__all__ = [
    "Candidate",
    "Gallery",
    "Identification",
    "Verification",
    "distances",
    "enrol",
    "identify",
    "verify",
]
