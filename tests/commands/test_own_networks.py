"""`npfacenet train --fresh MODULE:FUNCTION`: networks that are in no catalogue."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawn_people import draw_people

import npfacenet
import npfacenet.commands.train
from npfacenet.commands.main import main
from npfacenet.commands.own_networks import own_recipe
from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.models.fresh import fresh_model
from npfacenet.recipes import Recipe, recipes
from npfacenet.training.run_folder import RunFolder

SHORT = ["--steps", "2", "--identities", "3", "--held-out", "0"]
MODULE = """
from npfacenet.layers import Convolution, Dense, GlobalAveragePool, L2Normalize, ReLU
from npfacenet.networks import Builder
from npfacenet.recipes import Recipe, nn4_small2

WIDTH = 8


def parts(shape=(24, 24, 3), name="mine", stride=2):
    build = Builder(name, shape)
    x = build.add("conv", Convolution(WIDTH, 3, stride), build.input)
    x = build.add("relu", ReLU(), x)
    x = build.add("average", GlobalAveragePool(), x)
    return build, build.add("dense", Dense(4), x)


def network():
    build, x = parts()
    build.add("embedding", L2Normalize(), x)
    return build.network()


def recipe():
    return Recipe("mine", "wide", 4, network, preprocessing="prewhiten")


def long():
    return parts()[0].network()


def two():
    build, x = parts()
    build.add("embedding", L2Normalize(), x)
    return build.network(outputs=["dense", "embedding"])


def oblong():
    build, x = parts((24, 20, 3))
    build.add("embedding", L2Normalize(), x)
    return build.network()


def grey():
    build, x = parts((24, 24, 1))
    build.add("embedding", L2Normalize(), x)
    return build.network()


def any_size():
    build, x = parts((None, None, 3))
    build.add("embedding", L2Normalize(), x)
    return build.network()


def maps():
    build = Builder("maps", (24, 24, 3))
    build.add("embedding", L2Normalize(), build.input)
    return build.network()


def detector():
    return Recipe("mine", None, 4, network, purpose="detection")


def miscounted():
    return Recipe("mine", None, 5, network)


def scaled_otherwise():
    return Recipe("mine", None, 4, network, preprocessing="cubed")


def taken():
    build, x = parts(name="nn4.small2")
    build.add("embedding", L2Normalize(), x)
    return build.network()


def nameless():
    build, x = parts(name="two\\nlines")
    build.add("embedding", L2Normalize(), x)
    return build.network()


def number():
    return 3


def builds_a_number():
    return Recipe("mine", None, 4, number)


def fails():
    raise KeyError("no such layer")


