"""Exported and imported again, a gallery is what it was."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import npfacenet
from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import EmbeddingError, FingerprintError, GalleryError, OutputError
from npfacenet.faces.choice import ChosenFace
from npfacenet.gallery import Gallery, json_export, json_import
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.models import Embeddings

NAMES = st.text(st.characters(), min_size=1, max_size=8).filter(str.strip)  # surrogates too


def drawn(seed: int, people: dict[str, int], fingerprint: str | None = "a" * 64) -> Gallery:
    rng, gallery = np.random.default_rng(seed), Gallery()
    face = ChosenFace((1.1, 2.2, 3.3, 4.4), ((0.1, 0.2), (1 / 3, 2.0)), 0.7, 1, 3)
    for name, count in people.items():
        gallery.add(
            name,
            Embeddings(
                rng.standard_normal((count, 5)).astype(np.float32), fingerprint,
                Threshold(0.9, "drawn"), tuple(f"{i}.jpg" for i in range(count)),
                faces=(face,) * count, preparation=Preparation("finder", "npfacenet"),
            ),
        )  # fmt: skip
    return gallery


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.dictionaries(NAMES, st.integers(1, 3), max_size=4))
def test_a_round_trip_keeps_everything(seed: int, people: dict[str, int]) -> None:
    gallery = drawn(seed, people)
    for name in list(gallery)[:1]:
        known = gallery[name]
        gallery.not_this_person(name, replace(known, values=-known.values))
    if len(gallery) > 2:
        gallery.merge(gallery.people[1], gallery.people[2])
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "people.jsonl", Gallery()
        assert gallery.export(path) == len(gallery)
        assert again.take_in(path) == gallery.people
        assert again.take_in(path) == gallery.people  # and nothing is there twice
        again.export(other := Path(folder) / "again.jsonl")
        assert other.read_bytes() == path.read_bytes()
    assert again.as_json() == gallery.as_json()
    for name in gallery:
        np.testing.assert_array_equal(again[name].values, gallery[name].values)
        assert again[name].faces == gallery[name].faces
        assert again[name].sources == gallery[name].sources


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.dictionaries(NAMES, st.integers(1, 3), min_size=1, max_size=4))
def test_a_round_trip_through_arrays_keeps_names_and_embeddings(
    seed: int, people: dict[str, int]
) -> None:
    people = {name.rstrip("\0") or "x": count for name, count in people.items()}
    gallery = drawn(seed, people)
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "people.npz", Gallery()
        assert gallery.export(path) == len(gallery)
        assert path.stat().st_mode & 0o777 == 0o600
        assert again.take_in(path) == gallery.people
        assert again.take_in(path) == gallery.people  # and nothing is there twice
        loaded = Embeddings.load(path)
    assert again.as_json() == gallery.as_json()
    for name in gallery:
        np.testing.assert_array_equal(again[name].values, gallery[name].values)
        assert again[name].faces == gallery[name].faces
        assert again[name].sources == gallery[name].sources
    assert gallery.embeddings is not None
    np.testing.assert_array_equal(loaded.values, gallery.embeddings.values)


def test_arrays_of_one_person_and_of_nobody(tmp_path: Path) -> None:
    gallery = drawn(1, {"anna": 2, "bert": 1})
    assert gallery.export(tmp_path / "bert.npz", ["bert"]) == 1
    assert len(Embeddings.load(tmp_path / "bert.npz")) == 1
    assert b"a\0n\0n\0a" not in (tmp_path / "bert.npz").read_bytes().replace(b"\0\0", b"")
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        Gallery().export(tmp_path / "nobody.npz")
    with pytest.raises(EmbeddingError, match="cannot hold their names exactly"):
        drawn(1, {"anna\0": 1}).export(tmp_path / "nul.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["bert.npz"]


def test_embeddings_without_names_are_not_a_gallery(tmp_path: Path) -> None:
    embeddings = drawn(1, {"anna": 2})["anna"]
    embeddings.save(tmp_path / "pictures.npz")
    with pytest.raises(GalleryError, match="does not say whose its embeddings are"):
        Gallery().take_in(tmp_path / "pictures.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "pictures.npz").read_bytes()[:-9])
    with pytest.raises(EmbeddingError, match=r"cut\.npz"):
        Gallery().take_in(tmp_path / "cut.npz")


def test_one_persons_data_are_theirs_alone(tmp_path: Path) -> None:
    gallery = drawn(1, {"anna": 2, "bert": 1})
    assert gallery.export(tmp_path / "anna.jsonl", ["anna"]) == 1
    header, person = map(json.loads, (tmp_path / "anna.jsonl").read_text("utf-8").splitlines())
    assert header["made_by"]["fingerprint"] == "a" * 64
    assert (person["name"], len(person["references"])) == ("anna", 2)
    assert (tmp_path / "anna.jsonl").stat().st_mode & 0o777 == 0o600
    assert "bert" not in (tmp_path / "anna.jsonl").read_text("utf-8")
    with pytest.raises(GalleryError, match="nobody in the gallery is called 'carl'"):
        gallery.export(tmp_path / "carl.jsonl", ["carl"])
    assert not (tmp_path / "carl.jsonl").exists()


def test_another_models_people_are_refused(tmp_path: Path) -> None:
    drawn(1, {"anna": 2}).export(tmp_path / "people.jsonl")
    other = drawn(2, {"bert": 1}, "b" * 64)
    with pytest.raises(FingerprintError):
        other.take_in(tmp_path / "people.jsonl")
    assert other.people == ("bert",)


MADE_BY = b'{"numbers": 2, "fingerprint": null, "threshold": null, "preparation": null}'
HEADER = b'{"format": "npfacenet gallery", "version": 1, "made_by": ' + MADE_BY + b"}\n"
PERSON = (
    b'{"name": "a", "other_names": [], "references": [{"added": 1.0, "source": null, "face": null,'
    b' "quality": null, "digest": null, "embedding": [1, 0], "picture": null}],'
    b' "does_not_show": []}\n'
)


def test_what_is_written_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(HEADER + PERSON)
    gallery = Gallery()
    assert gallery.take_in(tmp_path / "p") == ("a",)


@pytest.mark.parametrize(
    "content",
    [
        b"x\n",
        b"[]\n",
        b"{}\n",
        HEADER[:-1],
        HEADER.replace(b'"version": 1', b'"version": 2'),
        HEADER.replace(b'"numbers": 2', b'"numbers": 1e9'),
        HEADER + PERSON[:-1],
        HEADER + PERSON + b"{}\n",
        HEADER + PERSON + PERSON.replace(b"[1, 0]", b"[1, NaN]"),
        HEADER + PERSON + PERSON.replace(b"[1, 0]", b"[1, 0, 2]"),
        HEADER + PERSON + PERSON.replace(b"[1, 0]", b'["a", 0]'),
        HEADER + PERSON + PERSON.replace(b'"name": "a"', b'"name": " "'),
        HEADER + PERSON + PERSON.replace(b'"added": 1.0', b'"added": "now"'),
        HEADER + PERSON + PERSON.replace(b'"face": null', b'"face": {"box": [1]}'),
        HEADER + PERSON + PERSON.replace(b'"picture": null', b'"picture": "%%%"'),
        HEADER + PERSON + PERSON.replace(b'"other_names": []', b'"other_names": 3'),
        HEADER.replace(MADE_BY, b"null") + PERSON,
        b"[" * 100_000 + b"\n",
    ],
)  # fmt: skip
def test_what_is_not_such_a_file_enrols_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    gallery = Gallery.of({"kept": [1.0, 0.0]})
    with pytest.raises(GalleryError, match=r"'.*p'"):
        gallery.take_in(tmp_path / "p")
    assert gallery.people == ("kept",)


def test_pictures_of_which_more_or_less_is_known(tmp_path: Path) -> None:
    face = ChosenFace((1.1, 2.2, 3.3, 4.4), ((0.1, 0.2),) * 5, 0.7, 1, 3)
    row, gallery, again = np.ones((1, 4), np.float32), Gallery(), Gallery()
    gallery.add("anna", Embeddings(row, sources=("a.jpg",), faces=(face,)))
    gallery.add("anna", np.eye(4))
    gallery.add("anna", Embeddings(row, sources=("b.jpg",)))
    gallery.not_this_person("anna", Embeddings(-row, sources=("c.jpg",)))
    gallery.not_this_person("anna", -np.eye(4))
    gallery.export(tmp_path / "a.jsonl")
    again.take_in(tmp_path / "a.jsonl")
    assert again.references("anna") == gallery.references("anna")
    assert again.stored_pictures().pictures == gallery.stored_pictures().pictures


def test_a_person_with_more_kept_pictures_than_a_line_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, again = Gallery(), Gallery()
    for i in range(9):
        one = Embeddings(np.full((1, 4), i, np.float32), sources=(f"{i}.jpg",))
        facts = PictureFacts(content=bytes(1000))
        gallery.add_pictures([NewPicture("anna", one, facts)])
        gallery.not_this_person("anna", replace(one, values=-one.values - 1), [facts])
    for module in (json_export, json_import):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 14)
    assert gallery.export(tmp_path / "a.jsonl") == 1
    assert again.take_in(tmp_path / "a.jsonl") == ("anna",)
    assert again.references("anna") == gallery.references("anna")
    assert again.stored_pictures().pictures == gallery.stored_pictures().pictures


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("references", 0, "face", "index"), "1e999"),
        (("references", 0, "face", "index"), "7"),
        (("references", 0, "face", "count"), "1.5"),
        (("references", 0, "face", "score"), "NaN"),
        (("references", 0, "face", "score"), "1e999"),
        (("references", 0, "face", "score"), "9" * 400),
        (("references", 0, "face", "box"), f"[{'9' * 400}, 0, 0, 0]"),
        (("references", 0, "face", "box"), '["1", "0", "0", "0"]'),
        (("references", 0, "face", "landmarks"), "[[NaN, 1]]"),
        (("references", 0, "embedding"), "[1e39, 0, 0, 0, 0]"),
        (("references", 0, "embedding"), '["1", "0", "0", "0", "0"]'),
        (("references", 0, "embedding"), f"[{'9' * 400}, 0, 0, 0, 0]"),
        (("references", 0, "added"), "1e300"),
        (("references", 0, "source"), "[1]"),
        (("references",), "[]"),
    ],
)
def test_numbers_that_cannot_be(tmp_path: Path, field: tuple[str | int, ...], value: str) -> None:
    path, gallery = tmp_path / "people.jsonl", Gallery()
    drawn(1, {"anna": 1}).export(path)
    header, line = path.read_text().splitlines()
    person = within = json.loads(line)
    for key in field[:-1]:
        within = within[key]
    within[field[-1]] = "HERE"
    damaged = json.dumps(person).replace('"HERE"', value)
    path.write_text(f"{header}\n{damaged}\n")
    with pytest.raises(GalleryError, match=r"line 2, is not|no embeddings of"):
        gallery.take_in(path)
    assert gallery.people == ()


def test_the_card_goes_along(tmp_path: Path) -> None:
    gallery, again = drawn(1, {"anna": 1}), Gallery()
    card = npfacenet.load().card
    gallery.add_pictures([], card)
    gallery.export(tmp_path / "a")
    again.take_in(tmp_path / "a")
    assert again.card == gallery.card
    assert again.card is not None
    assert again.as_json()["model"] == card.architecture


@pytest.mark.parametrize("name", ["g", "link", "hard", "g-wal", "./x/../g"])
def test_a_gallery_is_not_written_over_by_its_own_export(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add("anna", [1.0, 0.0])
        (tmp_path / "link").symlink_to("g")
        (tmp_path / "hard").hardlink_to(tmp_path / "g")
        with pytest.raises(OutputError, match="is the gallery itself, and would be overwritten"):
            gallery.export(tmp_path / name)
    with Gallery.open(tmp_path / "g") as again:
        assert again.people == ("anna",)


def test_names_to_export_are_a_list(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="are a list, not 'anna'"):
        drawn(1, {"anna": 1}).export(tmp_path / "a", "anna")


def test_what_was_enrolled_in_spite_of_a_correction_is_kept(tmp_path: Path) -> None:
    gallery, again = Gallery.of({"anna": [1.0, 0.0]}), Gallery()
    gallery.not_this_person("anna", [0.0, 1.0])
    gallery.add("anna", [0.0, 1.0])
    gallery.export(tmp_path / "a")
    again.take_in(tmp_path / "a")
    assert again.references("anna") == gallery.references("anna")
    assert len(again.denied("anna")) == 1


def test_no_gallery_is_overwritten(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g.npz") as gallery, Gallery.open(tmp_path / "other"):
        gallery.add("anna", [1.0, 0.0])
        for name in ("g.npz", "other"):
            with pytest.raises(OutputError, match="would be overwritten"):
                gallery.export(tmp_path / name)
    with Gallery.open(tmp_path / "g.npz") as again:
        assert again.people == ("anna",)


def test_people_who_are_one_there_and_two_here(tmp_path: Path) -> None:
    merged = drawn(1, {"annie": 1, "anna": 1})
    merged.merge("annie", "anna")
    merged.export(tmp_path / "people.jsonl")
    here = drawn(2, {"anna": 1, "annie": 1})
    with pytest.raises(GalleryError, match="'anna' and 'annie' are one person there, and two in"):
        here.take_in(tmp_path / "people.jsonl")
    assert here.as_json()["people"] == {"anna": 1, "annie": 1}
    here.merge("annie", "anna")
    here.take_in(tmp_path / "people.jsonl")
    assert here.as_json()["people"] == {"anna": 4}


def test_a_gallery_is_read_like_a_mapping() -> None:
    gallery = drawn(1, {"anna": 2, "bert": 1})
    again = Gallery.of(gallery)
    assert list(dict(gallery)) == list(again) == ["anna", "bert"]
    np.testing.assert_array_equal(again["anna"].values, dict(gallery)["anna"].values)
