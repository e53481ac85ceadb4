"""FaceNet in pure NumPy.

>>> import npfacenet
>>> result = npfacenet.verify([0.6, 0.8], [0.8, 0.6], threshold=0.7)
>>> result.same, round(result.distance, 3)
(True, 0.283)

The public names are resolved when they are first used, so that importing costs little.
What happens beside the results is logged under "npfacenet" (`logging`) and shown to nobody until
the program that uses the library asks for it.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from npfacenet.threads import without_forks

if TYPE_CHECKING:
    from npfacenet.gallery import Gallery, enrol, identify, identify_all
    from npfacenet.models import Embeddings, Model, load
    from npfacenet.recognition import verify

__version__ = "0.1.0"

_HOMES = {
    "Embeddings": "npfacenet.models",
    "Gallery": "npfacenet.gallery",
    "Model": "npfacenet.models",
    "enrol": "npfacenet.gallery",
    "identify": "npfacenet.gallery",
    "identify_all": "npfacenet.gallery",
    "load": "npfacenet.models",
    "verify": "npfacenet.recognition",
}

_ROOMS = (
    "checkpoints",
    "course",
    "errors",
    "faces",
    "gallery",
    "images",
    "inference",
    "layers",
    "losses",
    "models",
    "networks",
    "recipes",
    "recognition",
    "samples",
    "testing",
    "training",
)

logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [
    "Embeddings",
    "Gallery",
    "Model",
    "__version__",
    "enrol",
    "identify",
    "identify_all",
    "load",
    "verify",
]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        with without_forks():  # a child that is forked within could import nothing any more
            return import_module(f"npfacenet.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with without_forks():
        value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS})