def leaves():
    raise SystemExit(1)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, in which the modules lie; none of them stays imported."""
    (tmp_path / "mine_in_here.py").write_text(MODULE)
    (tmp_path / "broken_in_here.py").write_text("import mine_in_here\n1 / 0\n")
    (tmp_path / "lacking_in_here.py").write_text("import a_module_that_is_missing\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # one test changes a module in a second
    monkeypatch.setattr(npfacenet.commands.train, "find_spec", lambda name: None)
    before, path = set(sys.modules), list(sys.path)
    yield tmp_path
    assert sys.path == path
    for name in set(sys.modules) - before:
        if name.endswith("_in_here"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"), people=4, pictures=3)


def train(people: Path, name: str, *more: str) -> int:
    return main(["train", str(people), "--run", "run", "--fresh", name, *SHORT, *more])


def test_a_network_of_ones_own_is_trained_and_resumed(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert train(people, "mine_in_here:network", "--json", "--seed", "5") == 0
    first = json.loads(capsys.readouterr().out)
    assert first["model"]["architecture"] == "mine"
    assert first["model"]["variant"] is None
    assert first["model"]["preprocessing"] == "fixed"
    record = json.loads(Path("run/configuration.json").read_text())
    assert record["about"]["fresh"] == "mine_in_here:network"
    assert record["about"]["fresh_from"] == str(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["train", "--resume", "../run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == first["model"]


def test_a_run_is_not_resumed_with_another_network(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(people, "mine_in_here:network") == 0
    capsys.readouterr()
    for before, now in (
        ('name="mine", stride=2', 'name="mine", stride=1'),  # its weights are the same
        ("WIDTH = 8", "WIDTH = 9"),
    ):
        assert before in MODULE
        (tmp_path / "mine_in_here.py").write_text(MODULE.replace(before, now))
        sys.modules.pop("mine_in_here", None)
        assert main(["train", "--resume", "run"]) == 2
        assert "began with another network" in capsys.readouterr().err


def test_an_older_record_without_the_network_is_resumed(people: Path) -> None:
    assert train(people, "mine_in_here:network") == 0
    path = Path("run/configuration.json")
    record = json.loads(path.read_text())
    del record["network"]
    path.write_text(json.dumps(record))
    assert main(["train", "--resume", "run"]) == 0
    path.write_text(json.dumps(record | {"network": "1"}))
    with pytest.raises(TrainingError, match="began with another network"):
        RunFolder("run").require_same(record | {"network": "0"})


def test_the_preprocessing_is_the_recipes_unless_it_is_stated(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(people, "mine_in_here:recipe", "--json") == 0
    model = json.loads(capsys.readouterr().out)["model"]
    assert (model["variant"], model["preprocessing"]) == ("wide", "prewhiten")
    again = ["--run", "other", "--fresh", "mine_in_here:network", "--preprocessing", "unit"]
    assert main(["train", str(people), *again, *SHORT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["preprocessing"] == "unit"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing_in_here:network", "there is no module 'missing_in_here', neither installed nor"),
        ("mine_in_here.below:network", "there is no module 'mine_in_here.below', neither"),
        ("lacking_in_here:network", "lacking_in_here cannot be imported: ModuleNotFoundError: No"),
        ("broken_in_here:network", "broken_in_here cannot be imported: ZeroDivisionError"),
        ("mine_in_here:netwrok", "mine_in_here has no function 'netwrok'; it has parts, network"),
        ("mine_in_here:WIDTH", "mine_in_here has no function 'WIDTH'"),
        ("mine_in_here:fails", "mine_in_here:fails() raised KeyError: 'no such layer'"),
        ("mine_in_here:leaves", "mine_in_here:leaves() raised SystemExit: 1"),
        ("mine_in_here:number", "mine_in_here:number() returned 3, not a Network or a Recipe"),
        ("mine_in_here:builds_a_number", "the recipe of mine_in_here:builds_a_number() builds 3"),
        ("mine_in_here:long", "mine gives vectors of length"),
        ("mine_in_here:two", "mine has 2 outputs (dense, embedding), and embedding takes one"),
        ("mine_in_here:oblong", "mine takes pictures of shape (24, 20, 3)"),
        ("mine_in_here:grey", "mine takes pictures of shape (24, 24, 1)"),
        ("mine_in_here:any_size", "mine takes pictures of shape (None, None, 3)"),
        ("mine_in_here:maps", "maps gives an output of shape (24, 24, 3) for each picture"),
        ("mine_in_here:detector", "mine is a network for detection, not for embedding"),
        ("mine_in_here:miscounted", "mine gives vectors of 4 numbers, and its recipe says 5"),
        ("mine_in_here:scaled_otherwise", "cubed"),
        ("mine_in_here:taken", "'nn4.small2' is the name of one of npfacenet's own networks"),
        ("mine_in_here:nameless", "printable"),
        ("mine_in_here:", "is named MODULE:FUNCTION, as in my_module:my_network, not"),
        (":network", "is named MODULE:FUNCTION"),
        ("mine_in_here:net work", "is named MODULE:FUNCTION"),
        ("./mine_in_here.py:network", "is named MODULE:FUNCTION"),
    ],
)
def test_what_is_wrong_with_a_network_is_said_in_one_line(
    name: str, said: str, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(people, name) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not Path("run").exists()


def test_a_variant_is_of_the_catalogue(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(people, "mine_in_here:network", "--variant", "course") == 2
    assert "--variant is of a network in the catalogue" in capsys.readouterr().err


def test_a_network_of_the_catalogue_may_be_returned(tmp_path: Path) -> None:
    recipe = own_recipe("mine_in_here:nn4_small2", str(tmp_path))
    assert recipe.architecture == "nn4.small2"
    assert recipe.outputs == 128


def test_fresh_models_are_those_of_their_seed() -> None:
    recipe = recipes("npfacenet-small")[0]
    one, other = fresh_model(recipe, seed=1), fresh_model(recipe, seed=2)
    assert one.fingerprint == fresh_model(recipe, seed=1).fingerprint != other.fingerprint
    expected = recipe.build().initialise(1)
    assert all(np.array_equal(one.parameters[name], expected[name]) for name in expected)
    assert one.card.preprocessing == recipe.preprocessing
    assert fresh_model(recipe, seed=1, preprocessing="unit").card.preprocessing == "unit"
    with pytest.raises(ArgumentError, match="cubed"):
        fresh_model(recipe, seed=1, preprocessing="cubed")
    assert isinstance(recipe, Recipe)


def test_the_weights_of_a_network_of_ones_own_are_loaded_without_its_module(people: Path) -> None:
    assert train(people, "mine_in_here:network") == 0
    del sys.modules["mine_in_here"]
    Path("mine_in_here.py").unlink()
    model = npfacenet.load("run/best.h5")
    assert (model.card.architecture, model.card.preprocessing) == ("mine", "fixed")
    pictures = sorted(people.glob("*/*.png"))
    assert model.embed(pictures).values.shape == (12, 4)
