"""Runs from beginning to end: resumed, killed, and refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_people import draw_people, draw_person, small_model
from PIL import Image

import npfacenet
from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import ArgumentError, NpfacenetError, OutputError, TrainingError
from npfacenet.training import (
    Augmentation,
    Callbacks,
    Configuration,
    IdentityFolder,
    StepReport,
    run_checkpoint,
    train,
)
from npfacenet.training.batch import Batch
from npfacenet.training.picture_batches import PictureBatches

SHORT = Configuration(
    steps=9, identities=4, save=3, validate=3, held_out=0.5, average=0.9, warm_up=2, clip=5.0,
    learning_rate=3e-3,
)  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"), people=10, pictures=3)


@pytest.fixture(scope="module")
def whole_run(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(small_model(), people, folder, SHORT)
    return folder


def log(folder: Path) -> list[dict[str, object]]:
    """The log without what depends on the clock."""
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in e.items() if k != "images_per_second"} for e in entries]


def assert_same_run(a: Path, b: Path) -> None:
    (rows, record), (others, other) = (read_state(f / "checkpoint.h5") for f in (a, b))
    assert record == other
    assert rows.keys() == others.keys() >= {"numbers", "fixed", "slot0", "slot1", "average"}
    for name, row in rows.items():
        assert np.array_equal(row, others[name]), name
    assert log(a) == log(b)
    assert (a / "best.h5").read_bytes() == (b / "best.h5").read_bytes()


@pytest.mark.parametrize("step", [1, 3, 4, 8])
def test_an_interrupted_run_comes_to_the_same_bits(
    step: int, people: Path, whole_run: Path, tmp_path: Path
) -> None:
    def interrupt(progress: StepReport) -> None:
        if progress.step == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_model(), people, tmp_path / "run", SHORT, callbacks=Callbacks(watch=interrupt))
    train(small_model(), people, tmp_path / "run", SHORT, resume=True)
    assert_same_run(tmp_path / "run", whole_run)


def test_an_interrupt_while_waiting_saves_the_step_before(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = PictureBatches.batches

    def few(self: PictureBatches, start: int, stop: int) -> Iterator[Batch]:
        for number, batch in enumerate(feed(self, start, stop)):
            if number == 5:
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setattr(PictureBatches, "batches", few)
    with pytest.raises(KeyboardInterrupt):
        train(small_model(), people, tmp_path / "run", SHORT)
    assert read_state(tmp_path / "run" / "checkpoint.h5")[1]["done"] == 5


KILLED = """
import sys, pathlib
sys.path[:0] = [sys.argv[1], str(pathlib.Path(sys.argv[1]).parent)]
from drawn_people import small_model
from test_loop import SHORT
from npfacenet.training import Callbacks, train
told = Callbacks(watch=lambda report: print(report.step, flush=True))
train(small_model(), sys.argv[2], sys.argv[3], SHORT, callbacks=told)
"""


def test_a_killed_run_comes_to_the_same_bits(people: Path, whole_run: Path, tmp_path: Path) -> None:
    here, run = Path(__file__).parent, tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(here), str(people), str(run)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 5:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not (run / "curves.png").exists()
    train(small_model(), people, run, SHORT, resume=True)
    assert_same_run(run, whole_run)


def test_threads_change_nothing_and_seeds_do(people: Path, whole_run: Path, tmp_path: Path) -> None:
    train(small_model(), people, tmp_path / "one", SHORT, threads=1)
    assert_same_run(tmp_path / "one", whole_run)
    train(small_model(), people, tmp_path / "other", replace(SHORT, seed=1))
    assert log(tmp_path / "other") != log(whole_run)


def test_a_small_network_learns_to_tell_drawn_people_apart(tmp_path: Path) -> None:
    people = draw_people(tmp_path / "people", people=16, pictures=5)
    choices = Configuration(
        steps=60, identities=16, pictures=4, learning_rate=3e-2, validate=30, held_out=0,
        augmentation=Augmentation(rotation=3, erase=0, blur=0, jpeg=0), save=1000,
    )  # fmt: skip
    start = small_model()
    trained = train(start, people, tmp_path / "run", choices).model
    labels = np.repeat(np.arange(16), 4)
    unseen = [np.asarray(draw_person(i, 100 + k)) for i in range(16) for k in range(4)]

    def nearest_is_right(model: npfacenet.Model) -> float:
        values = model.embed(unseen).values
        distances = np.linalg.norm(values[:, None] - values, axis=2)
        np.fill_diagonal(distances, np.inf)
        return float((labels[distances.argmin(axis=1)] == labels).mean())

    assert nearest_is_right(start) < 0.3
    assert nearest_is_right(trained) > 0.85


def test_what_came_out_is_the_best_and_says_what_it_is(people: Path, tmp_path: Path) -> None:
    trained = train(small_model(), people, tmp_path / "run", SHORT)
    found = [e["validation"] for e in log(tmp_path / "run") if "validation" in e]
    areas = [v["area"] for v in found if isinstance(v, dict)]
    assert len(areas) == 4
    assert trained.validation is not None
    assert trained.validation.area == max(areas)
    assert len(trained.model.card.trained_on) == 5
    assert trained.model.card.source.startswith("trained by npfacenet from: drawn weights")
    assert trained.model.card.threshold is None  # 15 impostor pairs carry no rate of 1 %


def test_early_stop(people: Path, tmp_path: Path) -> None:
    choices = replace(SHORT, learning_rate=0.0, steps=100, patience=2)
    trained = train(small_model(), people, tmp_path / "run", choices)
    assert "2 validations brought nothing better" in trained.ended
    assert read_state(tmp_path / "run" / "checkpoint.h5")[1]["done"] == 6 + trained.step


@pytest.mark.parametrize(
    ("people", "pictures", "said"),
    [(1, 4, "1 of 1 identities"), (5, 1, "0 of 5 identities")],
)
def test_people_from_whom_nothing_can_be_learnt(
    people: int, pictures: int, said: str, tmp_path: Path
) -> None:
    folder = draw_people(tmp_path / "people", people=people, pictures=pictures)
    with pytest.raises(TrainingError, match=said):
        train(small_model(), folder, tmp_path / "run", SHORT)
    assert not (tmp_path / "run").exists()


def test_unreadable_pictures_are_counted_before_the_run(tmp_path: Path) -> None:
    folder = draw_people(tmp_path / "people")
    (folder / "person_1" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(TrainingError, match=r"1 of 24 pictures cannot be used: .*2\.png"):
        train(small_model(), folder, tmp_path / "run", SHORT)
    assert not (tmp_path / "run").exists()


def test_a_missing_or_empty_folder(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(TrainingError, match=r"NAME/\*\.jpg"):
            train(small_model(), folder, tmp_path / "run", SHORT)
    with pytest.raises(TrainingError, match="the first: 'nobody'"):
        IdentityFolder.of(draw_people(tmp_path / "people", 2, 2), ["person_1", "nobody"])


def test_a_run_is_not_overwritten_nor_resumed_as_another(people: Path, whole_run: Path) -> None:
    with pytest.raises(OutputError, match="already holds a training run"):
        train(small_model(), people, whole_run, SHORT)
    with pytest.raises(TrainingError, match=r"began with learning_rate 0\.003, not 0\.1"):
        train(small_model(), people, whole_run, replace(SHORT, learning_rate=0.1), resume=True)
    with pytest.raises(TrainingError, match="another model"):
        train(small_model(1), people, whole_run, SHORT, resume=True)
    with pytest.raises(TrainingError, match="no training run"):
        train(small_model(), people, whole_run.parent / "none", SHORT, resume=True)


@pytest.mark.parametrize("name", ["checkpoint.h5", "configuration.json"])
def test_a_damaged_run_is_refused(name: str, people: Path, whole_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for file in ("checkpoint.h5", "configuration.json", "best.h5"):
        (run / file).write_bytes((whole_run / file).read_bytes())
    (run / name).write_bytes((run / name).read_bytes()[:300])
    with pytest.raises(NpfacenetError, match=name):
        train(small_model(), people, run, SHORT, resume=True)


def test_a_loss_that_is_not_finite_ends_the_run_and_loses_nothing(
    people: Path, tmp_path: Path
) -> None:
    choices = replace(SHORT, learning_rate=10.0, optimizer="sgd", warm_up=0, steps=50, clip=0.0)
    model = small_model()
    huge = {name: value * np.float32(1e18) for name, value in model.parameters.items()}
    model = replace(model, parameters=huge)
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match=r"loss is|unit length"):
        train(model, people, tmp_path / "run", replace(choices, held_out=0.0))
    rows, record = read_state(tmp_path / "run" / "checkpoint.h5")
    assert np.isfinite(rows["numbers"]).all()
    assert record["done"] == 0


def test_a_collapse_is_said(people: Path, tmp_path: Path) -> None:
    model = small_model()
    flat = {
        n: v * 0 if n[0] == "dense" and n[1] == "kernel" else v for n, v in model.parameters.items()
    }
    flat["dense", "bias"] = np.ones(16, np.float32)
    choices = replace(SHORT, learning_rate=0.0, steps=50, held_out=0.0)
    with pytest.raises(TrainingError, match="step 20: the embeddings of 20 batches in a row"):
        train(replace(model, parameters=flat), people, tmp_path / "run", choices)
    assert read_state(tmp_path / "run" / "checkpoint.h5")[1]["done"] == 18


def test_distillation_needs_a_teacher_and_learns_from_it(people: Path, tmp_path: Path) -> None:
    choices = replace(SHORT, loss=("distillation", "softmax:0.1"), pictures=1, identities=8)
    with pytest.raises(ArgumentError, match="needs a teacher"):
        train(small_model(), people, tmp_path / "run", choices)
    with pytest.raises(ArgumentError, match="only distillation takes one"):
        train(small_model(), people, tmp_path / "run", SHORT, teacher=small_model(1))
    choices = replace(choices, steps=60, validate=60, held_out=0.0, learning_rate=1e-2)
    train(small_model(), people, tmp_path / "run", choices, teacher=small_model(7))
    cosines = [float(str(e["cosine"])) for e in log(tmp_path / "run") if "cosine" in e]
    assert np.mean(cosines[-5:]) > np.mean(cosines[:5]) + 0.2


def test_a_teacher_is_shown_views_without_contrast(people: Path, tmp_path: Path) -> None:
    """Augmentation makes them of pictures that have some, in whichever hour of a run."""
    flat = Augmentation(brightness=1, contrast=1, erase=1, erase_area=(1, 1))
    choices = replace(SHORT, loss=("distillation",), augmentation=flat, steps=3, held_out=0.0)
    trained = train(small_model(), people, tmp_path / "run", choices, teacher=small_model(7))
    assert trained.ended == "all 3 steps were made"


def test_pictures_that_are_too_small_for_the_crop(people: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"30 of 30 pictures cannot be used: .*41 a side"):
        train(small_model(), people, tmp_path / "run", replace(SHORT, crop=41, held_out=0.0))


def test_a_full_disk_keeps_the_last_checkpoint(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = write_state
    calls = []

    def full(*arguments: object) -> None:
        calls.append(time.time())
        if len(calls) > 2:
            raise OutputError("cannot write: no space left on device")
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(run_checkpoint, "write_state", full)
    with pytest.raises(OutputError, match="no space left"):
        train(small_model(), people, tmp_path / "run", SHORT)
    assert read_state(tmp_path / "run" / "checkpoint.h5")[1]["done"] == 3


def test_grey_and_large_pictures_are_taken(tmp_path: Path) -> None:
    folder = draw_people(tmp_path / "people", 3, 2)
    grey = Image.open(folder / "person_0" / "0.png").convert("L").resize((500, 300))
    grey.save(folder / "person_0" / "9.png")
    trained = train(small_model(), folder, tmp_path / "run", replace(SHORT, steps=2, identities=3))
    assert trained.ended == "all 2 steps were made"


def test_a_kill_before_the_first_checkpoint_leaves_a_folder_to_begin_in(
    people: Path, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_checkpoint, "write_state", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(small_model(), people, tmp_path / "run", SHORT)
    with pytest.raises(TrainingError, match="ended before its first checkpoint: begin it again"):
        train(small_model(), people, tmp_path / "run", SHORT, resume=True)
    train(small_model(), people, tmp_path / "run", SHORT)
    rows, others = (read_state(f / "checkpoint.h5")[0] for f in (tmp_path / "run", whole_run))
    assert all(np.array_equal(row, others[name]) for name, row in rows.items())


def test_a_run_is_not_resumed_with_other_pictures_or_another_teacher(tmp_path: Path) -> None:
    folder = draw_people(tmp_path / "people", people=10, pictures=3)
    choices = replace(SHORT, loss=("distillation",), steps=2)
    train(small_model(), folder, tmp_path / "run", choices, teacher=small_model(1))
    with pytest.raises(TrainingError, match="another teacher"):
        train(small_model(), folder, tmp_path / "run", choices, teacher=small_model(2), resume=True)
    draw_person(3, 9).save(folder / "person_3" / "9.png")
    with pytest.raises(TrainingError, match="other people or pictures"):
        train(small_model(), folder, tmp_path / "run", choices, teacher=small_model(1), resume=True)


def test_an_interrupted_distillation_comes_to_the_same_bits(people: Path, tmp_path: Path) -> None:
    choices = replace(SHORT, loss=("distillation",))

    def interrupt(progress: StepReport) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    train(small_model(), people, tmp_path / "whole", choices, teacher=small_model(1))
    with pytest.raises(KeyboardInterrupt):
        train(
            small_model(), people, tmp_path / "run", choices, teacher=small_model(1),
            callbacks=Callbacks(watch=interrupt),
        )  # fmt: skip
    train(small_model(), people, tmp_path / "run", choices, teacher=small_model(1), resume=True)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_patience_without_anybody_to_validate_on_is_refused(people: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="patience needs people to validate on"):
        train(small_model(), people, tmp_path / "run", replace(SHORT, held_out=0.0, patience=2))


def test_people_with_one_picture_are_not_said_to_be_learnt_from(tmp_path: Path) -> None:
    folder = draw_people(tmp_path / "people", people=4, pictures=2)
    (folder / "person_3" / "1.png").unlink()
    choices = replace(SHORT, loss=("semi-hard:0.5",), steps=1, held_out=0.0)
    trained = train(small_model(), folder, tmp_path / "run", choices)
    assert trained.model.card.trained_on == ("person_0", "person_1", "person_2")


@pytest.mark.parametrize("name", ["new\nline", "tab\there", "bad\udcff"])
def test_a_name_that_a_card_cannot_hold_is_refused_before_the_run(
    name: str, tmp_path: Path
) -> None:
    folder = draw_people(tmp_path / "people", people=3, pictures=2)
    try:
        (folder / "person_0").rename(folder / name)
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(TrainingError, match="cannot be printed; rename its folder"):
        train(small_model(), folder, tmp_path / "run", SHORT)
    assert not (tmp_path / "run").exists()
