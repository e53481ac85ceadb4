"""`enrol`, `gallery`, and what compares with a gallery, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from npfacenet.commands.main import main
from npfacenet.gallery import Gallery
from npfacenet.samples import conditions, photograph
from npfacenet.samples.photograph import Figure

Told = pytest.CaptureFixture[str]


def draw(path: Path, person: int, picture: int) -> Path:
    figure = Figure(person, 120, 110, 90, conditions(9 * person + picture))
    drawn = photograph([figure], width=240, height=240, background=picture)
    Image.fromarray(drawn.picture).save(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    for person in (1, 2):
        (folder / "people" / f"p{person}").mkdir(parents=True)
        for picture in (0, 1):
            draw(folder / "people" / f"p{person}" / f"{picture}.png", person, picture)
        draw(folder / f"door{person}.png", person, 2)
    draw(folder / "stranger.png", 5, 2)
    return folder


@pytest.fixture
def office(folder: Path, tmp_path: Path, capsys: Told) -> str:
    gallery = str(tmp_path / "office.gallery")
    assert main(["enrol", "--folder", str(folder / "people"), "--gallery", gallery]) == 0
    assert capsys.readouterr().out.startswith("enrolled 4 pictures of 2 people in ")
    return gallery


def said(capsys: Told, *words: object, code: int = 0) -> str:
    assert main([str(word) for word in words]) == code
    told = capsys.readouterr()
    return told.err if code == 2 else told.out


def test_the_same_command_goes_on(folder: Path, office: str, capsys: Told) -> None:
    told = said(capsys, "enrol", "--folder", folder / "people", "--gallery", office)
    assert "4 were there already" in told
    one = said(capsys, "enrol", "p1", folder / "door1.png", "--gallery", office, "--json")
    assert json.loads(one)["enrolled"] == {"p1": 1}


def test_who_is_it_and_is_this_her(folder: Path, office: str, capsys: Told) -> None:
    doors = [folder / "door1.png", folder / "door2.png"]
    told = said(capsys, "identify", *doors, "--gallery", office, "--threshold", 0.9)
    assert [line.split(": match: ")[1][:2] for line in told.splitlines()[:2]] == ["p1", "p2"]
    claim = ("--gallery", office, "--threshold", 0.9, "--json", "--claim")
    right = json.loads(said(capsys, "verify", doors[0], *claim, "p1"))
    assert (right["same"], right["claim"]) == (True, "p1")
    assert not json.loads(said(capsys, "verify", doors[0], *claim, "p2", code=1))["same"]
    assert "nobody in the gallery is called 'p9'" in said(
        capsys, "verify", doors[0], *claim, "p9", code=2
    )


def test_a_folder_and_a_file_of_embeddings_serve_too(
    folder: Path, office: str, tmp_path: Path, capsys: Told
) -> None:
    people = folder / "people"
    said(capsys, "embed", *sorted(people.glob("*/*.png")), "-o", tmp_path / "e.npz")
    told = [
        said(capsys, "identify", folder / "door1.png", "--gallery", known, "--threshold", 0.9)
        for known in (office, people, tmp_path / "e.npz")
    ]
    assert told[0] == told[1] == told[2]
    assert told[0].startswith("match: p1")


def test_several_pictures_on_either_side(folder: Path, capsys: Told) -> None:
    hers, door = sorted((folder / "people/p1").iterdir()), folder / "door1.png"
    by = {
        by: json.loads(
            said(capsys, "verify", door, "--with", *hers, "--by", by, "--threshold", 1, "--json")
        )["distance"]
        for by in ("best", "mean")
    }
    alone = [
        json.loads(said(capsys, "verify", door, one, "--threshold", 1, "--json"))["distance"]
        for one in hers
    ]
    assert by["best"] == pytest.approx(min(alone), abs=1e-5)
    assert by["mean"] < max(alone)
    assert "two pictures are compared, not 3" in said(capsys, "verify", door, *hers, code=2)
    assert "a claim needs a gallery" in said(capsys, "verify", door, "--claim", "p1", code=2)


def test_looking_after_people(office: str, tmp_path: Path, capsys: Told) -> None:
    at = ("--gallery", office)
    assert "2 people, 4 embeddings" in said(capsys, "gallery", "list", *at)
    assert "0.png" in said(capsys, "gallery", "show", "p1", *at)
    assert said(capsys, "gallery", "rename", "p1", "Zoë", *at) == "p1 is called Zoë now\n"
    assert said(capsys, "gallery", "merge", "p2", "Zoë", *at).endswith("one person now\n")
    assert json.loads(said(capsys, "gallery", "show", "p2", *at, "--json"))["references"]
    assert said(capsys, "gallery", "check", *at) == "the gallery is whole\n"
    said(capsys, "gallery", "export", tmp_path / "all.jsonl", *at)
    other = ("--gallery", tmp_path / "other.gallery")
    assert "1 person" in said(capsys, "gallery", "import", tmp_path / "all.jsonl", *other)
    assert json.loads(said(capsys, "gallery", "list", *other, "--json"))["people"] == {"Zoë": 4}
    removed = json.loads(said(capsys, "gallery", "remove", "Zoë", *at, "--json"))
    assert removed == {"gallery": office, "name": "Zoë", "embeddings": 4, "erased": True}
    assert "nobody in the gallery is called" in said(capsys, "gallery", "show", "Zoë", *at, code=2)


def test_corrections_and_another_model(folder: Path, office: str, capsys: Told) -> None:
    at, door = ("--gallery", office), folder / "door1.png"
    assert "does not show p1" in said(capsys, "gallery", "deny", "p1", door, *at)
    told = said(capsys, "identify", door, *at, "--threshold", 0.9, code=1)
    assert told.startswith("unknown: no match")
    claim = ("verify", door, "--claim", "p1", *at, "--threshold", 0.9)
    assert "a picture that does not show p1, as somebody said" in said(capsys, *claim, code=1)
    assert json.loads(said(capsys, *claim, "--json", code=1))["denied"] is True
    told = said(capsys, "enrol", "p1", door, *at, code=1)  # nor is it enrolled
    assert "of which somebody said that it does not show the person" in told
    assert "5 pictures are not kept" in said(
        capsys, "gallery", "reenrol", *at, "--no-detect", code=2
    )
    assert "5 pictures embedded anew" in said(
        capsys, "gallery", "reenrol", *at, "--no-detect", "--folder", folder
    )
    assert "prepared differently" in said(capsys, "identify", door, *at, code=2)
    again = said(capsys, "identify", door, *at, "--no-detect", "--threshold", 0.9, code=1)
    assert again.startswith("unknown: no match")  # still not p1


def test_what_is_not_a_gallery(folder: Path, tmp_path: Path, capsys: Told) -> None:
    door = folder / "door1.png"
    assert "there is no gallery" in said(
        capsys, "identify", door, "--gallery", tmp_path / "missing", code=2
    )
    assert "is not a gallery; it was not touched" in said(
        capsys, "identify", door, "--gallery", door, code=2
    )
    assert "a gallery is a file" in said(
        capsys, "gallery", "list", "--gallery", folder / "people", code=2
    )
    assert "name a person and photographs, or a folder" in said(
        capsys, "enrol", "--gallery", tmp_path / "g", code=2
    )
    assert not (tmp_path / "g").exists()


def test_a_refused_picture_is_explained(folder: Path, tmp_path: Path, capsys: Told) -> None:
    with Image.open(folder / "door1.png") as image:
        image.filter(ImageFilter.GaussianBlur(3)).save(tmp_path / "soft.png")
    gallery = tmp_path / "g"
    told = said(capsys, "enrol", "p1", tmp_path / "soft.png", "--gallery", gallery, code=1)
    assert "refused" in told
    assert "the face is blurred: its sharpness is 0." in told
    with Gallery.open(gallery) as known:
        assert len(known) == 0


def test_json_has_facts_and_no_sentences(
    folder: Path, office: str, tmp_path: Path, capsys: Told
) -> None:
    at = ("--gallery", office, "--json")

    def found(*words: object) -> object:
        return json.loads(said(capsys, "gallery", *words, *at))

    known = {"gallery": office}
    out, door = str(tmp_path / "out.jsonl"), folder / "door2.png"
    assert found("rename", "p1", "anna") == known | {"name": "p1", "new": "anna"}
    assert found("deny", "anna", door) == known | {"name": "anna", "count": 1}
    assert found("export", out, "--name", "anna") == known | {"file": out, "count": 1}
    assert "p2" not in Path(out).read_text("utf-8").replace(str(folder), "")
    assert found("import", out) == known | {"file": out, "count": 1}
    assert found("merge", "p2", "anna") == known | {"name": "p2", "into": "anna"}
    assert found("check") == known | {"faults": []}
    shown = found("show", "p2")
    assert isinstance(shown, dict)
    assert (shown["name"], shown["other_names"], len(shown["references"])) == ("anna", ["p2"], 4)
    assert [one["source"] for one in shown["does_not_show"]] == [str(door)]
    told = said(capsys, "gallery", "show", "anna", "--gallery", office)
    assert "also called p2" in told
    assert f"not shown: {door}" in told


def test_what_changes_nothing_serves_where_nothing_can_be_written(
    folder: Path, office: str, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []
    opening = Gallery.open.__func__  # type: ignore[attr-defined]

    def noting(kind: type[Gallery], /, path: Path, **how: bool) -> Gallery:
        opened.append(how.get("read_only", False))
        gallery: Gallery = opening(kind, path, **how)
        return gallery

    monkeypatch.setattr(Gallery, "open", classmethod(noting))
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != Path(office).parent)
    at = ("--gallery", office)
    said(capsys, "gallery", "list", *at)
    said(capsys, "gallery", "show", "p1", *at)
    said(capsys, "gallery", "check", *at)
    said(capsys, "gallery", "export", tmp_path / "out.jsonl", *at)
    said(capsys, "identify", folder / "door1.png", *at, "--threshold", 0.9)
    assert opened == [True] * 5
    said(capsys, "gallery", "rename", "p1", "anna", *at)
    assert opened[-1] is False


def test_nobody_is_enrolled(folder: Path, tmp_path: Path, capsys: Told) -> None:
    Gallery.open(tmp_path / "g").close()
    told = said(capsys, "identify", folder / "door1.png", "--gallery", tmp_path / "g", code=2)
    assert "error: nobody is enrolled in" in told


def test_identify_by_the_mean(folder: Path, office: str, capsys: Told) -> None:
    at = ("identify", folder / "door1.png", "--gallery", office, "--threshold", 0.9, "--json")
    best, mean = (
        json.loads(said(capsys, *at, *by))["candidates"][0]["distance"]
        for by in ((), ("--by", "mean"))
    )
    assert best != mean


def test_pictures_beside_folders_are_called_after_their_files(
    folder: Path, tmp_path: Path, capsys: Told
) -> None:
    people = tmp_path / "people"
    people.mkdir()
    (people / "p2").symlink_to(folder / "people" / "p2")
    draw(people / "p1.png", 1, 0)
    said(capsys, "embed", people / "p1.png", people / "p2" / "0.png", "-o", tmp_path / "e.npz")
    at = ("--gallery", tmp_path / "e.npz", "--threshold", 0.9)
    told = said(capsys, "identify", folder / "door1.png", folder / "door2.png", *at)
    assert [line.split(": match: ")[1][:2] for line in told.splitlines()[:2]] == ["p1", "p2"]
