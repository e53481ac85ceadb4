"""Models: networks with their parameters and cards, and the embeddings they make."""

from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.models.loading import load
from npfacenet.models.model import Model

__all__ = ["Embeddings", "Model", "Skipped", "load"]


def __dir__() -> list[str]:
    return sorted(__all__)
