"""What is said before the first step, and of a run that ruins its network."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from drawn_people import draw_people, small_model
from hypothesis import given
from hypothesis import strategies as st

import npfacenet
from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.training import Callbacks, Configuration, StepReport, Trained, train
from npfacenet.training.collapse import collapsed, decline, half_lost
from npfacenet.training.validation import Split, Validation, validation_from_json
from npfacenet.training.validation_history import ValidationHistory, history_from_json

SHORT = Configuration(
    steps=2, identities=4, pictures=2, validate=1, save=1, warm_up=0, learning_rate=1e-3
)


def rates(area: float = 0.9, strangers: float = 1.2, pairs: int = 100) -> Validation:
    return Validation(area, max(area, 0.5), 0.8, strangers, pairs)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"), people=10, pictures=4)


@pytest.mark.parametrize(
    ("count", "share", "learnt", "held_out"),
    [(4, 0.5, 2, 2), (4, 0.1, 2, 2), (5, 0.9, 2, 3), (10, 0.1, 8, 2), (10, 0.5, 5, 5)],
)
def test_who_is_held_out_is_told_before_the_first_step(
    count: int, share: float, learnt: int, held_out: int, people: Path, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    told: list[object] = []
    caplog.set_level(logging.INFO, "npfacenet")
    some = npfacenet.training.IdentityFolder.of(people, [f"person_{i}" for i in range(count)])
    trained = train(
        small_model(), some, tmp_path / "run", replace(SHORT, held_out=share),
        callbacks=Callbacks(
            begins=told.append, watch=lambda report: told.append(report.step)
        ),
    )  # fmt: skip
    split = trained.split
    assert told == [split, 1, 2]
    assert split is not None
    assert (split.learnt, split.held_out, split.reason) == (learnt, held_out, "")
    assert split.pairs == min(6 * held_out, 16 * held_out * (held_out - 1) // 2)
    assert f"{learnt} people are learnt from and {held_out} held out" in caplog.text
    assert trained.validation is not None
    first = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert first["people"] == {"learnt": learnt, "held_out": held_out}


@pytest.mark.parametrize(("count", "share", "why"), [(3, 0.5, "3 have two"), (10, 0.0, "is 0")])
def test_that_nobody_is_held_out_is_told_with_the_reason(
    count: int, share: float, why: str, people: Path, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    told: list[Split] = []
    some = npfacenet.training.IdentityFolder.of(people, [f"person_{i}" for i in range(count)])
    choices = replace(SHORT, held_out=share)
    trained = train(
        small_model(), some, tmp_path / "run", choices, callbacks=Callbacks(begins=told.append)
    )
    assert (told[0].learnt, told[0].held_out, told[0].pairs) == (count, 0, 0)
    assert why in told[0].reason
    assert "nobody is held out" in caplog.text
    assert (trained.validation, trained.step) == (None, 2)
    assert trained.start is not None
    assert trained.end is not None


def ruined(people: Path, run: Path, **choices: Any) -> Trained:
    fields: dict[str, Any] = {"steps": 24, "validate": 12, "save": 12, "identities": 5}
    fields |= {"held_out": 0.4, "loss": ("batch-hard",), "pictures": 3}
    return train(small_model(), people, run, replace(SHORT, **(fields | choices)))


@pytest.mark.parametrize("rate", [0.5, 10.0])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("held_out", [0.4, 0.0])
def test_a_run_that_pulls_strangers_together_is_an_error(
    rate: float, optimizer: Literal["adam", "sgd"], held_out: float, people: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"step 24: .* (pulled together|chance)") as error:
        ruined(people, run, learning_rate=rate, optimizer=optimizer, held_out=held_out)
    assert "best.h5 keeps the weights that it began with" in str(error.value)
    with pytest.raises(TrainingError, match=r"step 24: .* (pulled together|chance)"):
        train(
            small_model(), people, run,
            replace(
                SHORT, steps=24, validate=12, save=12, identities=5, pictures=3,
                loss=("batch-hard",), learning_rate=rate, optimizer=optimizer, held_out=held_out,
            ),
            resume=True,
        )  # fmt: skip


def test_the_weights_that_a_ruined_run_keeps_are_those_before(people: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        ruined(people, tmp_path / "run", learning_rate=10.0)
    entries = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    found = [Validation(**entry["validation"]) for entry in entries if "validation" in entry]
    assert [collapsed(found[0], one) is None for one in found] == [True, False, False]
    best = (tmp_path / "run" / "best.h5").read_bytes()
    begun = small_model().parameters["dense", "kernel"].tobytes()
    assert begun in best


def test_a_lasting_collapse_ends_the_run_early(people: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step [23][0-9]: strangers are pulled together"):
        ruined(people, tmp_path / "run", learning_rate=10.0, validate=3, steps=200, save=200)


@pytest.mark.parametrize("rate", [1e-4, 3e-3])
@pytest.mark.parametrize("loss", ["semi-hard", "softmax"])
def test_a_run_of_a_fitting_rate_is_no_collapse(
    rate: float, loss: str, people: Path, tmp_path: Path
) -> None:
    for held_out in (0.4, 0.0):
        run = tmp_path / f"run{held_out}"
        ended = ruined(
            people, run, learning_rate=rate, loss=(loss,), held_out=held_out, steps=12, validate=4
        ).ended
        assert ended == "all 12 steps were made"


def test_a_run_without_anything_better_than_its_start_says_so(
    people: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained = train(
        small_model(), people, tmp_path / "run",
        replace(SHORT, learning_rate=0.0, held_out=0.4, statistics="moving"),
    )  # fmt: skip
    assert (trained.step, trained.end) == (0, trained.start)
    (remark,) = trained.remarks
    assert "no validation was better than the first" in remark
    assert remark in caplog.text


def test_weights_that_give_no_embeddings_any_more_are_a_collapse(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ruin(progress: StepReport) -> None:
        learners[0].vector.numbers[:] = 0

    learners: list[Any] = []
    begin = npfacenet.training.learner.Learner.__init__

    def spy(self: Any, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        learners.append(self)

    monkeypatch.setattr(npfacenet.training.learner.Learner, "__init__", spy)
    with pytest.raises(TrainingError, match=r"unit length.*best\.h5 keeps"):
        train(
            small_model(), people, tmp_path / "run",
            replace(SHORT, held_out=0.4, validate=2, learning_rate=0.0),
            callbacks=Callbacks(watch=ruin),
        )  # fmt: skip


validations = st.builds(
    rates, st.floats(0, 1), st.floats(0, 2, allow_subnormal=False), st.integers(1, 1000)
)


@given(validations)
def test_what_stays_as_it_was_is_neither_a_collapse_nor_a_decline(start: Validation) -> None:
    assert collapsed(start, start) is None
    assert decline(start, start) is None


@given(validations, validations)
def test_a_network_that_tells_better_than_at_its_start_and_well_has_not_collapsed(
    start: Validation, now: Validation
) -> None:
    if now.area >= max(0.95, start.area):
        assert collapsed(start, now) is None
    assert (decline(start, now) is None) == (now.area >= start.area)


@pytest.mark.parametrize(
    ("start", "now", "said"),
    [
        (rates(), rates(0.6, 0.13), "pulled together, 1.20 apart at the start and 0.13 now"),
        (rates(), rates(0.89, 0.13), "pulled together"),
        (rates(), rates(0.94, 0.13), "pulled together"),
        (rates(), rates(0.96, 0.13), None),
        (rates(strangers=0.2), rates(0.6, 0.13), None),
        (rates(0.6, 0.2), rates(0.6, 0.05), "pulled together"),
        (rates(), rates(0.6, 0.31), None),
        (rates(), rates(0.5), "no better than by chance"),
        (rates(), rates(0.3), "no better than by chance"),
        (rates(), rates(0.6), None),
        (rates(0.52), rates(0.5), None),
        (rates(0.8, pairs=2), rates(0.6, pairs=2), None),
    ],
)
def test_the_signs_of_a_collapse(start: Validation, now: Validation, said: str | None) -> None:
    found = collapsed(start, now)
    assert (found is None) if said is None else (found is not None and said in found)


@pytest.mark.parametrize(
    ("start", "now", "said"),
    [
        (rates(0.99), rates(0.62, 0.9), "more than half of the area"),
        (
            rates(1.0, pairs=10),
            rates(0.69, 0.64, pairs=10),
            "more than half of the area",
        ),
        (rates(0.99), rates(0.8, 0.9), None),
        (rates(0.6, pairs=10), rates(0.52, pairs=10), None),
        (rates(0.3), rates(0.2), None),
    ],
)
def test_less_than_half_of_its_skill_is_a_ruin(
    start: Validation, now: Validation, said: str | None
) -> None:
    found = half_lost(start, now)
    assert (found is None) if said is None else (found is not None and said in found)


def test_ruined_weights_do_not_take_the_place_of_sound_ones(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is held out, so the last weights are kept, and were kept whatever they could."""
    seen = iter([rates(1.0), rates(0.9), rates(0.6, 0.9)])
    monkeypatch.setattr(npfacenet.training.held_out.HeldOut, "look", lambda *_: next(seen))
    with pytest.raises(TrainingError, match=r"more than half .* keeps the weights of step 1: "):
        train(small_model(), people, tmp_path / "run", replace(SHORT, held_out=0.0))


