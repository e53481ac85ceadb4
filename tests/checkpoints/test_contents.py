"""Files that are whole, but of no trained network, or of another than they or their name say."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import shared
from keras2_files import write_keras2
from old_files import without_graph

import npfacenet
from npfacenet.cards import Card, Preparation, Threshold, card_from_json
from npfacenet.checkpoints import isolation
from npfacenet.checkpoints.conversion import SUFFIXES, WRITABLE, write_checkpoint
from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import faults_of, read_checkpoint
from npfacenet.errors import ArgumentError, WeightsError
from npfacenet.layers import Array
from npfacenet.networks import ParameterName
from npfacenet.recipes import (
    RECIPES,
    Recipe,
    inception_resnet_v1,
    nn4_small2,
    npfacenet_small,
)
from npfacenet.testing.weight_files import LAYOUTS, TINY, tiny_network, whole_weight_file
from npfacenet.zoo.description import describe_file

CARD = Card("tiny", None, 4, 6, "unit", None, "drawn", "none")
SMALL = Card("npfacenet-small", None, 128, 96, "prewhiten", None, "drawn", "none")
Parameters = dict[ParameterName, Array]


def changed(layer: str, name: str, value: float) -> Parameters:
    parameters = tiny_network().initialise(0)
    parameters[layer, name] = np.full_like(parameters[layer, name], value)
    return parameters


@pytest.mark.parametrize("layout", WRITABLE)
@pytest.mark.parametrize(
    ("layer", "name", "value", "said"),
    [
        ("conv1", "kernel", 0, r"conv1/kernel \(all zeros\)"),
        ("dense_layer", "kernel", -0.0, r"dense_layer/kernel \(all zeros\)"),
        ("bn1", "gamma", 0, r"bn1/gamma \(all zeros\)"),
        ("bn1", "moving_variance", 0, r"bn1/moving_variance \(all zeros\)"),
        ("conv1", "kernel", 0.5, r"conv1/kernel \(the same number everywhere\)"),
    ],
)
def test_tensors_that_no_training_leaves_are_refused(
    tmp_path: Path, layout: str, layer: str, name: str, value: float, said: str
) -> None:
    path = tmp_path / f"w{SUFFIXES[layout][0]}"
    write_checkpoint(path, tiny_network(), changed(layer, name, value), CARD, layout=layout)
    with pytest.raises(WeightsError, match=f"does not hold .*1 untrained: {said}"):
        read_checkpoint(path, (TINY,))


@pytest.mark.parametrize("layout", WRITABLE)
@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        ("conv1", "bias", 0),
        ("bn1", "beta", 0),
        ("bn1", "moving_mean", 0),
        ("bn1", "gamma", 1),
        ("bn1", "moving_variance", 1),
    ],
)
def test_tensors_that_may_hold_one_number(
    tmp_path: Path, layout: str, layer: str, name: str, value: float
) -> None:
    path = tmp_path / f"w{SUFFIXES[layout][0]}"
    write_checkpoint(path, tiny_network(), changed(layer, name, value), CARD, layout=layout)
    assert (read_checkpoint(path, (TINY,)).parameters[layer, name] == value).all()


@pytest.mark.parametrize("fill", [None, 0.25])
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "npfacenet"])
def test_a_kernel_that_was_allocated_and_never_written_is_refused(
    tmp_path: Path, layout: str, fill: float | None
) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file(layout))
    name = {
        "keras2-weights": "conv1/conv1/kernel:0",
        "keras-model": "model_weights/conv1/conv1/kernel:0",
        "keras3-weights": "layers/conv2d/vars/0",
    }[layout]
    with h5py.File(path, "r+") as file:
        shape = file[name].shape
        del file[name]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plan.set_fill_time(h5py.h5d.FILL_TIME_ALLOC)
        if fill is not None:
            plan.set_fill_value(np.array(fill, "f4"))
        space = h5py.h5s.create_simple(shape)
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F32LE, space, plan)
    with pytest.raises(WeightsError, match="1 untrained: conv1/kernel"):
        read_checkpoint(path, (TINY,))


def written_in_part(kernel: Array) -> Array:
    kernel.reshape(-1)[len(kernel.reshape(-1)) // 2 :] = 0
    return kernel


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (written_in_part, "the last eighth of it is zeros"),
        (lambda kernel: written_in_part(kernel).reshape(-1)[::-1], "the first eighth of it is"),
        (lambda kernel: kernel * 1e-30, "no number in it is larger than"),
        (lambda kernel: 1 + kernel * 1e-8, "the same number everywhere"),
    ],
)
def test_a_kernel_that_training_does_not_leave_behind(
    spoilt: Callable[[Array], Array], said: str
) -> None:
    parameters = npfacenet_small().initialise(0)
    name = next(name for name in parameters if name[1] == "kernel")
    parameters[name] = spoilt(parameters[name].copy()).astype("f4").reshape(parameters[name].shape)
    assert faults_of(parameters)[1][0].startswith(f"{name[0]}/kernel ({said}")
    parameters[name] = np.full_like(parameters[name], np.nan)
    assert faults_of(parameters) == ((f"{name[0]}/kernel",), ())


def test_the_child_process_and_who_checks_its_numbers_refuse_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = npfacenet_small().initialise(0)
    kernel = next(name for name in parameters if name[1] == "kernel")
    parameters[kernel] = np.zeros_like(parameters[kernel])
    path = tmp_path / "w.h5"
    write_native(path, npfacenet_small(), parameters, SMALL)
    with pytest.raises(WeightsError, match=r"1 untrained: .*kernel \(all zeros\)"):
        read_isolated(path)
    assert describe_file(path).untrained == (f"{kernel[0]}/kernel (all zeros)",)
    assert not describe_file(path).complete

    def careless(*arguments: object) -> dict[str, object]:
        numbers = arguments[2]
        assert isinstance(numbers, Path)
        numbers.write_bytes(b"".join(tensor.tobytes() for tensor in parameters.values()))
        small = next(i for i, r in enumerate(RECIPES) if r.architecture == SMALL.architecture)
        return {"recipe": small, "layout": "npfacenet", "card": None}

    monkeypatch.setattr(isolation, "_ask_child", careless)
    with pytest.raises(WeightsError, match=r"numbers of no use: .*kernel \(all zeros\)"):
        read_isolated(path)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_fresh_network_counts_as_one_to_train(recipe: Recipe) -> None:
    assert faults_of(recipe.build().initialise(3)) == ((), ())


def test_nothing_in_real_files_counts_as_untrained(
    nn4_file: Path, inception_resnet_file: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(shared("weights/formats.zip")) as archive:
        archive.extractall(tmp_path)
    for path in (nn4_file, inception_resnet_file, *tmp_path.glob("*.h5")):
        assert faults_of(read_checkpoint(path).parameters) == ((), ())


# Cards that contradict the network, or steer a terminal.


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input_size": 160}, "pictures of 160 pixels, where npfacenet-small .* takes 96"),
        ({"input_size": 20_000}, "pictures of 20,000 pixels, where"),
        ({"variant": "junk"}, "the variant 'junk', which npfacenet-small does not have"),
        ({"outputs": 512}, "'npfacenet-small' with 512 numbers, which is none of"),
    ],
)
def test_a_card_that_contradicts_the_network_is_refused(
    tmp_path: Path, wrong: dict[str, object], said: str
) -> None:
    path = tmp_path / "w.h5"
    write_native(path, npfacenet_small(), npfacenet_small().initialise(0), replace(SMALL, **wrong))  # type: ignore[arg-type]  # drawn
    openers: list[Callable[[Path], object]] = [npfacenet.load, describe_file]
    if wrong.keys() & {"input_size"}:
        openers.append(lambda path: npfacenet.load(path, untrusted=True))
    for opening in openers:
        with pytest.raises(WeightsError, match=f"w.h5: its card states {said}"):
            opening(path)


@pytest.mark.parametrize(
    "text", ["\x1b[31mred", "two\nlines", "\x9b2J", "\u202eright to left", "x" * 2001, "\ud800"]
)
def test_texts_that_are_no_line_are_refused_in_every_field(text: str, tmp_path: Path) -> None:
    threshold = {"value": 1.0, "evidence": "e", "metric": "m"}
    measured = {"preparation": asdict(Preparation(crop=9)), "threshold": threshold}
    right: dict[str, object] = json.loads(json.dumps(asdict(CARD))) | {
        "threshold": threshold, "trained_on": ["Ada"], "variant": "v",
        "other_thresholds": [measured],
    }  # fmt: skip
    assert card_from_json(right, "w.h5").trained_on == ("Ada",)
    wrong = dict.fromkeys(("architecture", "variant", "source", "licence"), text)
    every = [right | {field: value} for field, value in wrong.items()]
    every.append(right | {"trained_on": ["Ada", text]})
    for key in ("evidence", "metric"):
        elsewhere = [measured | {"threshold": threshold | {key: text}}]
        every += [right | {"threshold": threshold | {key: text}}]
        every += [right | {"other_thresholds": elsewhere}]
    for card in every:
        with pytest.raises(WeightsError, match=r"w\.h5: the card's \w+ cannot be") as caught:
            card_from_json(card, "w.h5")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300
    with pytest.raises(WeightsError, match="the card's threshold cannot be"):
        write_native(
            tmp_path / "w.h5",
            tiny_network(),
            tiny_network().initialise(0),
            replace(CARD, threshold=Threshold(1.0, text)),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_name_that_steers_a_terminal_makes_a_card_that_can_be_written(
    tmp_path: Path, drawn_file: Path
) -> None:
    path = tmp_path / "a\x1b[31m\nb.h5"
    path.write_bytes(drawn_file.read_bytes())
    model = npfacenet.load(path)
    assert model.card.source == r"the file a\x1b[31m\nb.h5"
    write_native(tmp_path / "out.h5", model.network, model.parameters, model.card)
    assert npfacenet.load(tmp_path / "out.h5").card == model.card


# What was asked for is not what the file holds.


def test_options_that_do_not_fit_a_file_are_named_as_such(
    inception_resnet_file: Path, tmp_path: Path
) -> None:
    said = r"holds inception-resnet-v1 .*, which is not variant 'openface': leave that out"
    with pytest.raises(ArgumentError, match=said):
        npfacenet.load(inception_resnet_file, variant="openface")
    path = tmp_path / "w.h5"
    write_native(path, npfacenet_small(), npfacenet_small().initialise(0), SMALL)
    for options in ({"variant": "course"}, {"architecture": "inception-resnet-v1"}):
        for untrusted in (False, True) if "variant" in options else (False,):
            with pytest.raises(ArgumentError, match=r"w\.h5 holds npfacenet-small"):
                npfacenet.load(path, untrusted=untrusted, **options)
    broken = tmp_path / "broken.h5"
    write_native(broken, tiny_network(), tiny_network().initialise(0), CARD)
    with pytest.raises(ArgumentError, match=r"broken\.h5 holds tiny \(4 numbers\), which is not"):
        npfacenet.load(broken, variant="course")
    with pytest.raises(WeightsError, match="its card states 'tiny'"):
        npfacenet.load(without_graph(broken), variant="course")


@pytest.mark.parametrize("where", ["cache", "variable", "here"])
def test_a_file_under_the_name_of_another_network_is_not_used(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("npfacenet", "variable", "here"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path / "variable"))
    monkeypatch.chdir(tmp_path / "here")
    name = "inception-resnet-v1"
    path = {
        "cache": tmp_path / "npfacenet" / f"{name}.h5",
        "variable": tmp_path / "variable" / f"{name}.h5",
        "here": tmp_path / "here" / name,
    }[where]
    write_native(path, npfacenet_small(), npfacenet_small().initialise(0), SMALL)
    said = rf"{name}.* was found under the name '{name}', but holds npfacenet-small.*rename or"
    with pytest.raises(WeightsError, match=said):
        npfacenet.load(name)
    assert npfacenet.load(path).card.architecture == "npfacenet-small"
    network = nn4_small2()
    write_native(
        path.with_name("nn4.small2.h5" if where != "here" else "nn4.small2"),
        network,
        network.initialise(0),
        replace(SMALL, architecture="nn4.small2", variant="course"),
    )
    assert npfacenet.load("nn4.small2").card.architecture == "nn4.small2"


def test_a_name_does_not_stand_for_other_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path))
    path = tmp_path / "inception-resnet-v1.h5"
    write_keras2(path, inception_resnet_v1(512).initialise(0))
    with pytest.raises(WeightsError, match=r"but holds inception-resnet-v1 \(512 numbers\)"):
        npfacenet.load("inception-resnet-v1")
    assert npfacenet.load(path).card.outputs == 512
