"""How close a plan must come to the readable path, and where float32 allows that."""

from __future__ import annotations

import numpy as np
from drawn_networks import Drawn
from hypothesis import assume

from npfacenet.inference import Plan
from npfacenet.inference.costs import Costs
from npfacenet.inference.product_cuts import ProductCuts
from npfacenet.layers import Array
from npfacenet.networks import Outputs
from npfacenet.networks.outputs import by_name

IN_SMALL_PIECES = Costs(
    cache=40,
    wait=0.0,
    worth_sharing=0.0,
    worth_halving=(0.0,),
    cuts=ProductCuts(small=60, widths=(3, 2), few=5, strip=2, high=2, unit=2),
)
"""Every operation works in pieces, and two cores share each."""


def tolerance(plan: Plan[Outputs], images: Array) -> float:
    """1e-5, and 5e-5 where tiles of 4 or more are filtered."""
    bound = plan.bind(len(images), shape=images.shape[1:])
    kinds = {work.kind for work in bound.work}
    return 5e-5 if any(kind.startswith("F(") and kind[2:5] > "4" for kind in kinds) else 1e-5


def assert_close(found: Array, expected: Array, tolerance: float = 1e-5) -> None:
    """Relative to the largest number of each picture."""
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    flat, reference = (x.reshape(len(x), -1) for x in (found, expected))
    largest = np.maximum(np.abs(reference).max(axis=1, keepdims=True, initial=0), 1e-3)
    assert np.all(np.abs(flat - reference) <= tolerance * largest)


def assume_well_conditioned(drawn: Drawn[Outputs]) -> None:
    """Leave out what float32 cannot determine to a tenth of the tolerance.

    Where an output is the little that large numbers leave of each other, as behind a ReLU that
    lets hardly anything through, rounded parameters miss it, or the readable path does, and no
    order of summation determines it any better.
    """
    rng = np.random.default_rng(0)
    wide = {name: tensor.astype(np.float64) for name, tensor in drawn.parameters.items()}
    rounding = np.array([-1, 1]) * np.finfo(np.float32).eps / 2
    rounded = {name: t * (1 + rng.choice(rounding, t.shape)) for name, t in wide.items()}
    images = drawn.images.astype(np.float64)
    expected, exact, others = (
        by_name(drawn.network.forward(parameters, pictures), drawn.network.outputs)
        for parameters, pictures in (
            (drawn.parameters, drawn.images),
            (wide, images),
            (rounded, images),
        )
    )
    for name, output in exact.items():
        axes = tuple(range(1, output.ndim))
        largest = np.maximum(np.abs(expected[name]).max(axis=axes, initial=0), 1e-3)
        for other in (expected[name], others[name]):
            assume(np.all(np.abs(other - output).max(axis=axes, initial=0) <= 1e-6 * largest))
