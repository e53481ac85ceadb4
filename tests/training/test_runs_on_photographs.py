"""Runs on photographs whose faces are found: their cards, their pairs, and resuming them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import shared
from drawn_people import draw_people, small_model
from found_people import NotBlack, model_for_faces, photograph, photograph_people
from test_loop import assert_same_run

import npfacenet
from npfacenet.cards import Measured, Preparation, Threshold
from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import TrainingError, WeightsNotFoundError
from npfacenet.models import Model
from npfacenet.training import Callbacks, Configuration, IdentityFolder, StepReport, train
from npfacenet.training.held_out import HeldOut, held_out_people
from npfacenet.training.picture_preparation import picture_preparation

SHORT = Configuration(
    steps=6, identities=3, save=3, validate=3, held_out=0.5, average=0.9, warm_up=2,
    learning_rate=3e-3,
)  # fmt: skip
FOUND = Preparation("not-black", "openface-similarity")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photograph_people(tmp_path_factory.mktemp("people"), people=8, pictures=3)


@pytest.fixture(scope="module")
def whole_run(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(model_for_faces(), people, folder, SHORT, detector=NotBlack())
    return folder


def interrupt(progress: StepReport) -> None:
    if progress.step == 4:
        raise KeyboardInterrupt


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_run_comes_to_the_same_bits(
    threads: int, people: Path, whole_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(
            model_for_faces(), people, run, SHORT, detector=NotBlack(), threads=threads,
            callbacks=Callbacks(watch=interrupt),
        )  # fmt: skip
    train(model_for_faces(), people, run, SHORT, detector=NotBlack(), resume=True)
    assert_same_run(run, whole_run)


def test_the_weights_of_a_run_find_and_align_faces(people: Path, whole_run: Path) -> None:
    model = npfacenet.load(whole_run / "best.h5")
    assert model.card.preparation == FOUND
    with pytest.raises(WeightsNotFoundError, match="is for faces that 'not-black' has found"):
        model.embed(people / "person_0" / "0.png")
    found = model.embed(people / "person_0" / "0.png", detect=NotBlack())
    assert found.fingerprint == model.fingerprint


def test_a_run_on_other_faces_is_not_resumed(people: Path, whole_run: Path) -> None:
    for model, choices, detector, said in (
        (model_for_faces(), SHORT, NotBlack(0.1), r"not-black, openface-similarity', not 'not-bl"),
        (model_for_faces("margin-0"), SHORT, NotBlack(), "not 'not-black, margin-0'"),
        (model_for_faces(), replace(SHORT, detect=False), None, "not 'central square'"),
        (model_for_faces(), replace(SHORT, crop=30), None, "not 'centre crop of 30 pixels'"),
    ):
        with pytest.raises(TrainingError, match=f"another preparation of pictures .*{said}"):
            train(model, people, whole_run, choices, detector=detector, resume=True)
    other = replace(SHORT, choose="only")
    with pytest.raises(TrainingError, match="began with choose 'largest', not 'only'"):
        train(model_for_faces(), people, whole_run, other, detector=NotBlack(), resume=True)


def older(run: Path) -> None:
    """Make of a run's files what the version before detectors wrote."""
    new = ("detect", "choose", "smallest_face")
    record = json.loads((run / "configuration.json").read_text())
    del record["preparation"]
    rows, about = read_state(run / "checkpoint.h5")
    for choices in (record["configuration"], about["configuration"]):
        assert isinstance(choices, dict)
        for name in new:
            del choices[name]
    (run / "configuration.json").write_text(json.dumps(record))
    write_state(run / "checkpoint.h5", rows, about)
    best = npfacenet.load(run / "best.h5")
    replace(best, card=replace(best.card, preparation=Preparation())).save(run / "best.h5")


