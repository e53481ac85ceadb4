"""Embedding pictures: whatever holds them, alone or together, from any thread."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import mmap
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import npfacenet
from npfacenet.cards import Card, Threshold
from npfacenet.errors import ArgumentError, ImageError, ShapeError, WeightsError
from npfacenet.images import ImageSource
from npfacenet.inference import Plan
from npfacenet.layers import Convolution, GlobalAveragePool, L2Normalize, PReLU
from npfacenet.models import Model
from npfacenet.models.picture_reading import PictureReader
from npfacenet.networks import Builder, Network, sole
from npfacenet.recipes import nn4_small2
from npfacenet.recognition import verify

Picture = npt.NDArray[np.uint8]


def card(preprocessing: str = "unit") -> Card:
    threshold = Threshold(0.7, "for tests")
    return Card("nn4.small2", "course", 128, 96, preprocessing, threshold, "drawn", "none")


@pytest.fixture(scope="module")
def network() -> Network:
    return nn4_small2()


@pytest.fixture(scope="module")
def model(network: Network) -> Model:
    return Model(network, network.initialise(5), card())


@pytest.fixture
def pictures(rng: np.random.Generator) -> list[Picture]:
    sizes = [(96, 96), (120, 80), (30, 50), (96, 97)]
    return [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


def png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def test_every_holder_of_a_picture_gives_the_same(
    model: Model, pictures: list[Picture], tmp_path: Path
) -> None:
    picture = pictures[1]
    path = tmp_path / "Zoë, 顔.png"
    path.write_bytes(png(picture))
    holders: list[ImageSource] = [
        picture,
        png(picture),
        PIL.Image.fromarray(picture),
        path,
        str(path),
    ]
    together = model.embed(holders)
    for i, holder in enumerate(holders):
        alone = model.embed(holder)
        assert alone.values.shape == (1, 128)
        assert alone.values.dtype == np.float32
        np.testing.assert_allclose(alone.values, together.values[:1], atol=1e-6)
        np.testing.assert_allclose(alone.values[0], together.values[i], atol=1e-6)
    assert together.sources[3] == together.sources[4] == str(path)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_a_batch_gives_what_one_by_one_gives(
    model: Model, pictures: list[Picture], batch_size: int
) -> None:
    together = model.embed(pictures, batch_size=batch_size)
    assert len(together) == len(pictures)
    for one, row in zip(pictures, together, strict=True):
        np.testing.assert_allclose(model.embed(one).values, row.values, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together.values, axis=1), 1, rtol=1e-5)


def test_generators_and_stacked_arrays_are_several_pictures(model: Model) -> None:
    stack = np.arange(3600, dtype=np.uint8).reshape(3, 20, 20, 3)
    assert len(model.embed(stack)) == 3
    assert len(model.embed(picture for picture in stack)) == 3
    assert model.embed([]).values.shape == (0, 128)


def test_bgr_is_said_and_never_guessed(model: Model, pictures: list[Picture]) -> None:
    rgb = pictures[0]
    bgr = rgb[..., ::-1]
    straight = model.embed(rgb).values
    np.testing.assert_array_equal(model.embed(bgr, channel_order="bgr").values, straight)
    assert np.abs(model.embed(bgr).values - straight).max() > 1e-3


def test_the_caller_chooses_to_stop_or_to_skip(
    model: Model, pictures: list[Picture], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(png(pictures[0])[:40])
    sources: list[ImageSource] = [pictures[0], broken, tmp_path / "missing.png", pictures[2]]
    with pytest.raises(ImageError, match=r"broken\.png"):
        model.embed(sources)
    kept = model.embed(sources, on_error="skip")
    assert len(kept) == len(kept.sources) == 2
    assert [s.source for s in kept.skipped] == [str(broken), str(tmp_path / "missing.png")]
    assert all(s.source in s.reason for s in kept.skipped)
    np.testing.assert_allclose(kept.values[1], model.embed(pictures[2]).values[0], atol=1e-6)


def test_progress_is_reported(model: Model, pictures: list[Picture]) -> None:
    seen: list[tuple[str, int, int | None]] = []
    model.embed(pictures, progress=lambda *state: seen.append(state))
    assert seen == [("embedding", i, 4) for i in (1, 2, 3, 4)]
    seen.clear()
    model.embed(iter(pictures), progress=lambda *state: seen.append(state))
    assert seen[-1] == ("embedding", 4, None)


@pytest.mark.parametrize(
    "options", [{"on_error": "ignore"}, {"batch_size": 0}, {"channel_order": "gbr"}]
)
def test_unknown_options_are_refused(model: Model, options: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        model.embed(np.zeros((9, 9, 3), np.uint8), **options)  # type: ignore[arg-type]  # the fault under test


def test_the_fingerprint_is_of_all_that_determines_an_embedding(
    network: Network, model: Model, pictures: list[Picture]
) -> None:
    same = Model(network, network.initialise(5), card())
    assert same.fingerprint == model.fingerprint
    assert model.embed(pictures[0]).fingerprint == model.fingerprint
    nudged = dict(network.initialise(5))
    nudged["bn1", "beta"] = nudged["bn1", "beta"] + np.float32(1e-7)
    others = [
        Model(network, nudged, card()),
        Model(network, network.initialise(5), card("prewhiten")),
        Model(nn4_small2("openface"), network.initialise(5), replace_variant(card())),
    ]
    assert len({m.fingerprint for m in (model, *others)}) == 4


def replace_variant(of: Card) -> Card:
    from dataclasses import replace

    return replace(of, variant="openface")


def test_the_fingerprint_does_not_see_memory_or_byte_order(network: Network, model: Model) -> None:
    odd = {
        name: np.asfortranarray(tensor).astype(">f4") for name, tensor in model.parameters.items()
    }
    assert Model(network, odd, card()).fingerprint == model.fingerprint


def test_parameters_are_the_models_own(network: Network) -> None:
    parameters = network.initialise(5)
    model = Model(network, parameters, card())
    before = model.fingerprint
    with pytest.raises(ValueError, match="read-only"):
        model.parameters["bn1", "beta"][0] = 1
    parameters["bn1", "beta"][0] = 1
    assert model.parameters["bn1", "beta"][0] == 0
    assert Model(network, dict(model.parameters), card()).fingerprint == before


def test_parameters_must_be_those_of_the_network(network: Network) -> None:
    parameters = network.initialise(5)
    with pytest.raises(ShapeError, match=r"bn1/beta must have shape \(64,\), not \(3,\)"):
        Model(network, parameters | {("bn1", "beta"): np.zeros(3, np.float32)}, card())
    del parameters["bn1", "beta"]
    with pytest.raises(ShapeError, match="lacks, or does not have, bn1/beta"):
        Model(network, parameters, card())


@pytest.mark.parametrize("batch_size", [1, 2, 4])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_embedding_depends_on_its_batch_by_rounding_only(
    model: Model, pictures: list[Picture], batch_size: int, threads: int
) -> None:
    together = model.embed(pictures, batch_size=batch_size, threads=threads)
    for one, row in zip(pictures, together, strict=True):
        alone = model.embed(one)
        largest = np.abs(alone.values).max()
        np.testing.assert_allclose(row.values, alone.values, rtol=0, atol=1e-5 * largest)
        assert verify(alone, row, threshold=0).distance < 1e-5


@pytest.mark.parametrize("threads", [1, 2, None])
def test_the_same_call_gives_the_same_bits(
    model: Model, pictures: list[Picture], threads: int | None
) -> None:
    for some in (pictures, pictures[:1]):
        expected = model.embed(some, threads=threads).values
        for _ in range(3):
            again = model.embed(some, threads=threads).values
            np.testing.assert_array_equal(again, expected)


def test_reading_and_the_network_overlap(
    model: Model, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one batch waits in the network the next one is read; only a few are read ahead."""
    asked: list[int] = []
    second_batch_is_read = threading.Event()
    read, forward = PictureReader.read, Model._forward

    def reading(self: PictureReader, batch: Any, threads: int) -> Any:
        if batch[0][0] > 0:
            second_batch_is_read.set()
        return read(self, batch, threads)

    def waiting(self: Model, prepared: Any, threads: int) -> Any:
        assert second_batch_is_read.wait(30)
        return forward(self, prepared, threads)

    monkeypatch.setattr(PictureReader, "read", reading)
    monkeypatch.setattr(Model, "_forward", waiting)

    def sources() -> Iterator[Picture]:
        for i in range(60):
            asked.append(i)
            yield pictures[i % len(pictures)]

    done: list[int] = []

    def report(_: str, number: int, __: int | None) -> None:
        done.append(number)
        assert len(asked) - number <= 2 * (2 + 3)

    embeddings = model.embed(sources(), threads=2, batch_size=2, progress=report)
    assert len(embeddings) == 60
    assert done == list(range(1, 61))
    np.testing.assert_allclose(embeddings.values[4], embeddings.values[0], atol=1e-6)


