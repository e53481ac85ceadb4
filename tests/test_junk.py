"""Junk given to what is public in layers, losses, networks, plans and models.

Nothing but an NpfacenetError comes out, with a message that says what was given and is not long;
no warning either, which are errors in this test suite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import pytest

import npfacenet.layers
import npfacenet.losses
from npfacenet.cards import Card
from npfacenet.errors import ArgumentError, NpfacenetError, ShapeError
from npfacenet.inference import Plan
from npfacenet.layers import Dense, L2Normalize, Layer
from npfacenet.losses import Loss, TripletLoss
from npfacenet.models import Model
from npfacenet.networks import Builder, Network

JUNK: list[Any] = [
    None, "x", "x" * 10_000, b"x", "", True, -1, 0, 2.5, 10**400, -(10**400), math.nan, math.inf,
    1j, [], [1, "a"], [[1], [2, 3]], {}, {"a": 1}, object(), int, len, (), (1, 2, 3), (-1,),
    ("a", "b"), ((1, 2), 3), ((-1, 0), (0, 0)), np.longdouble("1e4000"), np.float32("nan"),
    np.bool_(True), np.array(None), np.array("x"), np.zeros((2, 3)), np.zeros((0, 3), np.float32),
    np.full((3, 2, 2), np.nan), np.ma.masked_array(np.zeros((3, 2, 2)), True), np.zeros(3, complex),
    np.zeros((2, 2), object), np.zeros((3, 2, 2), "M8[s]"), memoryview(b"abc"),
]  # fmt: skip


def public(room: Any, kind: type) -> list[type[Any]]:
    found = [getattr(room, name) for name in room.__all__]
    return [x for x in found if isinstance(x, type) and issubclass(x, kind) and x is not kind]


def small() -> Network:
    build = Builder("small", (4,))
    build.add("unit", L2Normalize(), build.add("dense", Dense(3), build.input))
    return build.network()


NETWORK = small()
PARAMETERS = NETWORK.initialise(0)
CARD = Card("small", None, 3, 4, "unit", None, "drawn", "none")
MODEL = Model(NETWORK, PARAMETERS, CARD)
PLAN = Plan(NETWORK, PARAMETERS)
PICTURE = np.zeros((4, 4, 3), np.uint8)
OPTIONS = ("channel_order", "on_error", "batch_size", "threads", "progress")


def made_with(
    kind: Callable[..., object], given: dict[str, Any], name: str
) -> Callable[[Any], object]:
    return lambda x: kind(**{**given, name: x})


def uses_of_loss(loss: Loss) -> Iterator[tuple[str, Callable[[Any], object]]]:
    yield "of", lambda x: loss.value_and_gradient(x, np.array([0]))
    yield "to", lambda x: loss.value_and_gradient(np.ones((2, 2)), x)


def uses_of_layer(layer: Layer) -> Iterator[tuple[str, Callable[[Any], object]]]:
    yield "output_shape", layer.output_shape
    yield "parameters", layer.parameters
    yield "forward", lambda x: layer.forward({}, x)
    yield "forward by", lambda x: layer.forward(x, np.ones((1, 2, 2)))
    yield "backward", lambda x: layer.backward({}, x, np.ones((1, 2)))


def calls() -> Iterator[tuple[str, Callable[[Any], object]]]:
    """Functions that take one argument which should not be junk."""
    for kind in [*public(npfacenet.layers, Layer), *public(npfacenet.losses, Loss)]:
        needed: dict[str, Any] = {"filters": 2, "units": 2, "size": 3, "rate": 0.5, "margins": 1}
        known = {field.name for field in fields(kind)}
        given = {name: value for name, value in needed.items() if name in known}
        for name in sorted(known):
            yield f"{kind.__name__}({name})", made_with(kind, given, name)
        one = kind(**given)
        uses = uses_of_loss(one) if isinstance(one, Loss) else uses_of_layer(one)
        for use, call in uses:
            yield f"{kind.__name__}.{use}", call
    yield "Builder name", lambda x: Builder(x, (4,))
    yield "Builder shape", lambda x: Builder("a", x)
    yield "add name", lambda x: Builder("a", (4,)).add(x, Dense(1), "image")
    yield "add layer", lambda x: Builder("a", (4,)).add("b", x, "image")
    yield "add input", lambda x: Builder("a", (4,)).add("b", Dense(1), x)
    yield "shape", Builder("a", (4,)).shape
    yield "Plan of", lambda x: Plan(x, PARAMETERS)
    yield "Plan by", lambda x: Plan(NETWORK, x)
    yield "Plan by one", lambda x: Plan(NETWORK, {**PARAMETERS, ("dense", "bias"): x})
    yield "run", PLAN.run
    yield "run threads", lambda x: PLAN.run(np.zeros((1, 4), np.float32), threads=x)
    yield "bind", PLAN.bind
    yield "bind cores", lambda x: PLAN.bind(1, cores=x)
    yield "bind shape", lambda x: PLAN.bind(1, shape=x)
    yield "forward", lambda x: NETWORK.forward(PARAMETERS, x)
    yield "forward by", lambda x: NETWORK.forward(x, np.zeros((1, 4), np.float32))
    yield "trace", lambda x: NETWORK.trace(PARAMETERS, x)
    yield "Model of", lambda x: Model(x, PARAMETERS, CARD)
    yield "Model by", lambda x: Model(NETWORK, x, CARD)
    yield "Model card", lambda x: Model(NETWORK, PARAMETERS, x)
    for option in OPTIONS:
        yield f"embed {option}", made_with(partial(MODEL.embed, []), {}, option)


@pytest.mark.parametrize(("name", "call"), [pytest.param(*c, id=c[0]) for c in calls()])
def test_junk_gives_an_error_of_the_library_or_is_taken(
    name: str, call: Callable[[Any], object]
) -> None:
    messages: list[str] = []
    for junk in JUNK:
        try:
            call(junk)
        except NpfacenetError as error:
            messages.append(str(error))
    assert all(0 < len(message) <= 2000 for message in messages)
    if not name.endswith(".parameters") and name not in (
        "Convolution(bias)",
        "Dense(bias)",
        "BatchNorm(scale)",
        "TripletLoss.to",
    ):
        assert len(messages) >= len(JUNK) // 2


@pytest.mark.parametrize("margin", ["x", None, math.nan, math.inf, 10**400, True, -1, [1], 1j])
def test_a_margin_is_a_finite_number(margin: Any) -> None:
    for kind in (TripletLoss, npfacenet.losses.OnlineTripletLoss, npfacenet.losses.AngularMargin):
        with pytest.raises(ArgumentError, match="margin must be"):
            kind(margin)


def test_masks_are_not_ignored() -> None:
    masked = np.ma.masked_array(np.ones((3, 2, 2)), mask=np.eye(2, dtype=bool)[None].repeat(3, 0))
    with pytest.raises(ShapeError, match=r"a masked array .*filled"):
        TripletLoss().value_and_gradient(masked)
    labels = np.ma.masked_array([0, 1], mask=[False, True])
    with pytest.raises(ShapeError, match="a masked array"):
        npfacenet.losses.CrossEntropy().value_and_gradient(np.ones((2, 2)), labels)
    parameters = {**PARAMETERS, ("dense", "bias"): np.ma.masked_array(np.zeros(3), True)}
    for make in (Plan, lambda network, by: Model(network, by, CARD)):
        with pytest.raises(
            ShapeError, match=r"dense/bias must be real numbers, not a masked array"
        ):
            make(NETWORK, parameters)


def test_an_overflow_is_not_finite_and_warns_of_nothing() -> None:
    far = np.zeros((3, 1, 2))
    far[1:] = 1e200
    assert not math.isfinite(TripletLoss().value_and_gradient(far).value)
    assert math.isinf(npfacenet.losses.Distillation().value_and_gradient(far[1], far[0]).value)
    logits = np.array([[1e308, -1e308]])
    cross_entropy = npfacenet.losses.CrossEntropy()
    assert cross_entropy.value_and_gradient(logits, np.array([0])).value == 0
    assert cross_entropy.value_and_gradient(logits, np.array([1])).value == math.inf
    with pytest.raises(ArgumentError, match="too large: their distances overflow"):
        npfacenet.losses.OnlineTripletLoss().value_and_gradient(
            np.array([[1e200], [-1e200], [0.0]]), np.array([0, 0, 1])
        )
    huge = {name: np.full(tensor.shape, 1e300) for name, tensor in PARAMETERS.items()}
    assert not np.isfinite(Plan(NETWORK, huge).run(np.ones((1, 4), np.float32))).all()
    assert not np.isfinite(next(iter(Model(NETWORK, huge, CARD).parameters.values()))).any()
