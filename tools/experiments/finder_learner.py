"""A training step of the finder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from finder_answers import Labels
from finder_pool import Batch
from finder_targets import OUTPUTS, finder_loss, targets

from npfacenet.images import preprocessing
from npfacenet.layers import Array
from npfacenet.networks import NetworkParameters, ParameterName
from npfacenet.networks.outputs import by_name
from npfacenet.recipes.finder import NPFACENET_FINDER, STRIDES, npfacenet_finder
from npfacenet.threads.blas import single_threaded
from npfacenet.training.descent import Descent, Rule

THREADS = 2  # parts of a batch, each with its own batch statistics

Gradients = dict[ParameterName, Array]


@dataclass(frozen=True)
class Step:
    """The loss of a batch before its update, and measures for people to read."""

    loss: float
    measures: Mapping[str, float]
    gradient_norm: float


class FinderLearner(Descent):
    """The finder while it learns."""

    def __init__(self, parameters: NetworkParameters, rule: Rule, landmarks: float = 2.0) -> None:
        self.landmarks = landmarks
        self.network = npfacenet_finder().with_outputs(*OUTPUTS)
        self.scaling = preprocessing(NPFACENET_FINDER.preprocessing)
        specs = self.network.parameter_specs()
        learnt = {name: spec for name, spec in specs.items() if spec.trainable}
        fixed = {name: parameters[name] for name in specs if name not in learnt}
        super().__init__(learnt, parameters, fixed, rule)
        self._pool = ThreadPoolExecutor(THREADS, "finder")

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown()

    def step(self, batch: Batch) -> Step:
        """Update the parameters by one batch; TrainingError if its loss is not finite."""
        parameters = self.parameters

        def part(pictures: npt.NDArray[np.uint8], labels: Sequence[Labels]) -> _Part:
            return self._part(parameters, pictures, labels)

        ends = [len(batch.labels) * i // THREADS for i in range(THREADS + 1)]
        with single_threaded():
            parts = list(
                self._pool.map(
                    part,
                    [batch.pictures[a:b] for a, b in pairwise(ends)],
                    [batch.labels[a:b] for a, b in pairwise(ends)],
                )
            )
        loss = sum(each.loss for each in parts) / THREADS
        norm = self.gather([each.gradients for each in parts])
        statistics = [each.statistics for each in parts]
        self.require_finite(loss, norm, statistics)
        self.update(statistics)
        names = set.intersection(*(set(each.measures) for each in parts))
        measures = {n: sum(each.measures[n] for each in parts) / THREADS for n in sorted(names)}
        return Step(loss, measures, norm)

    def _part(
        self,
        parameters: NetworkParameters,
        pictures: npt.NDArray[np.uint8],
        labels: Sequence[Labels],
    ) -> _Part:
        wanted = {s: targets(labels, pictures.shape[1], s) for s in STRIDES}
        with np.errstate(all="ignore"):  # what overflows is refused with the loss
            outputs, tape = self.network.forward_saving(parameters, self.scaling.scale(pictures))
            loss = finder_loss(by_name(outputs, self.network.outputs), wanted, self.landmarks)
            upstream = {
                name: (gradient / THREADS).astype(np.float32)
                for name, gradient in loss.gradients.items()
            }
            gradients = self.network.backward(parameters, tape, upstream)[1]
        return _Part(loss.value, gradients, tape.statistics, loss.measures)


@dataclass(frozen=True)
class _Part:
    """What one thread computed of a step."""

    loss: float
    gradients: Gradients
    statistics: Gradients
    measures: Mapping[str, float]