def test_the_first_unreadable_picture_is_named_whichever_thread_meets_it(
    model: Model, pictures: list[Picture]
) -> None:
    sources: list[ImageSource] = [*pictures * 5, b"one", *pictures, b"two"]
    for _ in range(3):
        with pytest.raises(ImageError, match="index 20"):
            model.embed(sources, threads=3, batch_size=2)
        kept = model.embed(sources, threads=3, batch_size=2, on_error="skip")
        assert len(kept) == 24
        assert [skipped.source for skipped in kept.skipped] == [
            "bytes (3 bytes) at index 20",
            "bytes (3 bytes) at index 25",
        ]


def test_weights_without_directions_are_told_so(network: Network, pictures: list[Picture]) -> None:
    nothing = {name: np.zeros_like(tensor) for name, tensor in network.initialise(0).items()}
    with pytest.raises(WeightsError, match=r"not of unit length \(0 to 0\)"):
        Model(network, nothing, card()).embed(pictures[0])


@pytest.mark.parametrize("value", [0, 17, 128, 255])
def test_a_picture_without_contrast_is_nobodys(
    model: Model, pictures: list[Picture], value: int
) -> None:
    flat = np.full((120, 100, 3), value, np.uint8)
    noisy = (flat // 2 + np.random.default_rng(value).integers(0, 8, flat.shape)).astype(np.uint8)
    for empty in (flat, noisy):
        with pytest.raises(ImageError, match=r"array .* has a contrast of 0\.\d\d .* at least 1"):
            model.embed(empty)
        kept = model.embed([pictures[0], empty, png(empty), pictures[1]], on_error="skip")
        assert kept.sources == ("array (96, 96, 3) at index 0", "array (120, 80, 3) at index 3")
        assert ["contrast" in skipped.reason for skipped in kept.skipped] == [True, True]


def test_a_picture_without_contrast_is_named_and_skipped(
    model: Model, pictures: list[Picture], tmp_path: Path
) -> None:
    path = tmp_path / "night.png"
    path.write_bytes(png(np.zeros((90, 90, 3), np.uint8)))
    kept = model.embed([path, pictures[0]], on_error="skip")
    assert [skipped.source for skipped in kept.skipped] == [str(path)]
    assert "night.png' has a contrast of 0.00 grey levels" in kept.skipped[0].reason


def test_a_base64_text_is_not_repeated_in_what_was_skipped(
    model: Model, pictures: list[Picture]
) -> None:
    text = base64.b64encode(png(pictures[0])).decode()
    kept = model.embed([text, pictures[0]], on_error="skip")
    assert kept.skipped[0].source == f"text ({len(text):,} characters) at index 0"
    assert "base64.b64decode(text)" in kept.skipped[0].reason
    assert text[:30] not in kept.skipped[0].reason


def test_contrast_beside_the_central_square_does_not_count(model: Model) -> None:
    wide = np.full((50, 150, 3), 90, np.uint8)
    wide[:, :40:2] = 255
    with pytest.raises(ImageError, match="contrast"):
        model.embed(wide)


@pytest.mark.parametrize("holder", [{"a": 1}, io.BytesIO(b"x")], ids=["mapping", "open file"])
def test_what_only_looks_like_several_pictures_is_refused(model: Model, holder: object) -> None:
    with pytest.raises(ImageError, match="pictures are not taken from a"):
        model.embed(holder)  # type: ignore[arg-type]  # the fault under test


def test_a_message_says_which_of_several(model: Model, pictures: list[Picture]) -> None:
    with pytest.raises(ImageError, match=r"bytes \(5 bytes\) at index 1 is not a picture"):
        model.embed([pictures[0], b"hello"])


def test_a_model_survives_pickling(model: Model, pictures: list[Picture]) -> None:
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    assert again.card == model.card
    assert again.fingerprint == model.fingerprint
    np.testing.assert_array_equal(again.embed(pictures).values, model.embed(pictures).values)


def test_several_threads_may_use_a_model(model: Model, pictures: list[Picture]) -> None:
    expected = model.embed(pictures).values
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: model.embed(pictures).values, range(8)))
    for values in results:
        np.testing.assert_array_equal(values, expected)


