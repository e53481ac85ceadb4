"""`npfacenet embed` of very many pictures: in parts, so that a stopped command goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import npfacenet
from npfacenet.commands import embedding_parts
from npfacenet.commands.main import main
from npfacenet.models import Embeddings, Model
from npfacenet.samples import picture


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(embedding_parts, "PICTURES", 4)
    monkeypatch.setattr("npfacenet.commands.embed.PICTURES", 4)
    folder = tmp_path / "archive"
    (folder / "below").mkdir(parents=True)
    for i in range(10):
        place = folder / "below" if i > 6 else folder
        Image.fromarray(picture(i, 2)).save(place / f"{i:02}.png")
    (folder / "05.png").write_bytes(b"\x89PNG\r\n\x1a\n")  # damaged
    (folder / "notes.txt").write_text("no picture", "utf-8")
    return folder


def words(folder: Path, target: Path) -> list[str]:
    return ["embed", str(folder), "-o", str(target), "--no-detect", "--skip-errors"]


def test_parts_give_what_one_call_gives(folder: Path, tmp_path: Path) -> None:
    assert main(words(folder, tmp_path / "e.npz")) == 0
    found = Embeddings.load(tmp_path / "e.npz")
    sources = embedding_parts.pictures_in([str(folder)])
    assert [Path(source).name for source in sources] == [f"{i:02}.png" for i in range(10)]
    whole = npfacenet.load().embed(sources, detect=False, on_error="skip")
    np.testing.assert_allclose(found.values, whole.values, atol=1e-5)
    assert (found.sources, found.positions) == (whole.sources, whole.positions)
    assert [(s.source, s.position) for s in found.skipped] == [(sources[5], 5)]
    assert found.made_by == whole.made_by
    assert sorted(p.name for p in tmp_path.iterdir()) == ["archive", "e.npz"]


def stop_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Interrupt the second call of `Model.embed`; return how many pictures each call gets."""
    embed, calls = Model.embed, list[int]()

    def stopping(self: Model, images: list[str], **options: object) -> Embeddings:
        calls.append(len(images))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return embed(self, images, **options)  # type: ignore[arg-type]  # as they were given

    monkeypatch.setattr(Model, "embed", stopping)
    return calls


def test_a_stopped_command_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = stop_once(monkeypatch)
    assert main(words(folder, tmp_path / "e.npz")) == 130
    assert not (tmp_path / "e.npz").exists()
    assert main(words(folder, tmp_path / "e.npz")) == 0
    assert calls == [4, 4, 4, 2]  # the first part is not embedded again
    assert len(Embeddings.load(tmp_path / "e.npz")) == 9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["archive", "e.npz"]


def test_a_picture_that_was_replaced_is_embedded_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_once(monkeypatch)
    assert main(words(folder, tmp_path / "e.npz")) == 130
    Image.fromarray(picture(77, 2)).save(folder / "00.png")
    assert main(words(folder, tmp_path / "e.npz")) == 0
    expected = npfacenet.load().embed([folder / "00.png"], detect=False)
    found = Embeddings.load(tmp_path / "e.npz")
    np.testing.assert_allclose(found[0].values, expected.values, atol=1e-5)


def test_a_folder_without_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(words(tmp_path / "empty", tmp_path / "e.npz")) == 2
    assert "holds no picture" in capsys.readouterr().err