@pytest.mark.parametrize("crop", [None, 30])
def test_a_run_of_the_version_before_goes_on_without_a_detector(
    crop: int | None, tmp_path: Path
) -> None:
    people, choices = draw_people(tmp_path / "people", 8, 3), replace(SHORT, crop=crop)
    train(small_model(), people, tmp_path / "whole", choices)
    told = Callbacks(watch=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(small_model(), people, tmp_path / "run", choices, callbacks=told)
    older(tmp_path / "run")
    if crop is None:  # the card of the same weights has learnt of a detector meanwhile
        with pytest.raises(TrainingError, match=r"preparation of pictures .'central square', not"):
            train(
                model_for_faces(), people, tmp_path / "run", choices, resume=True,
                detector=NotBlack(),
            )  # fmt: skip
    stated = replace(choices, detect=False)
    train(model_for_faces(), people, tmp_path / "run", stated, resume=True)
    after, whole = (read_state(tmp_path / name / "checkpoint.h5")[0] for name in ("run", "whole"))
    for name, row in whole.items():
        assert np.array_equal(after[name], row), name


def test_weights_of_the_version_before_come_to_state_their_crop(tmp_path: Path) -> None:
    people, choices = draw_people(tmp_path / "people", 8, 3), replace(SHORT, crop=30)
    train(small_model(), people, tmp_path / "run", choices)
    older(tmp_path / "run")
    found = train(small_model(), people, tmp_path / "run", choices, resume=True).model
    for model in (found, npfacenet.load(tmp_path / "run" / "best.h5")):
        assert model.card.preparation == Preparation(crop=30)


def test_pictures_without_a_face_stop_a_run_or_are_skipped(tmp_path: Path) -> None:
    people = photograph_people(tmp_path / "people", 5, 3)
    photograph([], 0).save(people / "person_2" / "1.png")
    with pytest.raises(TrainingError, match=r"1 of 15 .*person_2.1\.png' shows no face"):
        train(model_for_faces(), people, tmp_path / "run", SHORT, detector=NotBlack())
    assert not (tmp_path / "run").exists()
    NotBlack.looked.clear()
    found = train(
        model_for_faces(), people, tmp_path / "run", SHORT, detector=NotBlack(), on_error="skip"
    )
    assert [Path(skipped.source).name for skipped in found.skipped] == ["1.png"]
    assert len(NotBlack.looked) == 15


def test_without_the_detectors_weights_nothing_begins(people: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="for faces that 'not-black' has found, and"):
        train(model_for_faces(), people, tmp_path / "run", SHORT)
    with pytest.raises(WeightsNotFoundError, match="no detector called 'nothing'"):
        train(model_for_faces(), people, tmp_path / "run", replace(SHORT, detect="nothing"))
    assert not (tmp_path / "run").exists()


def test_a_teacher_is_shown_the_same_views(people: Path, tmp_path: Path) -> None:
    """Its card names a detector that is not there: nobody asks for it."""
    card = small_model(1).card.with_preparation(Preparation("absent", "margin-32"))
    teacher = replace(small_model(1), card=card)
    choices = replace(SHORT, loss=("distillation",), steps=2, held_out=0.5)
    found = train(
        small_model(), people, tmp_path / "run", choices, teacher=teacher, detector=NotBlack()
    )
    assert found.model.card.preparation.detector == "not-black"


def measured(model: Model, people: Path, choices: Configuration) -> tuple[HeldOut, Model]:
    folder = IdentityFolder.of(people)
    detector = None if choices.detect is False or choices.crop else NotBlack()
    prepared = picture_preparation(model.card, choices, detector)
    held_out = held_out_people(model, folder, folder.subset([]), choices, prepared)
    rates, found = held_out.measure(model.parameters)
    assert rates is not None
    return held_out, found


def test_the_card_states_the_preparation_and_its_own_threshold_alone(tmp_path: Path) -> None:
    people = photograph_people(tmp_path / "people", 30, 5)
    model, old = model_for_faces(), Threshold(0.7, "measured with other weights")
    others = tuple(Measured(p, old) for p in (Preparation(), Preparation("mtcnn", "margin-0")))
    card = replace(model.card, threshold=old, other_thresholds=others)
    model = replace(model, card=card)
    digests = set()
    for choices, preparation, evidence in (
        (Configuration(), FOUND, "30 held-out people, not-black, openface-similarity: "),
        (
            Configuration(choose="only"),
            FOUND,
            "30 held-out people, not-black, openface-similarity, the only face: ",
        ),
        (Configuration(detect=False), Preparation(), "30 held-out people, whole pictures: "),
        (Configuration(crop=30), Preparation(crop=30), "30 held-out people, centre crop 30: "),
    ):
        if choices.crop:  # the middle of these photographs may be black
            people = draw_people(tmp_path / "cropped", 30, 5)
        held_out, found = measured(model, people, choices)
        assert found.card.preparation == preparation
        assert found.card.other_thresholds == ()
        assert found.card.threshold is not None
        assert found.card.threshold.evidence.startswith(f"chosen on pairs of {evidence}")
        assert len(found.card.trained_on) == 0
        digests.add(held_out.digest)
    assert len(digests) == 4


def test_the_threshold_is_that_of_what_embed_makes(tmp_path: Path) -> None:
    people = photograph_people(tmp_path / "people", 6, 3)
    model = model_for_faces()
    held_out, found = measured(model, people, Configuration())
    rows = found.embed(held_out.store.paths, detect=NotBlack(), batch_size=3)
    rates, _ = held_out.measure(model.parameters)
    pairs = held_out._pairs
    assert pairs is not None
    assert rates is not None
    apart = np.linalg.norm(rows.values[pairs.a] - rows.values[pairs.b], axis=1)
    assert rates.strangers == pytest.approx(apart[~pairs.genuine].mean(), abs=1e-6)
    assert rows.fingerprint == found.fingerprint


def test_a_card_that_crops_is_followed(tmp_path: Path) -> None:
    """What a run with `crop` made is trained further as it was begun."""
    people = draw_people(tmp_path / "people", 8, 3)
    first = train(small_model(), people, tmp_path / "a", replace(SHORT, crop=30)).model
    assert first.card.preparation == Preparation(crop=30)
    again = train(first, people, tmp_path / "b", SHORT).model
    assert again.card.preparation == Preparation(crop=30)
    whole = train(first, people, tmp_path / "c", replace(SHORT, crop=40)).model
    assert whole.card.preparation == Preparation(crop=40)


def test_a_run_with_a_real_detector(tmp_path: Path) -> None:
    detector = npfacenet.faces.load(shared("weights") / "yunet_n.onnx")
    photographs = sorted(shared("lfw/images").glob("*/*_0002.jpg"))[:6]
    if len(photographs) < 6:
        pytest.skip("needs six people with two photographs in ../shared/lfw/images")
    folders = [photograph.parent for photograph in photographs]
    paths = tuple(path for folder in folders for path in sorted(folder.glob("*.jpg"))[:2])
    names = tuple(folder.name for folder in folders)
    people = IdentityFolder(names, paths, tuple(i // 2 for i in range(12)))
    choices = replace(SHORT, steps=2, identities=2, choose="central")
    found = train(small_model(), people, tmp_path / "run", choices, detector=detector).model
    assert found.card.preparation.detector == detector.identity
