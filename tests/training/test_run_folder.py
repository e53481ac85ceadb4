"""A run's folder: one process at a time, nothing lost unnoticed, nothing damaged believed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from drawn_people import draw_people, small_model

from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import ArgumentError, NpfacenetError, OutputError, TrainingError, WeightsError
from npfacenet.models import Model
from npfacenet.recipes.finder import npfacenet_finder
from npfacenet.training import Callbacks, Configuration, StepReport, Trained, folder_lock, train
from npfacenet.training.folder_lock import locked
from npfacenet.training.run_folder import RunFolder

SHORT = Configuration(
    steps=4, identities=3, pictures=2, save=2, validate=2, held_out=0.5, warm_up=0,
    learning_rate=1e-3,
)  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"), people=6, pictures=2)


@pytest.fixture(scope="module")
def whole(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted after three of four steps."""

    def interrupt(progress: StepReport) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(KeyboardInterrupt):
        train(small_model(), people, folder, SHORT, callbacks=Callbacks(watch=interrupt))
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    copy = tmp_path / "run"
    copy.mkdir()
    for file in whole.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def go_on(people: Path, run: Path) -> Trained:
    return train(small_model(), people, run, SHORT, resume=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file() and f.name != ".lock"}


def test_it_goes_on(people: Path, run: Path) -> None:
    assert go_on(people, run).ended == "all 4 steps were made"


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_where_another_run_is_under_way_is_refused(
    resume: bool, people: Path, run: Path
) -> None:
    before = contents(run)
    with locked(run, "training"), pytest.raises(TrainingError, match="another process is training"):
        train(small_model(), people, run, SHORT, resume=resume)
    assert contents(run) == before
    go_on(people, run)


def test_a_run_holds_its_folder_from_the_first_step_to_the_last(
    people: Path, tmp_path: Path
) -> None:
    def second(progress: StepReport) -> None:
        for resume in (False, True):
            with pytest.raises(TrainingError, match="another process is training in"):
                train(small_model(), people, tmp_path / "run", SHORT, resume=resume)
        steps.append(progress.step)

    steps: list[int] = []
    train(small_model(), people, tmp_path / "run", SHORT, callbacks=Callbacks(watch=second))
    assert steps == [1, 2, 3, 4]
    with locked(tmp_path / "run", "training"):
        pass


