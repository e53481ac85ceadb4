"""Names that other projects give to networks like ours, for suggestions in messages.

A suggestion is never an alias: the weights that deepface calls Facenet and those of Keras
FaceNet are different files, and give different embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from npfacenet.recipes.catalogue import all_recipes

FOREIGN = {
    "arcface": "ArcFace",
    "buffalol": "Buffalo_L",
    "buffalos": "Buffalo_S",
    "cosface": "CosFace",
    "deepface": "DeepFace",
    "deepid": "DeepID",
    "dlib": "dlib's ResNet",
    "fbdeepface": "DeepFace",
    "ghostfacenet": "GhostFaceNet",
    "insightface": "InsightFace",
    "magface": "MagFace",
    "mobilefacenet": "MobileFaceNet",
    "sface": "SFace",
    "sphereface": "SphereFace",
    "vggface": "VGG-Face",
}
"""Networks for faces that npfacenet does not have, by the way people write them."""

_SUFFIX = re.compile(r"\.(h5|hdf5|keras|json|npz|onnx|pb|pkl|pth?|t7|tflite|zip)$")
_SEPARATORS = re.compile(r"[^a-z0-9]")
_BESIDE_THE_POINT = re.compile(r"keras|tensorflow|pytorch|torch|weights?|model|pretrained|h5$")
_OUTPUTS = re.compile(r"(?<=facenet)(128|512)d?")


def familiar_names() -> dict[str, str]:
    """Return what other projects call the networks of the catalogue, with our name for each.

    In lower case and without separators; of two networks with one name the earlier has it.
    """
    return {
        _SEPARATORS.sub("", name.casefold()): recipe.architecture
        for recipe in reversed(all_recipes())
        for name in recipe.known_as
    }


def suggestion(name: object, known: Iterable[str]) -> str:
    """Say in a sentence which of the names `known` was probably meant; "" if that is unclear.

    >>> suggestion("facenet_keras.h5", ["nn4.small2", "inception-resnet-v1"])
    "did you mean 'inception-resnet-v1'? "
    >>> suggestion("ArcFace", ["nn4.small2", "inception-resnet-v1"])
    'ArcFace is a network that npfacenet does not have. '
    """
    if not isinstance(name, str) or not name:
        return ""
    known = list(known)
    ours = familiar_names()
    essence, outputs = _essence(name, ours)
    if (meant := ours.get(essence)) in known:
        return f"did you mean {meant!r}{_about_outputs(outputs)}? "
    if essence in FOREIGN:
        return f"{FOREIGN[essence]} is a network that npfacenet does not have. "
    close = _resembling(name.casefold(), known)
    return f"did you mean {' or '.join(map(repr, close))}? " if close else ""


def _essence(name: str, ours: Container[str]) -> tuple[str, str | None]:
    """Strip a name of suffix and separators; return the rest and the outputs it states."""
    text = _SEPARATORS.sub("", _SUFFIX.sub("", name.casefold().strip()))
    text = _BESIDE_THE_POINT.sub("", text)
    stated = _OUTPUTS.search(text)
    text = _OUTPUTS.sub("", text)
    if text.endswith("v1") and text not in ours:
        text = text.removesuffix("v1")
    return text, stated and stated[1]


# Keyed by a way of writing ("facenet512"), which only inception-resnet-v1 has.
def _about_outputs(outputs: str | None) -> str:
    if outputs != "512":
        return ""
    return " (its public weights give 128 numbers; load a file of 512 by its path)"


def _resembling(name: str, known: Iterable[str]) -> list[str]:
    import difflib  # only messages need it

    folded = {other.casefold(): other for other in known}
    close = [folded[match] for match in difflib.get_close_matches(name, folded)]
    return close or [other for key, other in folded.items() if key.startswith(name)]
