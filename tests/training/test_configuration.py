"""The choices of a run: as files hold them, what is refused, what is built from them."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.layers import CosineDense, Dense
from npfacenet.losses import AngularMargin, CrossEntropy, Distillation, OnlineTripletLoss, Relations
from npfacenet.training import Augmentation, Configuration, configuration_from_json
from npfacenet.training.configuration import changed_fields
from npfacenet.training.objectives import LOSSES, objectives, parse, triplet_margin
from npfacenet.training.optimizers import SGD, Adam
from npfacenet.training.schedules import Constant, Cosine, Steps, WarmUp

# The smallest and the largest number that each field may have.
WHOLE = {
    "identities": (2, 10_000),
    "pictures": (1, 1000),
    "steps": (1, 10**9),
    "warm_up": (0, 10**9),
    "crop": (1, 100_000),
    "validate": (1, 10**9),
    "patience": (0, 10**9),
    "shards": (1, 64),
    "save": (1, 10**9),
    "seed": (0, 2**32 - 1),
}
REAL = {
    "margin": (0, 10),
    "learning_rate": (0, 10),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 0.9999),
    "clip": (0, 1e9),
    "average": (0, 0.999999),
    "held_out": (0, 0.9),
    "smallest_face": (10, 100_000),
    "least_score": (0, 1),
}
OPTIONAL = ("margin", "crop", "smallest_face", "least_score")
CHOICES = {
    "optimizer": ("adam", "sgd"),
    "schedule": ("constant", "cosine", "steps"),
    "statistics": ("batch", "moving"),
    "choose": ("largest", "central", "only"),
}


def choosing(**fields: Any) -> Configuration:
    return Configuration(**fields)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    fields: dict[str, Any] = {n: draw(st.integers(*limits)) for n, limits in WHOLE.items()}
    fields |= {n: draw(st.floats(*limits)) for n, limits in REAL.items()}
    fields |= {n: draw(st.sampled_from(choices)) for n, choices in CHOICES.items()}
    fields["loss"] = tuple(draw(st.lists(st.sampled_from(LOSSES), min_size=1, max_size=3)))
    fields["learn_from"] = draw(st.sampled_from([None, "conv1", "inception_4a"]))
    fields["augmentation"] = draw(
        st.sampled_from([Augmentation(), Augmentation.none(), Augmentation(jpeg_quality=(40, 41))])
    )
    for name in OPTIONAL:
        if draw(st.booleans()):
            fields[name] = None
    named: list[Any] = [] if fields["crop"] is not None else ["mtcnn", "my/yunet_n.onnx"]
    fields["detect"] = draw(st.sampled_from([None, False, *named]))
    return choosing(**fields)


@given(configurations())
def test_it_travels_as_json(configuration: Configuration) -> None:
    read = configuration_from_json(json.loads(json.dumps(configuration.as_json())))
    assert read == configuration
    assert hash(read) == hash(configuration)


@given(configurations(), st.integers(0, 100))
def test_whatever_is_accepted_can_be_built(configuration: Configuration, step: int) -> None:
    optimizer = configuration.build_optimizer()
    assert optimizer.weight_decay == configuration.weight_decay
    assert isinstance(optimizer, Adam if configuration.optimizer == "adam" else SGD)
    assert 0 <= configuration.build_schedule().factor(step) <= 1


def test_a_file_may_leave_out_what_is_by_default() -> None:
    assert configuration_from_json({}) == Configuration()
    some = configuration_from_json({"steps": 7, "augmentation": {"flip": 0.25}})
    assert some == choosing(steps=7, augmentation=Augmentation(flip=0.25))


def test_every_field_has_a_test_here() -> None:
    fields = {field.name for field in dataclasses.fields(Configuration)}
    assert fields == {*WHOLE, *REAL, *CHOICES, "loss", "learn_from", "detect", "augmentation"}


@pytest.mark.parametrize(("name", "limits"), WHOLE.items())
def test_whole_numbers_out_of_range_are_refused_by_name(name: str, limits: tuple[int, int]) -> None:
    low, high = limits
    for good in limits:
        assert getattr(choosing(**{name: good}), name) == good
    strange = [low - 1, high + 1, low + 0.5, float(high), math.nan, True, "3", [3]]
    for bad in strange if name in OPTIONAL else [*strange, None]:
        with pytest.raises(ArgumentError) as error:
            choosing(**{name: bad})
        assert str(error.value).startswith(f"{name} is a whole number from {low:,} to {high:,}")
        assert str(error.value).endswith(f"not {bad!r}")


@pytest.mark.parametrize(("name", "limits"), REAL.items())
def test_numbers_out_of_range_are_refused_by_name(name: str, limits: tuple[float, float]) -> None:
    low, high = limits
    for good in limits:
        assert getattr(choosing(**{name: good}), name) == good
    strange = [low - 1e-9, high + 1, math.nan, math.inf, True, "0.1", [0.1]]
    for bad in strange if name in OPTIONAL else [*strange, None]:
        with pytest.raises(ArgumentError) as error:
            choosing(**{name: bad})
        assert str(error.value).startswith(f"{name} is a number from {low:g} to {high:g}")
        assert str(error.value).endswith(f"not {bad!r}")


@pytest.mark.parametrize(("name", "choices"), CHOICES.items())
def test_other_choices_are_refused_by_name(name: str, choices: tuple[str, ...]) -> None:
    for bad in ("other", "", None, 1, ["adam"], choices[0].upper()):
        with pytest.raises(ArgumentError) as error:
            choosing(**{name: bad})
        assert str(error.value) == f"{name} is one of {', '.join(choices)}, not {bad!r}"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("loss", "semi-hard"),
        ("loss", 3),
        ("loss", None),
        ("loss", ()),
        ("loss", ("semi-hard", 1)),
        ("learn_from", 3),
        ("learn_from", ["conv1"]),
        ("detect", ""),
        ("detect", True),
        ("detect", 0),
        ("detect", ["mtcnn"]),
        ("augmentation", None),
        ("augmentation", 0.5),
        ("augmentation", {"flop": 0.5}),
        ("augmentation", [["flip", 0.5]]),
    ],
)
def test_what_else_is_of_another_kind_is_refused_by_name(name: str, bad: object) -> None:
    with pytest.raises(ArgumentError, match=rf"^{name} "):
        choosing(**{name: bad})


def test_a_face_is_found_or_the_centre_cut() -> None:
    assert choosing(detect=False, crop=150).crop == 150
    with pytest.raises(ArgumentError, match="detect finds a face and crop cuts the centre out"):
        choosing(detect="mtcnn", crop=150)


def test_fields_that_older_versions_lack_are_no_change() -> None:
    now = choosing(detect=False, smallest_face=40.0, steps=7).as_json()
    before = {name: v for name, v in now.items() if name not in ("detect", "choose")}
    assert changed_fields(before, now) == []
    assert changed_fields(before, now | {"steps": 8}) == ["steps"]
    assert changed_fields(now, now | {"detect": None, "choose": "only"}) == ["detect", "choose"]
    assert changed_fields(now, before) == ["detect", "choose"]


def test_a_bad_augmentation_is_refused_as_by_itself() -> None:
    with pytest.raises(ArgumentError, match="flip is 0 to 1, not 2"):
        configuration_from_json({"augmentation": {"flip": 2}})


def test_fields_that_there_are_not_are_refused() -> None:
    with pytest.raises(ArgumentError, match="a training configuration has no 'batch_size'"):
        configuration_from_json({"steps": 3, "batch_size": 32, "zoom": 1})


def test_what_is_built() -> None:
    adam = choosing(momentum=0.8, weight_decay=0.125).build_optimizer()
    assert adam == Adam(0.125, beta1=0.8)
    sgd = choosing(optimizer="sgd", momentum=0.8, weight_decay=0.125).build_optimizer()
    assert sgd == SGD(0.125, momentum=0.8)
    run = choosing(steps=120, warm_up=20)
    assert run.build_schedule() == WarmUp(20, Cosine(100))
    drops = dataclasses.replace(run, schedule="steps").build_schedule()
    assert drops == WarmUp(20, Steps((60, 85)))
    assert dataclasses.replace(run, schedule="constant").build_schedule() == WarmUp(20, Constant())
    assert choosing(steps=5, warm_up=20).build_schedule() == WarmUp(1, Cosine(4))


@pytest.mark.parametrize("name", LOSSES)
def test_an_objective_of_each_name(name: str) -> None:
    (term,) = objectives([name], None, 4, 7)
    assert (term.name, term.weight) == (name, 1.0)
    assert term.targets == ("teacher" if name in ("distillation", "relations") else "identities")
    heads = {"softmax": Dense(7), "angular-margin": CosineDense(7)}
    losses = {
        "softmax": CrossEntropy(),
        "angular-margin": AngularMargin(),
        "distillation": Distillation(),
        "relations": Relations(),
        "semi-hard": OnlineTripletLoss(0.2, "semi-hard"),
        "batch-hard": OnlineTripletLoss(0.2, "batch-hard"),
        "batch-all": OnlineTripletLoss(0.2, "batch-all"),
    }
    assert term.loss == losses[name]
    if name in heads:
        assert term.head is not None
        assert [node.layer for node in term.head.nodes] == [heads[name]]
        out = term.head.forward(term.head.initialise(0), np.ones((2, 4), "f4"))
        assert out.shape == (2, 7)
    else:
        assert term.head is None


def test_the_word_of_the_course_names_a_loss() -> None:
    assert [term.name for term in objectives(["triplet"], None, 4, 7)] == ["semi-hard"]
    assert parse("triplet:0.5") == ("semi-hard", 0.5)
    with pytest.raises(ArgumentError, match="named twice"):
        objectives(["triplet", "semi-hard"], None, 4, 7)


def test_a_margin_takes_the_place_of_the_losss_own() -> None:
    hard, angular, softmax = objectives(["batch-hard", "angular-margin", "softmax"], 0.5, 4, 7)
    assert hard.loss == OnlineTripletLoss(0.5, "batch-hard")
    assert angular.loss == AngularMargin(0.5)
    assert softmax.loss == CrossEntropy()
    (none,) = objectives(["angular-margin"], 0.0, 4, 7)
    assert none.loss == AngularMargin(0.0)


def test_weights_stand_behind_names() -> None:
    terms = objectives(["distillation", "softmax:0.1", "semi-hard:2e-3"], None, 4, 7)
    terms += objectives(["distillation:0.5", "angular-margin:3"], None, 4, 7)
    assert [(term.name, term.weight) for term in terms] == [
        ("distillation", 1.0),
        ("softmax", 0.1),
        ("semi-hard", 0.002),
        ("distillation", 0.5),
        ("angular-margin", 3.0),
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "a loss is needed: semi-hard, batch-hard"),
        (["hard"], "no loss is called 'hard'; there are semi-hard, .*distillation"),
        ([""], "no loss is called ''"),
        (["softmax:x"], "positive number, not in 'softmax:x'"),
        (["softmax:0"], "'softmax:0'"),
        (["softmax:-1"], "'softmax:-1'"),
        (["softmax:nan"], "'softmax:nan'"),
        (["softmax:inf"], "'softmax:inf'"),
        (["softmax:1:2"], "'softmax:1:2'"),
        (["softmax", "semi-hard", "softmax:0.5"], "'softmax' is named twice"),
    ],
)
def test_impossible_objectives_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        objectives(names, None, 4, 7)


def test_only_triplets_alone_have_a_margin_to_be_stuck_at() -> None:
    assert triplet_margin(objectives(["batch-all"], 0.3, 4, 7)) == 0.3
    assert triplet_margin(objectives(["softmax"], 0.3, 4, 7)) is None
    assert triplet_margin(objectives(["batch-all", "softmax"], 0.3, 4, 7)) is None
