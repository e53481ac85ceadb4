"""A step of training: by hand, in shards and threads, frozen, broken off, and taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.layers import (
    Array,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    ReLU,
)
from npfacenet.losses.loss import Loss, LossValue, Targets
from npfacenet.networks import Builder, Network, NetworkParameters
from npfacenet.threads.blas import blas_threads
from npfacenet.training import Configuration
from npfacenet.training.batch import Batch
from npfacenet.training.learner import Learner
from npfacenet.training.learning_parameters import learning_from
from npfacenet.training.objectives import LOSSES, Objective, objectives

PEOPLE = 4


def network_of(dropout: float = 0.25) -> Network:
    """(8, 8, 3) to 4 numbers of unit length, with everything that has a state."""
    build = Builder("tiny", (8, 8, 3))
    with build.block("first"):
        x = build.add("conv1", Convolution(6, 3), build.input)
        x = build.add("bn1", BatchNorm(momentum=0.75), x)
        x = build.add("relu1", ReLU(), x)
    with build.block("second"):
        x = build.add("conv2", Convolution(8, 3), x)
        x = build.add("bn2", BatchNorm(momentum=0.75), x)
        x = build.add("relu2", ReLU(), x)
        x = build.add("average", GlobalAveragePool(), x)
    x = build.add("dropout", Dropout(dropout), x)
    x = build.add("dense_layer", Dense(4), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


NETWORK = network_of()
START = NETWORK.initialise(3)


def batch_of(number: int = 0, each: int = 3) -> Batch:
    """People are patterns; pictures of them are noised."""
    patterns = np.random.default_rng(1).standard_normal((PEOPLE, 8, 8, 3))
    identities = np.repeat(np.arange(PEOPLE), each)
    noise = np.random.default_rng([2, number]).standard_normal((len(identities), 8, 8, 3))
    images = (patterns[identities] + 0.5 * noise).astype("f4")
    teacher = np.eye(4, dtype="f4")[identities]
    return Batch(images, identities, teacher)


BATCH = batch_of()


def choosing(**changed: Any) -> Configuration:
    fields: dict[str, Any] = {
        "steps": 100,
        "warm_up": 0,
        "schedule": "constant",
        "learning_rate": 0.05,
    }
    fields |= {"loss": ("batch-all",), "optimizer": "sgd", "shards": 1}
    return Configuration(**(fields | changed))


def learner_of(
    choices: Configuration,
    threads: int = 1,
    network: Network = NETWORK,
    start: NetworkParameters = START,
) -> Learner:
    terms = objectives(choices.loss, choices.margin, 4, PEOPLE)
    return Learner(network, start, terms, choices, threads=threads)


def rows_after(
    choices: Configuration, steps: int = 3, threads: int = 1
) -> dict[str, npt.NDArray[np.float32]]:
    with closing(learner_of(choices, threads)) as learner:
        for number in range(steps):
            learner.step(batch_of(number))
        return {name: row.copy() for name, row in learner.state().items()}


def assert_same(
    one: dict[str, npt.NDArray[np.float32]], other: dict[str, npt.NDArray[np.float32]]
) -> None:
    assert one.keys() == other.keys()
    for name, row in one.items():
        np.testing.assert_array_equal(row, other[name], err_msg=name)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with closing(learner_of(choosing(average=0.9, optimizer="adam", shards=2))) as made:
        yield made


@pytest.mark.parametrize("statistics", ["batch", "moving"])
@pytest.mark.parametrize("learn_from", [None, "second"])
def test_a_step_is_forward_loss_backward_update(statistics: str, learn_from: str | None) -> None:
    choices = choosing(
        statistics=statistics, learn_from=learn_from, learning_rate=0.25, momentum=0.5,
        weight_decay=0.125, seed=7,
    )  # fmt: skip
    specs = NETWORK.parameter_specs()
    learning = learning_from(NETWORK, learn_from)
    expected = {name: value.astype("f8") for name, value in START.items()}
    velocity = {name: np.zeros(specs[name].shape) for name in learning}
    (term,) = objectives(choices.loss, None, 4, PEOPLE)
    with closing(learner_of(choices)) as learner:
        for number in range(2):
            now = {name: value.astype("f4") for name, value in expected.items()}
            batch = batch_of(number)
            embeddings, tape = NETWORK.forward_saving(
                now, batch.images, training=statistics == "batch", learning=learning,
                seed=(7, number, 0),
            )  # fmt: skip
            moved = dict(tape.statistics)
            assert bool(moved) == (statistics == "batch")
            loss = term.loss.value_and_gradient(embeddings, batch.identities)
            _, gradients = NETWORK.backward(now, tape, loss.gradient)
            squares = sum(float(np.square(g, dtype="f8").sum()) for g in gradients.values())
            for name, gradient in gradients.items():
                if specs[name].decays:
                    expected[name] *= 1 - 0.25 * 0.125
                velocity[name] = 0.5 * velocity[name] + gradient
                expected[name] = expected[name] - 0.25 * velocity[name]
            expected |= {name: value.astype("f8") for name, value in moved.items()}
            result = learner.step(batch)
            np.testing.assert_allclose(result.embeddings, embeddings, atol=1e-6)
            assert result.loss == pytest.approx(loss.value, rel=1e-5)
            assert result.measures == pytest.approx(loss.measures)
            assert result.gradient_norm == pytest.approx(np.sqrt(squares), rel=1e-5)
            assert result.learning_rate == 0.25
            assert learner.done == number + 1
    assert learner.parameters.keys() == specs.keys()
    for name, value in learner.parameters.items():
        np.testing.assert_allclose(value, expected[name], atol=2e-6, err_msg=str(name))


def test_adam_begins_at_the_rate() -> None:
    with closing(learner_of(choosing(optimizer="adam", learning_rate=0.01))) as learner:
        before = learner.vector.numbers.copy()
        learner.step(BATCH)
        moved = np.abs(learner.vector.numbers - before)
    assert moved.max() < 0.01001
    assert np.median(moved) > 0.0099


def test_the_rate_follows_the_schedule() -> None:
    choices = choosing(schedule="steps", warm_up=2, steps=12, learning_rate=0.01)
    with closing(learner_of(choices)) as learner:
        rates = [learner.step(BATCH).learning_rate for _ in range(12)]
    assert rates == pytest.approx([0.005] + [0.01] * 7 + [0.001] * 2 + [0.0001] * 2)


def test_a_clipped_step_is_no_longer_than_it_may_be() -> None:
    with closing(learner_of(choosing(clip=1e-3, momentum=0.0, learning_rate=0.5))) as learner:
        before = learner.vector.numbers.copy()
        result = learner.step(BATCH)
        assert result.gradient_norm > 1e-2  # as it was
        moved = np.linalg.norm(learner.vector.numbers - before)
    assert moved == pytest.approx(0.5e-3, rel=1e-3)


def test_with_moving_statistics_shards_add_up_to_the_whole() -> None:
    choices = choosing(statistics="moving", momentum=0.5, loss=("batch-all", "softmax:0.5"))
    whole = rows_after(choices)
    for shards in (2, 3, 5):
        parts = rows_after(replace(choices, shards=shards), threads=2)
        for name, row in whole.items():
            np.testing.assert_allclose(parts[name], row, atol=2e-5, err_msg=name)


def test_batch_statistics_are_those_of_each_shard() -> None:
    one, two = (rows_after(choosing(shards=shards), steps=1) for shards in (1, 2))
    assert not np.allclose(one["numbers"], two["numbers"], atol=1e-5)
    tapes = [
        NETWORK.forward_saving(START, images, seed=(0, 0, shard))[1]
        for shard, images in enumerate(np.array_split(BATCH.images, 2))
    ]
    with closing(learner_of(choosing(shards=2))) as learner:
        learner.step(BATCH)
        assert len(learner.fixed) == 4
        for name, value in learner.fixed.items():
            mean = (tapes[0].statistics[name] + tapes[1].statistics[name]) / 2
            np.testing.assert_allclose(value, mean, atol=1e-6)
            assert not np.allclose(value, START[name])


def test_more_shards_than_pictures_are_so_many() -> None:
    small = Batch(BATCH.images[2:5], BATCH.identities[2:5])
    assert small.identities.tolist() == [0, 1, 1]
    with closing(learner_of(choosing(shards=8, statistics="moving"))) as learner:
        assert len(learner.step(small).embeddings) == 3


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_same_bits_each_time_and_on_any_number_of_threads(optimizer: str) -> None:
    choices = choosing(optimizer=optimizer, shards=3, average=0.5, seed=5)
    first = rows_after(choices)
    assert_same(rows_after(choices), first)
    assert_same(rows_after(choices, threads=2), first)
    assert_same(rows_after(choices, threads=3), first)
    other = rows_after(replace(choices, seed=6))["numbers"]
    assert not np.array_equal(other, first["numbers"])


@pytest.mark.parametrize(
    ("learn_from", "moving"),
    [
        ("second", {"conv2", "bn2", "dense_layer"}),
        ("bn2", {"bn2", "dense_layer"}),
        ("dense_layer", {"dense_layer"}),
        ("conv1", {"conv1", "bn1", "conv2", "bn2", "dense_layer"}),
    ],
)
def test_what_is_frozen_never_moves(learn_from: str, moving: set[str]) -> None:
    choices = choosing(learn_from=learn_from, optimizer="adam", weight_decay=0.5, average=0.5)
    with closing(learner_of(choices)) as learner:
        for number in range(3):
            learner.step(batch_of(number))
        for parameters in (learner.parameters, learner.best_parameters()):
            for name, value in parameters.items():
                same = np.array_equal(value, START[name])
                assert same == (name[0] not in moving), name


def test_weights_that_a_learner_was_given_are_left_alone() -> None:
    start = {name: value.copy() for name, value in START.items()}
    for value in start.values():
        value.flags.writeable = False
    images = BATCH.images.copy()
    images.flags.writeable = False
    with closing(learner_of(choosing(), start=start)) as learner:
        learner.step(replace(BATCH, images=images))
    for name, value in start.items():
        np.testing.assert_array_equal(value, START[name])


def state_of(learner: Learner) -> dict[str, npt.NDArray[np.float32]]:
    return {name: row.copy() for name, row in learner.state().items()}


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 3e38, 1e22])
@pytest.mark.parametrize(
    ("loss", "clipped"), [("batch-all", 1.0), ("softmax", 0.0), ("distillation", 0.0)]
)
def test_a_step_that_is_not_finite_changes_nothing(
    number: float, loss: str, clipped: float
) -> None:
    choices = choosing(optimizer="adam", shards=2, average=0.9, clip=clipped, loss=(loss,))
    images = BATCH.images.copy()
    images[5, 2] = number
    with closing(learner_of(choices)) as learner:
        learner.step(BATCH)
        before = state_of(learner)
        with pytest.raises(TrainingError, match=r"step 2: the loss is .*from before this step"):
            learner.step(replace(BATCH, images=images))
        assert_same(state_of(learner), before)
        assert learner.done == 1
        assert learner.consistent
        learner.step(batch_of(1))
        after = state_of(learner)
    with closing(learner_of(choices)) as undisturbed:
        undisturbed.step(BATCH)
        undisturbed.step(batch_of(1))
        assert_same(state_of(undisturbed), after)


@pytest.mark.parametrize("weight", ["1e20", "1e37", "1e39"])
@pytest.mark.parametrize("clipped", [0.0, 1.0])
def test_a_gradient_too_large_changes_nothing(weight: str, clipped: float) -> None:
    choices = choosing(loss=(f"softmax:{weight}",), clip=clipped)
    with closing(learner_of(choices)) as learner:
        before = state_of(learner)
        with pytest.raises(TrainingError, match=r"gradient's norm (inf|nan)"):
            learner.step(BATCH)
        assert_same(state_of(learner), before)
        assert learner.done == 0


class Endless(Loss):
    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        return LossValue(float("inf"), np.ones_like(outputs))


def test_a_loss_that_is_not_finite_is_enough() -> None:
    terms = [Objective("endless", Endless())]
    with closing(Learner(NETWORK, START, terms, choosing())) as learner:
        before = state_of(learner)
        with pytest.raises(TrainingError, match="step 1: the loss is inf"):
            learner.step(BATCH)
        assert_same(state_of(learner), before)


def test_a_batch_without_triplets_is_refused_and_changes_nothing(learner: Learner) -> None:
    before = state_of(learner)
    with pytest.raises(ArgumentError, match="no triplet"):
        learner.step(replace(BATCH, identities=np.zeros(12, np.intp)))
    assert_same(state_of(learner), before)
    assert learner.done == 0


def test_distillation_without_a_teacher_is_refused() -> None:
    with (
        closing(learner_of(choosing(loss=("distillation",)))) as learner,
        pytest.raises(ArgumentError, match="distillation needs a teacher"),
    ):
        learner.step(replace(BATCH, teacher=None))


EVERY = [("adam", 0.01, (name,)) for name in LOSSES]


@pytest.mark.parametrize(
    ("optimizer", "rate", "loss"),
    [
        *EVERY,
        ("adam", 0.01, ("softmax:0.1", "semi-hard")),
        ("sgd", 0.05, ("softmax",)),
        ("sgd", 0.05, ("semi-hard",)),
    ],
)
def test_every_objective_learns(optimizer: str, rate: float, loss: tuple[str, ...]) -> None:
    choices = choosing(loss=loss, optimizer=optimizer, learning_rate=rate, margin=0.5, shards=2)
    with closing(learner_of(choices, network=network_of(0))) as learner:
        losses = [learner.step(batch_of(number)).loss for number in range(30)]
        found = NETWORK.forward(learner.parameters, batch_of(99).images)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
    # Pictures that it never saw lie nearer to their own person's than to another's.
    apart = np.linalg.norm(found[:, None] - found, axis=-1)
    same = BATCH.identities[:, None] == BATCH.identities
    assert apart[same].sum() / (same.sum() - 12) < 0.6 * apart[~same].mean()


def test_weights_of_terms_multiply_and_terms_add_up() -> None:
    def gradient(*loss: str) -> npt.NDArray[np.float64]:
        with closing(learner_of(choosing(loss=loss, momentum=0.0, learning_rate=1.0))) as learner:
            before = learner.vector.views["conv1", "kernel"].astype("f8")
            results.append(learner.step(BATCH).loss)
            return before - learner.vector.views["conv1", "kernel"]

    results: list[float] = []
    one, other = gradient("batch-all"), gradient("softmax")
    both = gradient("batch-all:0.5", "softmax:3")
    np.testing.assert_allclose(both, 0.5 * one + 3 * other, atol=1e-5)
    assert results[2] == pytest.approx(0.5 * results[0] + 3 * results[1])


def test_a_head_learns_and_is_no_part_of_the_network() -> None:
    with closing(learner_of(choosing(loss=("softmax",)))) as learner:
        head = ("identities_Dense", "kernel")
        before = learner.vector.views[head].copy()
        learner.step(BATCH)
        assert (learner.vector.views[head] != before).any()
        assert learner.best_parameters().keys() == NETWORK.parameter_specs().keys()


def test_the_average_is_between_and_young_at_first() -> None:
    with closing(learner_of(choosing(average=0.9))) as learner:
        wanted = learner.vector.numbers.astype("f8")
        for step in range(1, 15):
            learner.step(batch_of(step))
            decay = min(0.9, step / (step + 10))
            wanted = decay * wanted + (1 - decay) * learner.vector.numbers
            assert learner.average is not None
            np.testing.assert_allclose(learner.average, wanted, atol=1e-5)
        best = learner.best_parameters()
        assert learner.average is not None
        kernel = learner.vector.split(learner.average)["conv1", "kernel"]
        np.testing.assert_array_equal(best["conv1", "kernel"], kernel)
        assert not np.array_equal(best["conv1", "kernel"], learner.parameters["conv1", "kernel"])


def test_best_parameters_are_copies(learner: Learner) -> None:
    before = learner.best_parameters()
    kept = {name: value.copy() for name, value in before.items()}
    learner.step(BATCH)
    for name, value in before.items():
        np.testing.assert_array_equal(value, kept[name])


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"optimizer": "adam", "average": 0.9, "shards": 2},
        {"learn_from": "second", "loss": ("softmax", "semi-hard")},
        {"statistics": "moving", "schedule": "cosine", "warm_up": 3, "steps": 7},
    ],
    ids=str,
)
def test_a_run_that_is_taken_up_again_comes_to_the_same_bits(changed: dict[str, Any]) -> None:
    choices = choosing(**changed)
    with closing(learner_of(choices)) as first, closing(learner_of(choices)) as second:
        for number in range(3):
            first.step(batch_of(number))
        saved = state_of(first)
        second.step(batch_of(50))  # whatever it was before
        second.restore(saved, 3)
        assert_same(second.state(), saved)
        assert second.done == 3
        for number in range(3, 6):
            one, other = first.step(batch_of(number)), second.step(batch_of(number))
            assert one.loss == other.loss
            assert one.learning_rate == other.learning_rate
        assert_same(state_of(second), state_of(first))
        for name, value in first.best_parameters().items():
            np.testing.assert_array_equal(second.best_parameters()[name], value)


def test_what_is_restored_is_copied(learner: Learner) -> None:
    saved = state_of(learner)
    kept = {name: row.copy() for name, row in saved.items()}
    learner.restore(saved, 0)
    learner.step(BATCH)
    assert_same(saved, kept)


@pytest.mark.parametrize(
    "changed",
    [
        {"optimizer": "sgd"},
        {"average": 0.0},
        {"learn_from": "second"},
        {"loss": ("softmax",)},
    ],
    ids=str,
)
def test_rows_of_another_run_are_refused(learner: Learner, changed: dict[str, Any]) -> None:
    before = state_of(learner)
    other = replace(learner.configuration, **changed)
    with pytest.raises(TrainingError, match="of another network or configuration"):
        learner.restore(rows_after(other, 0), 4)
    assert_same(state_of(learner), before)
    assert learner.done == 0


def test_matrix_products_have_their_threads_back(learner: Learner) -> None:
    before = blas_threads()
    learner.step(BATCH)
    assert blas_threads() == before
    with pytest.raises(ArgumentError):
        learner.step(replace(BATCH, identities=np.zeros(12, np.intp)))
    assert blas_threads() == before


def test_where_learning_begins() -> None:
    every = {name for name, spec in NETWORK.parameter_specs().items() if spec.trainable}
    assert learning_from(NETWORK, None) == learning_from(NETWORK, "first") == every
    assert learning_from(NETWORK, "relu2") == {("dense_layer", "kernel"), ("dense_layer", "bias")}
    for bad in ("third", ""):
        with pytest.raises(ArgumentError, match=rf"{bad!r}; there are first, second, dropout"):
            learning_from(NETWORK, bad)
    with pytest.raises(ArgumentError, match="nothing in tiny learns from 'embedding' on"):
        learning_from(NETWORK, "embedding")
