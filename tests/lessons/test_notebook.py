"""The lessons run from their first cell to their last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import npfacenet

LESSONS = Path(npfacenet.__file__).parent / "lessons"


def printed(notebook: nbformat.NotebookNode) -> str:
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


def test_the_assignment_runs(
    inception_resnet_file: Path, course_pictures: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("NPFACENET_COURSE_IMAGES", str(course_pictures))
    monkeypatch.setenv("NPFACENET_COURSE_MODEL", str(inception_resnet_file))
    notebook = nbformat.read(LESSONS / "face_recognition_2021.ipynb", as_version=4)  # type: ignore[no-untyped-call]  # untyped
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    text = printed(notebook)
    for sentence in (
        "It's younes, welcome in!",
        "It's not kian, please go away",
        "it's bertrand, the distance is 0.5",
        "Not in the database.",
        "let in, wrongly, as arnaud 1.079",
        "pairs of different people within 1.115: 12 of 66",
        "FMR here 0.18, so FPIR about 0.91; the card's 0.01: 0.11",
        "closest pair: ('benoit', 'dan'), 0.753; at most 0.15 of strangers let in",
        "younes 0.583 margin 0.496",
        "not enrolled: None - nearest: Candidate(name='arnaud'",
        "strangers let in, of 5: {'1:1': 5, '1:K': 2}",
    ):
        assert sentence in text


def test_lessons_carry_no_outputs() -> None:
    for path in LESSONS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # untyped
        nbformat.validate(notebook)
        assert printed(notebook) == ""
