"""What a network is trained towards: losses, each with the head that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers import CosineDense, Dense, Layer
from npfacenet.losses import AngularMargin, CrossEntropy, Distillation, OnlineTripletLoss, Relations
from npfacenet.losses.loss import Loss
from npfacenet.networks import Builder, Network
from npfacenet.training.checks import require_kind, require_whole

MININGS = ("semi-hard", "batch-hard", "batch-all")
LOSSES = (*MININGS, "softmax", "angular-margin", "distillation", "relations")
FAMILIAR = {"triplet": "semi-hard"}  # FaceNet's own way of choosing them


@dataclass(frozen=True)
class Objective:
    """One term of what is minimised: weight * loss(head(embeddings), targets).

    `targets` says of what: the identities in a batch, or the embeddings that a teacher makes
    of the same views. `head` is None where the loss takes the embeddings themselves.
    """

    name: str
    loss: Loss
    head: Network | None = None
    targets: Literal["identities", "teacher"] = "identities"
    weight: float = 1.0


def objectives(
    names: Sequence[str], margin: float | None, embedding: int, identities: int
) -> tuple[Objective, ...]:
    """The terms of these names ("NAME" or "NAME:WEIGHT").

    `margin` replaces that of the triplet or angular loss; `embedding` is how many numbers an
    embedding has. Raises ArgumentError for a name that is unknown or comes twice, or a
    weight that is not positive.
    """
    if not isinstance(names, (tuple, list)) or not names:
        raise ArgumentError(f"a loss is needed: {', '.join(LOSSES)}")
    require_whole("the number of identities", identities, 1, 10**9)
    require_whole("the length of an embedding", embedding, 1, 10**9)
    terms: list[Objective] = []
    for text in names:
        name, factor = parse(text)
        if any(term.name == name for term in terms):
            raise ArgumentError(f"{name!r} is named twice: give one of them the weight of both")
        terms.append(_objective(name, factor, margin, embedding, identities))
    return tuple(terms)


def parse(text: str) -> tuple[str, float]:
    """The name and the weight in "NAME" or "NAME:WEIGHT".

    "triplet", the word of the course, is "semi-hard". Raises ArgumentError for an unknown name, or
    a weight that is not positive.

    >>> parse("angular-margin:0.1"), parse("triplet")
    (('angular-margin', 0.1), ('semi-hard', 1.0))
    """
    require_kind("the name of a loss", text, str)
    name, _, weight = text.partition(":")
    name = FAMILIAR.get(name, name)
    if name not in LOSSES:
        raise ArgumentError(f"no loss is called {quoted(name)}; there are {', '.join(LOSSES)}")
    try:
        factor = float(weight or 1)
    except ValueError:
        factor = -1.0
    if not 0 < factor < float("inf"):
        raise ArgumentError(f"the weight of a loss is a positive number, not in {quoted(text)}")
    return name, factor


def triplet_margin(terms: Sequence[Objective]) -> float | None:
    """The margin, where triplets are all that is learnt from."""
    if len(terms) == 1 and isinstance(terms[0].loss, OnlineTripletLoss):
        return terms[0].loss.margin
    return None


def _objective(
    name: str, weight: float, margin: float | None, embedding: int, identities: int
) -> Objective:
    match name:
        case "semi-hard" | "batch-hard" | "batch-all":
            loss = OnlineTripletLoss(0.2 if margin is None else margin, name)
            return Objective(name, loss, weight=weight)
        case "softmax":
            head = _head(Dense(identities), embedding)
            return Objective(name, CrossEntropy(), head, weight=weight)
        case "angular-margin":
            angular = AngularMargin() if margin is None else AngularMargin(margin)
            return Objective(
                name, angular, _head(CosineDense(identities), embedding), weight=weight
            )
        case "distillation":
            return Objective(name, Distillation(), None, "teacher", weight)
        case "relations":
            return Objective(name, Relations(), None, "teacher", weight)
    raise ArgumentError(f"no loss is called {quoted(name)}; there are {', '.join(LOSSES)}")


def _head(layer: Layer, embedding: int) -> Network:
    build = Builder("head", (embedding,))
    build.add(f"identities_{type(layer).__name__}", layer, build.input)
    return build.network()