def test_a_collapse_lasts_after_three_validations_and_twenty_steps() -> None:
    standing, bad = ValidationHistory(), rates(0.5, 0.1)
    standing.see(0, rates())
    for step in range(1, 30):
        standing.see(step, bad)
        assert (standing.lasting(step) is None) == (step < 21)
    standing.see(30, rates())
    assert standing.lasting(30) is None
    for step in (100, 200, 300):
        standing.see(step, bad)
        assert (standing.lasting(step) is None) == (step < 300)


def test_how_a_run_stands_travels_as_json() -> None:
    standing = ValidationHistory(rates(), 3, rates(0.5), rates(0.6), 0, 0)
    assert history_from_json(json.loads(json.dumps(standing.as_json())), 3) == standing
    with pytest.raises(ArgumentError, match="best_step"):
        history_from_json(standing.as_json(), 2)
    assert validation_from_json(asdict(rates())) == rates()


def test_the_noise_of_an_area_is_that_of_areas_by_chance(rng: np.random.Generator) -> None:
    for pairs in (5, 40):
        genuine, impostors = rng.random((2, 2000, pairs))
        areas = (genuine[:, :, None] < impostors[:, None]).mean((1, 2))
        assert rates(pairs=pairs).noise == pytest.approx(areas.std(), rel=0.1)
