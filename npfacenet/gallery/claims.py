"""Verification of a claim: does a picture show the person of a gallery who is named?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from npfacenet.errors import ArgumentError, quoted
from npfacenet.gallery.corrections import is_denied
from npfacenet.gallery.gallery import Gallery
from npfacenet.models import Embeddings
from npfacenet.recognition.verification import By, Verification, mean_of, some_embeddings, verify


@dataclass(frozen=True)
class Claim(Verification):
    """The decision on a claim and its grounds.

    `same` is `distance <= threshold`, and False if the claim is `denied`: a picture of which
    somebody said that it does not show the person is nearer than all that do.
    """

    claim: str = ""
    denied: bool = False


def verify_claim(
    probe: Embeddings | npt.ArrayLike,
    gallery: Gallery,
    name: str,
    *,
    threshold: float | None = None,
    by: By = "best",
) -> Claim:
    """Decide whether a probe shows the person of a gallery who has this name; corrections count.

    `probe` is what `verify` takes for one side, and so are `threshold` and `by`.

    >>> gallery = Gallery.of({"anna": [[0.6, 0.8], [1.0, 0.0]]})
    >>> bool(verify_claim([0.0, 1.0], gallery, "anna", threshold=0.7))
    True
    >>> gallery.not_this_person("anna", [0.0, 1.0])
    >>> claim = verify_claim([0.0, 1.0], gallery, "anna", threshold=0.7)
    >>> claim.same, claim.denied, round(claim.distance, 3)
    (False, True, 0.632)

    Raises GalleryError if nobody has this name, and what `verify` raises.
    """
    if not isinstance(gallery, Gallery):
        raise ArgumentError(f"a claim is verified by a Gallery, not {quoted(gallery)}")
    several, own, denied = some_embeddings(probe), gallery[name], gallery.denied(name)
    if by == "mean" and len(several) > 1:
        several = mean_of(several)
    each = [verify(one, own, threshold=threshold, by=by) for one in several]
    allowed = [
        result
        for one, result in zip(several, each, strict=True)
        if not is_denied(one.values[0], denied, result.distance)
    ]
    result = min(allowed or each, key=lambda result: result.distance)
    same = result.same and bool(allowed)
    return Claim(same, result.distance, result.threshold, result.metric, name, not allowed)