def test_repr_says_what_it_is_in_a_line(model: Model) -> None:
    assert "nn4.small2" in repr(model)
    assert len(repr(model)) < 500


def holders(tensor: npt.NDArray[np.float32]) -> dict[str, tuple[Any, Callable[[], object]]]:
    """A tensor of 64 numbers in memory that can be changed, and what changes it."""
    base = np.stack([tensor, tensor])
    view = base[1]
    view.flags.writeable = False
    owner = tensor.copy()
    owner.flags.writeable = False

    def unlock() -> None:
        owner.flags.writeable = True
        owner[:] = 9

    text = bytearray(tensor.tobytes())
    mapped = mmap.mmap(-1, len(text))
    mapped[:] = bytes(text)
    of_map = np.frombuffer(memoryview(mapped).toreadonly(), np.float32)
    strided = np.lib.stride_tricks.as_strided(base[1], writeable=False)
    return {
        "array": (base[1], lambda: base.fill(9)),
        "view": (view, lambda: base.fill(9)),
        "broadcast": (np.broadcast_to(view, view.shape), lambda: base.fill(9)),
        "as strided": (strided, lambda: base.fill(9)),
        "flag": (owner, unlock),
        "view of flag": (owner[:], unlock),
        "bytearray": (
            np.frombuffer(memoryview(text).toreadonly(), np.float32),
            lambda: text.__setitem__(slice(None), b"@" * len(text)),
        ),
        "mmap": (of_map, lambda: mapped.__setitem__(slice(None), b"@" * len(text))),
    }


