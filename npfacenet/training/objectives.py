"""What a network is trained to minimise: losses, each with the head that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers import Array, CosineDense, Dense, Layer
from npfacenet.losses import AngularMargin, CrossEntropy, Distillation, OnlineTripletLoss, Relations
from npfacenet.losses.loss import Loss
from npfacenet.networks import Builder, Network, NetworkParameters, ParameterName
from npfacenet.training.batch import Batch
from npfacenet.training.checks import require_kind, require_whole

MININGS = ("semi-hard", "batch-hard", "batch-all")
LOSSES = (*MININGS, "softmax", "angular-margin", "distillation", "relations")
FAMILIAR = {"triplet": "semi-hard"}  # how FaceNet chooses its triplets


@dataclass(frozen=True)
class Objective:
    """One term of the total loss: weight * loss(head(embeddings), targets).

    `targets` says which targets the loss takes: the identities in a batch, or a teacher's
    embeddings of the same views. `head` is None if the loss takes the embeddings themselves.
    """

    name: str
    loss: Loss
    head: Network | None = None
    targets: Literal["identities", "teacher"] = "identities"
    weight: float = 1.0


def objectives(
    names: Sequence[str], margin: float | None, embedding: int, identities: int
) -> tuple[Objective, ...]:
    """Build the terms with these names ("NAME" or "NAME:WEIGHT").

    `margin` replaces the default of the triplet or angular loss; `embedding` is the length of an
    embedding, `identities` the number of people. Raises ArgumentError for a name that is unknown
    or appears twice, and for a weight that is not positive.
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
    """Return the name and the weight in "NAME" or "NAME:WEIGHT".

    "triplet", the course's name, means "semi-hard". Raises ArgumentError for an unknown name and
    for a weight that is not positive.

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


@dataclass(frozen=True)
class CombinedLoss:
    """The sum of all terms, `value`, and its gradients.

    `to_embeddings` (N, D) is the gradient by the embeddings, `to_heads` those by the parameters of
    the heads; `measures` are those of all losses, by name.
    """

    value: float
    to_embeddings: Array
    to_heads: dict[ParameterName, Array] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)


def combined_loss(
    terms: Sequence[Objective], parameters: NetworkParameters, embeddings: Array, batch: Batch
) -> CombinedLoss:
    """Compute all terms for a batch; `parameters` include those of the heads.

    The value is NaN if a head's outputs, or the embeddings, are not finite. Raises ArgumentError
    if a term needs a teacher's embeddings and the batch has none.
    """
    total, to_embeddings = 0.0, np.zeros_like(embeddings)
    to_heads: dict[ParameterName, Array] = {}
    measures: dict[str, float] = {}
    for term in terms:
        outputs, tape = embeddings, None
        if term.head is not None:
            outputs, tape = term.head.forward_saving(parameters, embeddings, to_image=True)
        targets = batch.identities if term.targets == "identities" else batch.teacher
        if targets is None:
            raise ArgumentError(f"{term.name} needs a teacher's embeddings in each batch")
        if not np.isfinite(outputs).all():
            return CombinedLoss(float("nan"), to_embeddings, to_heads, measures)
        result = term.loss.value_and_gradient(outputs, targets)
        total += term.weight * result.value
        gradient: Array | None = np.asarray(term.weight * result.gradient, embeddings.dtype)
        if term.head is not None and tape is not None and gradient is not None:
            gradient, to_head = term.head.backward(parameters, tape, gradient)
            to_heads |= to_head
        to_embeddings = to_embeddings if gradient is None else to_embeddings + gradient
        for name, value in result.measures.items():
            measures[f"{term.name} {name}" if name in measures else name] = value
    return CombinedLoss(total, to_embeddings, to_heads, measures)


def triplet_margin(terms: Sequence[Objective]) -> float | None:
    """Return the margin if the only term is a triplet loss; else None."""
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
