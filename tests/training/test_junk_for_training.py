"""Whatever is given to what trains, there is no error but ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_people import draw_people, small_model

from npfacenet.errors import ArgumentError, NpfacenetError
from npfacenet.images import preprocessing
from npfacenet.training import (
    Augmentation,
    Callbacks,
    Configuration,
    IdentityFolder,
    configuration_from_json,
    train,
)
from npfacenet.training.collapse import CollapseDetector, spread
from npfacenet.training.drawn_codes import codes
from npfacenet.training.held_out import held_out_people
from npfacenet.training.learner import Learner
from npfacenet.training.learning_parameters import learning_from
from npfacenet.training.objectives import objectives, parse
from npfacenet.training.optimizers import SGD, Adam
from npfacenet.training.people import read_people
from npfacenet.training.picture_store import PictureStore
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.sampling import IdentitySampler
from npfacenet.training.schedules import Constant, Cosine, Steps, WarmUp
from npfacenet.training.teacher_views import Views
from npfacenet.training.teaching import teach
from npfacenet.training.validation import (
    Pairs,
    Validation,
    distances_of_pairs,
    draw_pairs,
    hold_out,
    validated,
)
from npfacenet.training.view_batches import Source, ViewBatches
from npfacenet.training.view_folder import open_views
from npfacenet.training.view_preparation import prepare_views

JUNK: tuple[object, ...] = (
    None, "text", "", 3, -1, 0, 10**400, 1.5, float("nan"), float("inf"), True, [], (), {}, [None],
    ["a"], [[1], [1, 2]], object(), b"x", np.zeros((2, 2)), np.zeros(3), np.zeros((2, 3, 3, 3)),
    np.array("x"), 1j, {"a": 1}, "nul\0", set(), range(3), np.float32(1), np.int64(3), len,
)  # fmt: skip
MODEL = small_model()
VIEWS = Views(np.zeros((4, 24, 24, 3), np.uint8), np.eye(4, 16, dtype=np.float32))
PAIRS = draw_pairs([0, 0, 1, 1], 0)
Case = tuple[Callable[..., object], dict[str, object]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> IdentityFolder:
    return IdentityFolder.of(draw_people(tmp_path_factory.mktemp("people"), 6, 2))


CASES: dict[str, Case] = {
    "augmentation": (
        Augmentation, {"flip": 0.5, "blur_radius": (0.1, 0.2), "jpeg_quality": (3, 4)},
    ),
    "variant": (
        Augmentation(),
        {"size": 4, "rng": np.random.default_rng(0), "crop": 4, "image": np.zeros((9, 9, 3), "u1")},
    ),
    "configuration": (
        Configuration,
        {name: getattr(Configuration(), name) for name in Configuration().as_json()},
    ),
    "json": (configuration_from_json, {"value": {}}),
    "sgd": (SGD, {"weight_decay": 0.0, "momentum": 0.1}),
    "adam": (Adam, {"weight_decay": 0.0, "beta1": 0.1, "beta2": 0.1, "epsilon": 0.1}),
    "cosine": (Cosine, {"steps": 3, "floor": 0.1}),
    "steps": (Steps, {"at": (1,), "drop": 0.1}),
    "warm-up": (WarmUp, {"steps": 1, "then": Constant()}),
    "sampler": (
        IdentitySampler,
        {"labels": (0, 0, 1, 1), "identities": 2, "pictures": 2, "least": 2, "seed": 0},
    ),
    "batch": (IdentitySampler((0, 0, 1, 1), 2, 2).batch, {"number": 0}),
    "views": (Views, {"pictures": VIEWS.pictures, "targets": VIEWS.targets}),
    "source": (Source, {"views": VIEWS, "each": 2}),
    "codes": (codes, {"embeddings": np.eye(4, dtype=np.float32), "pictures": 2}),
    "open": (open_views, {"folder": "nowhere"}),
    "hold out": (hold_out, {"labels": [0, 0, 1, 1], "share": 0.5, "seed": 0, "least": 2}),
    "draw pairs": (draw_pairs, {"labels": [0, 0, 1, 1], "seed": 0, "most": 3}),
    "pairs": (Pairs, {"a": PAIRS.a, "b": PAIRS.b, "genuine": PAIRS.genuine}),
    "distances": (distances_of_pairs, {"pairs": PAIRS}),
    "validated": (validated, {"genuine": np.ones(2), "impostors": np.ones(2)}),
    "validation": (
        Validation,
        {"area": 0.5, "accuracy": 0.5, "threshold": 0.5, "strangers": 0.5, "pairs": 3},
    ),
    "spread": (spread, {"embeddings": np.eye(3)}),
    "detector": (CollapseDetector, {"margin": 0.2, "patience": 3, "at_a_point": 0}),
    "objectives": (
        objectives, {"names": ["softmax"], "margin": 0.1, "embedding": 4, "identities": 3},
    ),
    "loss": (parse, {"text": "softmax"}),
    "people": (read_people, {"path": "nowhere"}),
    "path": (RunFolder, {"folder": "x"}),
    "learning from": (learning_from, {"network": MODEL.network, "first": "block1"}),
    "learner": (
        Learner,
        {
            "network": MODEL.network, "parameters": MODEL.parameters,
            "objectives": objectives(["semi-hard"], None, 16, 4),
            "configuration": Configuration(), "threads": 1,
        },
    ),
}  # fmt: skip


def refused_or_taken(call: Callable[..., object], right: dict[str, object]) -> int:
    """How many of the values of junk are refused, one argument at a time."""
    refused: list[str] = []
    for name in right:
        for junk in JUNK:
            try:
                call(**(right | {name: junk}))
            except NpfacenetError as error:
                refused.append(str(error))
    assert all(0 < len(said) < 1000 for said in refused)
    return len(refused)


@pytest.mark.parametrize("name", CASES)
def test_junk_is_refused_by_errors_of_ours(name: str, tmp_path: Path) -> None:
    call, right = CASES[name]
    if name == "distances":
        right = {"embeddings": np.eye(4), **right}
    assert refused_or_taken(call, right) > len(JUNK) // 2


def test_junk_in_the_place_of_people_is_refused(folder: IdentityFolder) -> None:
    some, others = folder.subset([0, 1]), folder.subset([2, 3])
    store = PictureStore(folder.paths, None, 24)
    right: list[Case] = [
        (IdentityFolder, {"names": ("a",), "paths": (Path("x"),), "labels": (0,)}),
        (folder.subset, {"people": [0]}),
        (folder.with_at_least, {"pictures": 2}),
        (
            PictureStore,
            {
                "paths": folder.paths,
                "crop": 20,
                "size": 24,
                "memory": 1000,
                "finder": None,
                "room": 1.5,
            },
        ),
        (
            store.view,
            {"index": 0, "augmentation": Augmentation(), "rng": np.random.default_rng(0)},
        ),
        (
            held_out_people,
            {"model": MODEL, "folder": some, "learnt": others, "choices": Configuration()},
        ),
        (
            IdentityFolder.of,
            {"folder": folder.paths[0].parents[1], "only": ["person_1"]},
        ),
    ]
    for call, arguments in right:
        assert refused_or_taken(call, arguments) > 5


@pytest.mark.parametrize("name", ["watch", "progress", "begins"])
def test_what_a_run_cannot_call_is_refused(name: str) -> None:
    for junk in (3, "text", object(), [[1], [1, 2]], 10**400, np.zeros(3), b"x"):
        with pytest.raises(ArgumentError, match=f"{name} is a function"):
            Callbacks(**{name: junk})  # type: ignore[arg-type]  # junk


def test_junk_given_to_a_run_is_refused_before_it_begins(
    folder: IdentityFolder, tmp_path: Path
) -> None:
    nobody = held_out_people(MODEL, folder.subset([]), folder, Configuration())
    taught = Configuration(loss=("distillation",), steps=1)
    batches = ViewBatches((Source(VIEWS, 2),), preprocessing("unit"), 0)
    assert len(batches.batch(0).images) == 2
    calls: list[tuple[Callable[..., object], dict[str, Any]]] = [
        (
            train,
            {
                "model": MODEL, "pictures": folder, "configuration": Configuration(steps=1),
                "detector": None,
            },
        ),
        (
            teach,
            {
                "model": MODEL, "sources": [Source(VIEWS, 2)], "configuration": taught,
                "held_out": nobody,
            },
        ),
        (
            prepare_views,
            {"draw": VIEWS.pictures.__getitem__, "count": 2, "teacher": MODEL, "size": 24},
        ),
    ]  # fmt: skip
    options: dict[str, Any] = {"resume": False, "callbacks": None, "about": {}}
    for call, right in calls:
        name = "folder" if call is prepare_views else "run_folder"
        every = {**right, **({"about": {}} if call is prepare_views else options)}
        for argument in every:
            for junk in (3, "text", object(), [[1], [1, 2]], 10**400, np.zeros(3), b"x"):
                run = tmp_path / "run"
                if argument in ("count", "size") and isinstance(junk, int) and junk == 3:
                    continue
                with pytest.raises(NpfacenetError):
                    call(**(every | {name: run, argument: junk}))
                assert not run.exists()