@pytest.mark.parametrize("holder", holders(np.zeros(64, np.float32)))
@pytest.mark.parametrize("when", ["before it is used", "after"])
def test_nothing_that_happens_to_given_arrays_changes_a_model(holder: str, when: str) -> None:
    build = Builder("tiny", (8, 8, 3))
    x = build.add("conv", Convolution(64, size=3), build.input)
    x = build.add("largest", PReLU(), x)  # a layer that no operation of a plan replaces
    build.add("unit", L2Normalize(), build.add("mean", GlobalAveragePool(), x))
    network = build.network()
    parameters = network.initialise(18)
    pictures = np.random.default_rng(18).random((1, 8, 8, 3), np.float32)
    own_card = Card("tiny", None, 64, 8, "unit", None, "drawn", "none")
    known = Model(network, parameters, own_card)
    expected, fingerprint = known.plan.run(pictures), known.fingerprint
    for name in (("conv", "bias"), ("largest", "alpha")):
        given, change = holders(parameters[name])[holder]
        model = Model(network, {**parameters, name: given}, own_card)
        plan = Plan(network, {**parameters, name: given})
        if when == "after":
            assert model.fingerprint == fingerprint
            assert np.array_equal(sole(model.plan.run(pictures)), sole(expected))
        change()
        assert not np.array_equal(given, parameters[name])
        assert model.fingerprint == fingerprint
        np.testing.assert_array_equal(model.plan.run(pictures), expected)
        np.testing.assert_array_equal(plan.run(pictures), expected)
        np.testing.assert_array_equal(
            network.forward(model.parameters, pictures), network.forward(parameters, pictures)
        )
        own: Any = model.parameters[name]
        for tensor in (own, own.base):
            with pytest.raises((ValueError, AttributeError)):
                tensor.flags.writeable = True


def test_a_models_own_parameters_are_not_copied_again(network: Network) -> None:
    model = Model(network, network.initialise(5), card())
    for other in (Model(network, model.parameters, card()), copy.copy(model)):
        assert all(other.parameters[name] is model.parameters[name] for name in model.parameters)


def test_loading_and_compiling_and_what_is_skipped_are_logged(
    drawn_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "npfacenet"):
        loaded = npfacenet.load(drawn_file)
        noise = np.random.default_rng(18).integers(0, 256, (96, 96, 3), np.uint8)
        loaded.embed([b"no picture", noise], on_error="skip")
        loaded.parameters["bn1", "beta"]
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    events = [(level, text.split()[0]) for level, text in said]
    assert (events[0], events[-1]) == (("INFO", "loaded"), ("INFO", "reading"))
    # Two threads are at work, either of which may be the first to say what it does.
    assert sorted(events[1:-1]) == [("INFO", "compiled"), ("WARNING", "skipped")]
    assert "nn4.small2" in said[0][1]
    assert "drawn.h5" in said[0][1]
    assert any("bytes (10 bytes) at index 0" in text for _, text in said[1:-1])


def test_a_repr_is_short_and_forces_no_work(network: Network, drawn_file: Path) -> None:
    people = tuple(f"person {i}" for i in range(5000))
    trained = dataclasses.replace(card(), trained_on=people)
    fresh = Model(network, network.initialise(5), trained)
    assert "fingerprint" not in repr(fresh)
    for one in (fresh, trained, network, fresh.plan, npfacenet.load(drawn_file)):
        assert len(repr(one)) < 500
    assert "nn4.small2" in repr(fresh.plan)
    assert f"fingerprint {npfacenet.load(drawn_file).fingerprint[:12]}" in repr(
        npfacenet.load(drawn_file)
    )
    assert fresh.fingerprint[:12] in repr(fresh)