HOLDING = """
import pathlib, sys, time
from npfacenet.training import folder_lock
if sys.argv[2] == "no":
    folder_lock._system_lock = lambda handle: None
with folder_lock.locked(pathlib.Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("system", ["yes", "no"])
def test_a_killed_process_leaves_no_lock(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "no":
        monkeypatch.setattr(folder_lock, "_system_lock", lambda handle: None)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path), system], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(TrainingError, match="another process"), locked(tmp_path, "training"):
            pass
        process.send_signal(signal.SIGKILL)
    with locked(tmp_path, "training"):
        pass
    with locked(tmp_path, "training"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_without_the_systems_locks_a_process_of_another_machine_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "_system_lock", lambda handle: None)
    owner = tmp_path / ".lock.pid"
    owner.write_text("1 another-machine")
    with pytest.raises(TrainingError, match=r"remove .*\.lock\.pid"), locked(tmp_path, "training"):
        pass
    for gone in ("", "no-number", f"99999999999999999999 {gethostname()}", f"x {gethostname()}"):
        owner.write_text(gone)
        with locked(tmp_path, "training"):
            assert owner.read_text().startswith(str(os.getpid()))
        assert not owner.exists()


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with locked(tmp_path, "training"):
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)  # until the parent is done
            os._exit(0)
    try:
        with locked(tmp_path, "training"):
            pass
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(child, 0)


def test_a_pipe_in_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(OutputError, match="is not a file: remove it"), locked(tmp_path, "x"):
        pass


@pytest.mark.parametrize(
    "lost",
    [
        ("checkpoint.h5",),
        ("checkpoint.h5", "best.h5"),
        ("checkpoint.h5", "log.jsonl"),
        ("checkpoint.h5", "configuration.json"),
        ("checkpoint.h5", "configuration.json", "log.jsonl"),
        ("checkpoint.h5", "configuration.json", "best.h5"),
    ],
    ids=str,
)
def test_a_run_that_lost_its_checkpoint_is_not_begun_anew(
    lost: tuple[str, ...], people: Path, run: Path
) -> None:
    for name in lost:
        (run / name).unlink()
    before = contents(run)
    with pytest.raises(OutputError, match=r"but not its checkpoint\.h5: put that back"):
        train(small_model(), people, run, SHORT)
    with pytest.raises(TrainingError, match=r"checkpoint\.h5|configuration\.json"):
        go_on(people, run)
    assert contents(run) == before


def test_curves_alone_are_of_a_run_too(people: Path, tmp_path: Path) -> None:
    (tmp_path / "curves.png").write_bytes(b"\x89PNG")
    with pytest.raises(OutputError, match=r"holds curves\.png of a training run"):
        train(small_model(), people, tmp_path, SHORT)


def test_a_run_without_its_configuration_says_so(people: Path, run: Path) -> None:
    (run / "configuration.json").unlink()
    with pytest.raises(TrainingError, match=r"no training run to resume without its conf"):
        go_on(people, run)
    with pytest.raises(OutputError, match="already holds a training run"):
        train(small_model(), people, run, SHORT)


@pytest.mark.parametrize("name", ["configuration.json", "checkpoint.h5", "best.h5", "log.jsonl"])
@pytest.mark.parametrize("how", ["garbage", "empty", "pipe", "folder", "cut", "link to zeros"])
def test_a_damaged_file_is_noticed_before_the_first_step(
    name: str, how: str, people: Path, run: Path
) -> None:
    file = run / name
    content = file.read_bytes()
    file.unlink()
    match how:
        case "garbage":
            file.write_bytes(b"\xff\xfe\x00garbage\n" * 9)
        case "empty":
            file.write_bytes(b"")
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "cut":
            file.write_bytes(content[:150])
        case "link to zeros":
            file.symlink_to("/dev/zero")
    steps: list[int] = []
    if name == "log.jsonl" and how in ("empty", "cut"):  # what a kill leaves of it
        train(small_model(), people, run, SHORT, resume=True)
        return
    with pytest.raises(NpfacenetError, match=name):
        train(
            small_model(),
            people,
            run,
            SHORT,
            resume=True,
            callbacks=Callbacks(watch=lambda report: steps.append(report.step)),
        )
    assert steps == []


def test_without_its_best_weights_a_run_does_not_go_on(people: Path, run: Path) -> None:
    (run / "best.h5").unlink()
    with pytest.raises(TrainingError, match=r"best weights .*put .*best\.h5 back"):
        go_on(people, run)


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 5), ("steps", 3), ("save", 1), ("learning_rate", 2e-3)]
)
def test_choices_that_were_changed_since_are_not_believed(
    name: str, value: float, people: Path, run: Path
) -> None:
    """The bits would be those of no run: a schedule that began as another, other batches."""
    changed = json.loads((run / "configuration.json").read_text())
    changed["configuration"][name] = value
    (run / "configuration.json").write_text(json.dumps(changed))
    choices = replace(SHORT, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=f"was changed since .*{name} is {value} there"):
        train(small_model(), people, run, choices, resume=True)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", "{}", "null", '{"configuration": 3}', "1" * 5000, "NaN"]
)
def test_json_of_other_things_is_refused(text: str, people: Path, run: Path) -> None:
    (run / "configuration.json").write_text(text)
    with pytest.raises(TrainingError):
        go_on(people, run)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000, "3", '"step"', "{}", '{"step": "3"}', '{"step": -1}', '{"step": true}',
        '{"step": 1, "loss": "low"}', '{"step": 1, "validation": {"area": null}}',
        '{"step": 1, "loss": 1' + "0" * 5000 + "}", "\x00" * 90, " " * 70_000,
    ],
    ids=lambda line: line[:20],
)  # fmt: skip
def test_a_line_that_no_run_writes_is_refused(line: str, people: Path, run: Path) -> None:
    with (run / "log.jsonl").open("a") as file:
        file.write(f'{line}\n{{"step": 3}}\n')
    with pytest.raises(TrainingError, match=r"log\.jsonl is damaged in line"):
        go_on(people, run)


def changing(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.update(fields)


def standing(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["standing"].update(fields)


def best(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["standing"]["best"].update(fields)


CHANGES: list[Callable[[dict[str, Any]], object]] = [
    *(changing(done=bad) for bad in (5, -1, True, 2.0, "3", None, 10**400)),
    *(changing(at_a_point=bad) for bad in (-1, None, 4, "0", False)),
    changing(standing=None),
    changing(standing=3),
    changing(standing=[]),
    changing(standing={}),
    *(standing(best_step=bad) for bad in (4, -1, True, None, "0")),
    standing(best=None),
    standing(best=[]),
    standing(best={}),
    standing(best={"area": 1.0}),
    *(standing(bad=count) for count in (9, -1, None)),
    standing(more=1),
    *(best(area=area) for area in (1.5, -0.1, float("nan"), "0.5", None, True)),
    *(best(threshold=at) for at in (float("inf"), float("nan"), -1.0, None)),
    best(pairs=0),
    best(strangers="far"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_that_no_run_writes_is_refused(
    change: Callable[[dict[str, Any]], object], people: Path, run: Path
) -> None:
    rows, record = read_state(run / "checkpoint.h5")
    change(record)
    write_state(run / "checkpoint.h5", rows, record)
    with pytest.raises(TrainingError, match=r"checkpoint\.h5 has a malformed record"):
        go_on(people, run)


def test_mean_squares_below_zero_are_refused(people: Path, run: Path) -> None:
    rows, record = read_state(run / "checkpoint.h5")
    rows["slot1"][3] = -1.0
    write_state(run / "checkpoint.h5", rows, record)
    with pytest.raises(TrainingError, match="mean squares below 0"):
        go_on(people, run)


def test_a_number_that_was_changed_in_the_file_is_noticed(people: Path, run: Path) -> None:
    rows, _ = read_state(run / "checkpoint.h5")
    content = bytearray((run / "checkpoint.h5").read_bytes())
    place = content.index(rows["numbers"][10:20].tobytes())
    content[place] ^= 1
    (run / "checkpoint.h5").write_bytes(content)
    with pytest.raises(WeightsError, match="its checksum differs"):
        go_on(people, run)


def test_a_log_begins_anew_with_its_run(people: Path, tmp_path: Path) -> None:
    (tmp_path / "configuration.json").write_text("{}")
    (tmp_path / "log.jsonl").write_text('{"step": 0, "validation": {"area": 0.5}}\n')
    train(small_model(), people, tmp_path, replace(SHORT, steps=1))
    first = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert first == {"step": 0, "people": {"learnt": 3, "held_out": 3}, "pairs": 3}


@pytest.mark.parametrize("bad", ["", " ", None, 3, b"", "nul\0", ["x"]], ids=repr)
def test_a_run_folder_is_a_path(bad: Any, people: Path) -> None:
    with pytest.raises(ArgumentError, match="the folder of a run has a path"):
        train(small_model(), people, bad, SHORT)
    with pytest.raises(ArgumentError):
        RunFolder(bad)


def test_a_network_that_detects_is_not_trained_on_people(people: Path, tmp_path: Path) -> None:
    network = npfacenet_finder()
    model = Model.of(network, network.initialise(0))
    with pytest.raises(ArgumentError, match="npfacenet-finder is a network for detection"):
        train(model, people, tmp_path / "run", SHORT)
    assert not (tmp_path / "run").exists()


def test_a_name_that_no_file_system_has_is_an_error_of_ours(people: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        train(small_model(), people, tmp_path / ("x" * 300), SHORT)
