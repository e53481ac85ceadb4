"""Verification as binary classification: the probability that two faces are one person's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.records import read_record, write_record
from npfacenet.errors import ArgumentError, EmbeddingError, FingerprintError, WeightsError
from npfacenet.layers import AbsoluteDifference, ChiSquare, Dense
from npfacenet.models import Embeddings
from npfacenet.networks import Builder, Network
from npfacenet.recognition.distance import comparable

Similarity: TypeAlias = Literal["absolute", "chi-square"]
WEIGHTS, BIAS = ("logit", "kernel"), ("logit", "bias")


@dataclass(frozen=True, eq=False)
class PairHead:
    """sigmoid(weights . features(a, b) + bias), as in the assignment's logistic unit.

    `similarity` names the features: "absolute" |a - b|, or "chi-square" (a - b)^2 / (|a| + |b|)
    (Taigman et al. 2014, "DeepFace", section 4.1). `weights` (D,) and `bias` are float32;
    `fingerprint` says for which model's embeddings they were learnt.
    """

    similarity: Similarity
    weights: npt.NDArray[np.float32]
    bias: float
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if self.similarity not in get_args(Similarity):
            raise ArgumentError(
                f"similarity is {' or '.join(get_args(Similarity))}, not {self.similarity!r}"
            )
        weights = np.array(self.weights, np.float32)
        if weights.ndim != 1 or not np.isfinite([*weights, self.bias]).all():
            raise ArgumentError("a pair head has one row of finite weights, and a finite bias")
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)

    def probability(
        self, a: Embeddings | npt.ArrayLike, b: Embeddings | npt.ArrayLike
    ) -> npt.NDArray[np.float64]:
        """How probable it is that row i of a and row i of b show one person: (N,), 0 to 1.

        As probable as among the pairs that it was fitted to: with as many genuine as impostor
        ones. The same whichever comes first. Raises FingerprintError for embeddings of another
        model, EmbeddingError for other lengths.
        """
        first, second = Embeddings.of(a), Embeddings.of(b)
        pairs = stacked(first, second)
        if first.values.shape[1] != len(self.weights):
            raise EmbeddingError(
                f"the head takes vectors of {len(self.weights)} numbers, not "
                f"{first.values.shape[1]}"
            )
        for each in (first, second):
            known = None not in (each.fingerprint, self.fingerprint)
            if known and each.fingerprint != self.fingerprint:
                raise FingerprintError(
                    "the head was fitted to the embeddings of another model: fit one to these"
                )
        parameters = {
            WEIGHTS: self.weights[:, None],
            BIAS: np.array([self.bias], np.float32),
        }
        logits = pair_network(self.similarity, len(self.weights)).forward(parameters, pairs)
        return np.asarray(1 / (1 + np.exp(-logits[:, 0].astype(np.float64))))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the head to a file, whole or not at all; OutputError if it cannot be written."""
        rows = {"weights": self.weights, "bias": np.array([self.bias], np.float32)}
        record = {"similarity": self.similarity, "fingerprint": self.fingerprint}
        write_record(Path(path), rows, record)


def read_pair_head(path: str | os.PathLike[str]) -> PairHead:
    """The head in a file that `PairHead.save` wrote; WeightsError for any other file."""
    rows, record = read_record(Path(path))
    match record:
        case {"similarity": "absolute" | "chi-square" as similarity, "fingerprint": fingerprint}:
            if rows.keys() == {"weights", "bias"} and rows["bias"].shape == (1,):
                known = None if fingerprint is None else str(fingerprint)
                return PairHead(similarity, rows["weights"], float(rows["bias"][0]), known)
    raise WeightsError(f"{path} holds no pair head")


def stacked(a: Embeddings, b: Embeddings) -> npt.NDArray[np.float32]:
    """Row i of a beside row i of b: (N, 2, D).

    Raises FingerprintError and EmbeddingError as `comparable`, and EmbeddingError for other
    numbers of rows.
    """
    comparable(a, b)
    if len(a) != len(b):
        raise EmbeddingError(f"{len(a)} and {len(b)} embeddings are no pairs")
    return np.stack([a.values, b.values], axis=1)


def pair_network(similarity: Similarity, dimension: int) -> Network:
    """Pairs (2, D) to the logit of their being one person's."""
    build = Builder("pair head", (2, dimension))
    layer = AbsoluteDifference() if similarity == "absolute" else ChiSquare()
    build.add("logit", Dense(1), build.add("features", layer, build.input))
    return build.network()
