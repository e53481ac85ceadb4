"""Folders of identities, the store of their pictures, and the batches that are fed from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from npfacenet.errors import ImageError, TrainingError
from npfacenet.images import central_square, centre_crop, preprocessing, read, resize
from npfacenet.training import Augmentation, IdentityFolder
from npfacenet.training.picture_batches import PictureBatches
from npfacenet.training.picture_store import PictureStore
from npfacenet.training.sampling import IdentitySampler

Picture = npt.NDArray[np.uint8]
NONE = Augmentation.none()
# Width and height: wide, tall, square, by odd and even differences, hardly larger than the crop.
SIZES = ((31, 20), (20, 33), (24, 24), (25, 40), (19, 18), (17, 64), (200, 150))


def draw(path: Path, width: int = 12, height: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(str(path.name).encode()) + 1000 * width + height)
    PIL.Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cleo/2.png", "cleo/1.png", "anna/b.png", "anna/a.png", "anna/c.png", "bert.png"):
        draw(tmp_path / name)
    (tmp_path / "anna" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    home = tmp_path_factory.mktemp("sizes")
    return [draw(home / f"{i}.png", *size) for i, size in enumerate(SIZES)]


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def shown(folder: IdentityFolder) -> list[tuple[str, str]]:
    """Each picture with the name that its label says."""
    return [(folder.names[n], p.name) for n, p in zip(folder.labels, folder.paths, strict=True)]


def test_every_picture_has_its_persons_label(folder: Path) -> None:
    found = IdentityFolder.of(folder)
    assert found.names == ("anna", "bert", "cleo")
    assert shown(found) == [
        ("anna", "a.png"),
        ("anna", "b.png"),
        ("anna", "c.png"),
        ("bert", "bert.png"),
        ("cleo", "1.png"),
        ("cleo", "2.png"),
    ]
    assert IdentityFolder.of(str(folder)) == found


def test_a_subset_is_numbered_anew_in_its_order(folder: Path) -> None:
    some = IdentityFolder.of(folder).subset([2, 0])
    assert some.names == ("cleo", "anna")
    assert sorted(shown(some)) == [
        ("anna", "a.png"),
        ("anna", "b.png"),
        ("anna", "c.png"),
        ("cleo", "1.png"),
        ("cleo", "2.png"),
    ]
    assert set(some.labels) == {0, 1}
    assert IdentityFolder.of(folder).subset([]) == IdentityFolder((), (), ())


def test_only_some_people_in_any_order(folder: Path) -> None:
    whole = IdentityFolder.of(folder)
    assert IdentityFolder.of(folder, only=["cleo", "anna", "cleo"]) == whole.subset([0, 2])
    with pytest.raises(TrainingError, match="no pictures of 2 of 3 people, the first: 'zoe'"):
        IdentityFolder.of(folder, only=["zoe", "anna", "dora"])


def test_a_folder_of_nobody_is_refused(tmp_path: Path) -> None:
    for bad in (tmp_path, tmp_path / "absent"):
        with pytest.raises(TrainingError, match=r"to train, it should hold NAME/\*.jpg"):
            IdentityFolder.of(bad)


@pytest.mark.parametrize("memory", [0, 5000, 1 << 29])
@pytest.mark.parametrize("crop", [None, 17, 16, 1])
def test_plain_pictures_are_the_files_cropped(
    crop: int | None, memory: int, sizes: list[Path]
) -> None:
    store = PictureStore(sizes, crop, size=50, memory=memory)
    for _ in range(2):  # the second time perhaps from memory
        for index, path in enumerate(sizes):
            whole = read(path)
            wanted = central_square(whole) if crop is None else centre_crop(whole, crop)
            np.testing.assert_array_equal(store.plain(index), wanted)


@pytest.mark.parametrize("memory", [0, 1 << 29])
@pytest.mark.parametrize("crop", [None, 17, 16])
def test_unmoved_views_are_the_plain_pictures_resized(
    crop: int | None, memory: int, sizes: list[Path]
) -> None:
    store = PictureStore(sizes, crop, size=14, memory=memory)
    for index in range(len(sizes)):
        wanted = resize(store.plain(index), 14, "bilinear")
        np.testing.assert_array_equal(store.view(index, NONE, rng_of(0)), wanted)


@pytest.mark.parametrize("crop", [None, 16])
def test_views_do_not_depend_on_what_is_kept(crop: int | None, sizes: list[Path]) -> None:
    none, all_, read_first = (PictureStore(sizes, crop, 8, memory) for memory in (0, 1 << 29, 9000))
    read_first.read_all()
    for index in (3, 0, 6, 6, 1, 3, 5, 2, 4):
        views = [s.view(index, Augmentation(), rng_of(index)) for s in (none, all_, read_first)]
        np.testing.assert_array_equal(views[0], views[1])
        np.testing.assert_array_equal(views[0], views[2])
        assert views[0].shape == (8, 8, 3)


def test_a_moved_view_shows_what_lies_beyond_the_crop(tmp_path: Path) -> None:
    image = np.full((60, 60, 3), 200, np.uint8)
    image[20:40, 20:40] = 10
    PIL.Image.fromarray(image).save(tmp_path / "dark.png")
    store = PictureStore([tmp_path / "dark.png"], 20, 20)
    assert (store.view(0, NONE, rng_of(0)) == 10).all()
    shifted = Augmentation(0, 0.2, 0, 0, 0, 0, blur=0, jpeg=0, erase=0)
    assert (store.view(0, shifted, rng_of(0)) > 150).any()


def test_a_very_large_picture_is_kept_smaller(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.arange(300), np.arange(260))
    image = np.stack([x * 0.8, y * 0.9, x * 0.4 + y * 0.4], -1).astype(np.uint8)
    PIL.Image.fromarray(image).save(tmp_path / "large.png")
    store = PictureStore([tmp_path / "large.png"], None, 16)
    wanted = resize(central_square(image), 16, "bilinear")
    found = store.view(0, NONE, rng_of(0))
    assert np.abs(found.astype(int) - wanted).max() <= 3


def test_what_is_kept_stays_within_the_memory(sizes: list[Path]) -> None:
    for memory in (0, 3000, 12_000):
        store = PictureStore(sizes, None, 50, memory)
        store.read_all()
        assert sum(picture.nbytes for picture in store._kept.values()) <= memory
        assert bool(store._kept) == bool(memory)


def test_a_kept_picture_is_not_read_again(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png")
    store = PictureStore([path], None, 12)
    store.read_all()
    before = store.plain(0).copy()
    path.unlink()
    np.testing.assert_array_equal(store.plain(0), before)


def test_all_broken_pictures_are_counted_before_the_run(tmp_path: Path) -> None:
    paths = [draw(tmp_path / f"{i}.png") for i in range(5)]
    paths[1].write_bytes(paths[1].read_bytes()[:50])
    paths[3].write_text("no picture at all")
    paths[4].unlink()
    told: list[tuple[str, int, int | None]] = []
    with pytest.raises(TrainingError, match=r"3 of 5 pictures cannot be used: .*1\.png.*repair"):
        PictureStore(paths, None, 8).read_all(lambda *report: told.append(report))
    assert told == [("reading pictures", i, 5) for i in range(1, 6)]


def test_a_picture_too_small_for_the_crop_is_named(tmp_path: Path) -> None:
    paths = [draw(tmp_path / "right.png", 20, 20), draw(tmp_path / "small.png", 30, 19)]
    store = PictureStore(paths, 20, 8)
    with pytest.raises(TrainingError, match=r"1 of 2 .*small\.png has 30x19 pixels.* 20 a side"):
        store.read_all()
    with pytest.raises(ImageError, match=r"small\.png"):
        store.view(1, NONE, rng_of(0))


def feed_of(folder: Path, augmentation: Augmentation, seed: int = 5) -> PictureBatches:
    people = IdentityFolder.of(folder)
    store = PictureStore(people.paths, None, 10)
    sampler = IdentitySampler(people.labels, 2, 2, 1, seed)
    return PictureBatches(store, sampler, augmentation, 6, preprocessing("unit"), seed)


def test_a_batch_is_views_and_labels_of_what_was_sampled(folder: Path) -> None:
    feed = feed_of(folder, NONE)
    batch, chosen = feed.batch(4), feed.sampler.batch(4)
    views = [resize(resize(feed.store.plain(i), 10, "bilinear"), 6, "bilinear") for i in chosen]
    assert batch.images.dtype == np.float32
    np.testing.assert_allclose(batch.images, np.stack(views) / 255, atol=1e-6)
    np.testing.assert_array_equal(batch.identities, np.array(feed.sampler.labels)[chosen])
    assert batch.teacher is None


def test_batches_come_in_order_and_follow_from_their_number(folder: Path) -> None:
    fed = list(feed_of(folder, Augmentation()).batches(3, 9))
    assert len(fed) == 6
    for number, batch in reversed(list(enumerate(fed, 3))):
        alone = feed_of(folder, Augmentation()).batch(number)
        np.testing.assert_array_equal(batch.images, alone.images)
        np.testing.assert_array_equal(batch.identities, alone.identities)
    assert not np.array_equal(fed[0].images, feed_of(folder, Augmentation(), 6).batch(3).images)


def test_views_differ_with_the_seed_and_from_batch_to_batch(folder: Path) -> None:
    feed = replace(
        feed_of(folder, Augmentation()), sampler=IdentitySampler((0, 0, 0, 1, 2, 2), 3, 1, 1)
    )
    first = feed.batch(0)
    assert not np.array_equal(replace(feed, seed=6).batch(0).images, first.images)
    chosen = feed.sampler.batch(0)
    again = next(n for n in range(1, 1000) if np.array_equal(feed.sampler.batch(n), chosen))
    for one, other in zip(first.images, feed.batch(again).images, strict=True):
        assert not np.array_equal(one, other)


@pytest.mark.parametrize(("start", "stop", "count"), [(0, 1, 1), (7, 9, 2), (5, 5, 0), (6, 5, 0)])
def test_a_feed_ends_where_it_should(folder: Path, start: int, stop: int, count: int) -> None:
    assert len(list(feed_of(folder, NONE).batches(start, stop))) == count


def test_whoever_stops_early_may(folder: Path) -> None:
    batches = feed_of(folder, NONE).batches(0, 1000)
    next(batches)
    batches.close()  # type: ignore[attr-defined]  # a generator


def test_a_picture_without_contrast_is_found_before_a_run_and_left_out(
    folder: Path, tmp_path: Path
) -> None:
    flat = tmp_path / "anna" / "flat.png"
    PIL.Image.new("RGB", (700, 500), (90, 80, 70)).save(flat)
    people = IdentityFolder.of(folder)
    with pytest.raises(TrainingError, match=r"1 of 7 .*flat\.png' has a contrast of 0\.00"):
        PictureStore(people.paths, None, 8).read_all()
    left = people.readable(None)
    assert [skipped.source for skipped in left.skipped if "contrast" in skipped.reason] == [
        str(flat)
    ]
    assert shown(left) == [pair for pair in shown(people) if pair[1] != "flat.png"]
    PictureStore(left.paths, None, 8).read_all()


def test_contrast_is_looked_for_in_what_is_cropped(tmp_path: Path) -> None:
    """A black middle in a lively frame is black to the network, which is shown the middle."""
    rng = np.random.default_rng(0)
    framed = rng.integers(0, 256, (60, 60, 3), np.uint8)
    framed[15:45, 15:45] = 0
    PIL.Image.fromarray(framed).save(tmp_path / "framed.png")
    paths = [draw(tmp_path / "right.png", 60, 60), tmp_path / "framed.png"]
    PictureStore(paths, None, 8).read_all()
    with pytest.raises(TrainingError, match=r"1 of 2 .*framed\.png' has a contrast of 0\.00"):
        PictureStore(paths, 30, 8).read_all()
