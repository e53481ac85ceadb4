"""Pair heads: verification as binary classification of two embeddings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number, real_array
from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    FingerprintError,
    OutputError,
    WeightsError,
    quoted,
)
from npfacenet.files.paths import checked_path
from npfacenet.layers import AbsoluteDifference, ChiSquare, Dense
from npfacenet.models import Embeddings
from npfacenet.networks import Builder, Network
from npfacenet.recognition.distance import require_pairs

Similarity: TypeAlias = Literal["absolute", "chi-square"]
WEIGHTS, BIAS = ("logit", "kernel"), ("logit", "bias")


@dataclass(frozen=True, eq=False, repr=False)
class PairHead:
    """sigmoid(weights . features(a, b) + bias), as in the assignment's logistic unit.

    `similarity` names the features: "absolute" |a - b|, or "chi-square" (a - b)^2 / (|a| + |b|)
    (Taigman et al. 2014, "DeepFace", section 4.1). `weights` (D,) and `bias` are float32;
    `fingerprint` identifies the model whose embeddings they were fitted to.

    Raises ArgumentError for fields of other types, and for numbers beyond float32.
    """

    similarity: Similarity
    weights: npt.NDArray[np.float32]
    bias: float
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        given: object = self.similarity
        if not isinstance(given, str) or given not in get_args(Similarity):
            raise ArgumentError(
                f"similarity is {' or '.join(get_args(Similarity))}, not {quoted(given)}"
            )
        if self.fingerprint is not None and not isinstance(self.fingerprint, str):
            raise ArgumentError(f"a fingerprint is text, not {quoted(self.fingerprint)}")
        bias = finite_number(self.bias)
        with np.errstate(over="ignore"):  # what overflows is refused below
            weights = np.array(real_array(self.weights, "weights", ArgumentError), np.float32)
            number = float(np.float32(np.nan if bias is None else bias))
        if weights.ndim != 1 or not weights.size or not np.isfinite([*weights, number]).all():
            raise ArgumentError(
                "a pair head has one row of finite weights, and a finite bias, as float32; given "
                f"were weights of shape {weights.shape} and the bias {quoted(self.bias)}"
            )
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", number)

    def __repr__(self) -> str:
        made_by = self.fingerprint[:12] if self.fingerprint else "unknown"
        return f"<PairHead {self.similarity}, {len(self.weights)} weights, fingerprint {made_by}>"

    def probability(
        self, a: Embeddings | npt.ArrayLike, b: Embeddings | npt.ArrayLike
    ) -> npt.NDArray[np.float64]:
        """Return the probability that row i of a and row i of b show one person: (N,), 0 to 1.

        It holds among as many genuine as impostor pairs, as the head was fitted to. Swapping a and
        b does not change it. Raises FingerprintError for embeddings of another model,
        EmbeddingError for other lengths.
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
        # In float64, products of the largest float32 numbers do not overflow.
        parameters = {
            WEIGHTS: self.weights[:, None].astype(np.float64),
            BIAS: np.array([self.bias], np.float64),
        }
        network = pair_network(self.similarity, len(self.weights))
        logits = network.forward(parameters, pairs.astype(np.float64))[:, 0]
        return np.asarray(np.exp(-np.logaddexp(0, -logits)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the head to a file, whole or not at all; raise OutputError if that fails."""
        target = checked_path(path, "the file of a pair head", OutputError)
        vectors = {"weights": self.weights, "bias": np.array([self.bias], np.float32)}
        record = {"similarity": self.similarity, "fingerprint": self.fingerprint}
        write_state(target, vectors, record)


def read_pair_head(path: str | os.PathLike[str]) -> PairHead:
    """Read a head that `PairHead.save` wrote; raise WeightsError for any other file."""
    source = checked_path(path, "the file of a pair head", WeightsError)
    vectors, record = read_state(source)
    fault = "does not hold a pair head"
    match record:
        case {
            "similarity": "absolute" | "chi-square" as similarity,
            "fingerprint": None | str() as known,
        }:
            if vectors.keys() == {"weights", "bias"} and vectors["bias"].shape == (1,):
                try:
                    return PairHead(
                        similarity, vectors["weights"], float(vectors["bias"][0]), known
                    )
                except ArgumentError as error:
                    fault = f"holds a damaged pair head: {error}"
    raise WeightsError(f"{quoted(str(source))} {fault}; save one with PairHead.save")


def stacked(a: Embeddings, b: Embeddings) -> npt.NDArray[np.float32]:
    """Stack row i of a and row i of b: (N, 2, D).

    Raises FingerprintError and EmbeddingError as `require_pairs`.
    """
    require_pairs(a, b)
    return np.stack([a.values, b.values], axis=1)


def pair_network(similarity: Similarity, dimension: int) -> Network:
    """Return the network from a pair (2, D) to the logit that both are one person's."""
    build = Builder("pair head", (2, dimension))
    layer = AbsoluteDifference() if similarity == "absolute" else ChiSquare()
    build.add("logit", Dense(1), build.add("features", layer, build.input))
    return build.network()
