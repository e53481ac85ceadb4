"""A pupil learns what a teacher said of views, and goes on where it was interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_people import draw_people, draw_person, small_model
from found_people import NotBlack, model_for_faces, photograph
from test_loop import assert_same_run

from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.faces.cropping import FaceCropper
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recognition.lfw import Pair
from npfacenet.training import Callbacks, Configuration, IdentityFolder, StepReport
from npfacenet.training.held_out import HeldOut, held_out_folds, held_out_people
from npfacenet.training.picture_preparation import FaceFinder
from npfacenet.training.teacher_views import Views
from npfacenet.training.teaching import teach
from npfacenet.training.view_batches import Source

CHOICES = Configuration(
    loss=("distillation", "relations:2"), steps=9, save=3, validate=3, average=0.9, warm_up=2,
    learning_rate=3e-3, held_out=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> IdentityFolder:
    return IdentityFolder.of(draw_people(tmp_path_factory.mktemp("people"), 6, 2))


@pytest.fixture(scope="module")
def source() -> Source:
    teacher = small_model()
    size = teacher.card.input_size
    pictures = np.stack([np.asarray(draw_person(i % 8, i).resize((size, size))) for i in range(64)])
    return Source(Views(pictures, np.roll(teacher.embed(pictures).values, 1, axis=1)), 16)


@pytest.fixture
def held_out(people: IdentityFolder) -> HeldOut:
    model = small_model()
    return held_out_people(model, people, people.subset([]), CHOICES)


def test_an_interrupted_run_comes_to_the_same_bits(
    source: Source, held_out: HeldOut, people: IdentityFolder, tmp_path: Path
) -> None:
    def interrupt(progress: StepReport) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    teach(small_model(), [source], tmp_path / "whole", CHOICES, held_out)
    with pytest.raises(KeyboardInterrupt):
        teach(
            small_model(),
            [source],
            tmp_path / "run",
            CHOICES,
            held_out,
            callbacks=Callbacks(watch=interrupt),
        )
    teach(small_model(), [source], tmp_path / "run", CHOICES, held_out, resume=True)
    assert_same_run(tmp_path / "run", tmp_path / "whole")
    other = replace(source, each=8)
    with pytest.raises(TrainingError, match="other people or pictures"):
        teach(small_model(), [other], tmp_path / "run", CHOICES, held_out, resume=True)
    cropped = held_out_people(small_model(), people, people.subset([]), replace(CHOICES, crop=30))
    with pytest.raises(TrainingError, match="other people or pictures"):
        teach(small_model(), [source], tmp_path / "run", CHOICES, cropped, resume=True)


def test_a_pupil_comes_closer_to_its_teacher(
    source: Source, held_out: HeldOut, tmp_path: Path
) -> None:
    losses = []
    choices = replace(CHOICES, steps=60, learning_rate=1e-2, validate=60)
    teach(
        small_model(), [source], tmp_path / "run", choices, held_out,
        callbacks=Callbacks(watch=lambda report: losses.append(report.measures["cosine"])),
    )  # fmt: skip
    assert np.mean(losses[-5:]) > np.mean(losses[:5]) + 0.2


def test_what_does_not_fit_is_refused(
    source: Source, held_out: HeldOut, people: IdentityFolder, tmp_path: Path
) -> None:
    def with_loss(*loss: str) -> None:
        teach(small_model(), [source], tmp_path, replace(CHOICES, loss=loss), held_out)

    with pytest.raises(ArgumentError, match="have no identities, which 'semi-hard' needs"):
        with_loss("distillation", "semi-hard")
    small = Source(Views(source.views.pictures[:, :8, :8], source.views.targets), 4)
    with pytest.raises(ArgumentError, match="views of 8 pixels a side"):
        teach(small_model(), [small], tmp_path, CHOICES, held_out)
    with pytest.raises(ArgumentError, match="there are no views to learn from"):
        teach(small_model(), [], tmp_path, CHOICES, held_out)
    wide = Source(Views(source.views.pictures, np.ones((64, 17), np.float32)), 4)
    with pytest.raises(ArgumentError, match="targets of 17 numbers, where 16 are needed"):
        teach(small_model(), [source, wide], tmp_path, CHOICES, held_out)
    relations = replace(CHOICES, loss=("relations",))
    with pytest.raises(ArgumentError, match="targets of 16 numbers, where 17 are needed"):
        teach(small_model(), [wide, source], tmp_path, relations, held_out)
    nobody = held_out_people(small_model(), people.subset([]), people, CHOICES)
    with pytest.raises(ArgumentError, match="patience needs people to validate on"):
        teach(small_model(), [source], tmp_path, replace(CHOICES, patience=1), nobody)
    assert not list(tmp_path.iterdir())


def test_folds_measure_what_their_pairs_say(tmp_path: Path) -> None:
    for person in range(4):
        folder = tmp_path / f"P{person}"
        folder.mkdir()
        for number in (1, 2):
            draw_person(person, number).save(folder / f"P{person}_000{number}.jpg")
    model = small_model()
    fold = (
        *(Pair((f"P{i}", 1), (f"P{i}", 2)) for i in range(4)),
        *(Pair((f"P{i}", 1), (f"P{(i + 1) % 4}", 1)) for i in range(4)),
    )
    held_out = held_out_folds(model, tmp_path, [fold], ["Ada"], crop=None, name="a fold")
    found, measured = held_out.measure(model.parameters)
    assert found is not None
    rows = {
        (i, k): model.embed(tmp_path / f"P{i}" / f"P{i}_000{k}.jpg").values[0]
        for i in range(4)
        for k in (1, 2)
    }
    genuine = [np.linalg.norm(rows[i, 1] - rows[i, 2]) for i in range(4)]
    impostors = [np.linalg.norm(rows[i, 1] - rows[(i + 1) % 4, 1]) for i in range(4)]
    wins = np.mean([[g < i for i in impostors] for g in genuine])
    assert found.area == pytest.approx(wins)
    assert measured.card.trained_on == ("Ada",)
    assert measured.card.threshold is None
    with pytest.raises(TrainingError, match="a fold cannot be held out: there is 'P2', who is"):
        held_out_folds(model, tmp_path, [fold], ["Ada", "P2"], crop=None, name="a fold")
    with pytest.raises(TrainingError, match="there is no pair in it"):
        held_out_folds(model, tmp_path, [()], [], crop=None, name="a fold")


def test_folds_are_measured_on_the_faces_that_are_found(tmp_path: Path) -> None:
    for person in range(2):
        (tmp_path / f"P{person}").mkdir()
        for number in (1, 2):
            whole = photograph([draw_person(person, number)], 2 * person + number)
            whole.save(tmp_path / f"P{person}" / f"P{person}_000{number}.jpg", "PNG")
    model = model_for_faces()
    genuine = [Pair((f"P{i}", 1), (f"P{i}", 2)) for i in range(2)]
    fold = (*genuine, *(Pair(("P0", i), ("P1", i)) for i in (1, 2)))
    alignment = ALIGNMENTS[str(model.card.preparation.alignment)]
    finder = FaceFinder(FaceCropper(NotBlack(), alignment))
    held_out = held_out_folds(model, tmp_path, [fold], ["Ada"], name="a fold", finder=finder)
    with pytest.raises(ArgumentError, match="crop or finder"):
        held_out_folds(model, tmp_path, [fold], [], crop=9, name="a fold", finder=finder)
    found, measured = held_out.measure(model.parameters)
    assert found is not None
    assert measured.card.preparation == model.card.preparation
    paths = sorted(tmp_path.glob("P*/*.jpg"))
    rows = model.embed(paths, detect=NotBlack()).values
    distances = [np.linalg.norm(rows[a] - rows[b]) for a, b in ((0, 1), (2, 3), (0, 2), (1, 3))]
    wins = np.mean([[g < i for i in distances[2:]] for g in distances[:2]])
    assert found.area == pytest.approx(wins)
    assert found.strangers == pytest.approx(np.mean(distances[2:]), rel=1e-4)
