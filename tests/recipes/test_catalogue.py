"""Networks of one's own: registered, refused, found by everything that lists networks."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from old_files import without_graph

import npfacenet
from npfacenet.cards import UNMEASURED, Threshold, derived_card, with_known_thresholds
from npfacenet.checkpoints.conversion import SUFFIXES, WRITABLE, unstored_choices, write_checkpoint
from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.commands.main import main
from npfacenet.errors import ArgumentError, EmbeddingError, WeightsError
from npfacenet.layers import Convolution, GlobalAveragePool, L2Normalize
from npfacenet.networks import Builder, Network
from npfacenet.recipes import RECIPES, Recipe, recipes, register, unregister
from npfacenet.recipes.catalogue import all_recipes
from npfacenet.recipes.familiar_names import suggestion
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.recipes.selection import choices_of
from npfacenet.testing.weight_files import TINY, tiny_network
from npfacenet.zoo.description import describe_file

MEASURED = Threshold(0.4, "measured by the tests")
OWN = replace(
    TINY,
    preprocessing="fixed",
    thresholds={
        ("fixed", CENTRAL_SQUARE): MEASURED,
        ("unit", CENTRAL_SQUARE): Threshold(0.6, "too", metric="cosine"),
    },
    known_as=("My_Nute.v2",),
)
UNIT = ("unit", CENTRAL_SQUARE)
PICTURE = np.random.default_rng(3).integers(0, 256, (6, 6, 3), np.uint8)


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with the library's own recipes, and leave what was registered elsewhere."""
    monkeypatch.setattr("npfacenet.recipes.catalogue._registered", ())


@pytest.fixture
def own() -> Recipe:
    register(OWN)
    return OWN


def written(folder: Path, layout: str, recipe: Recipe = OWN) -> Path:
    network = recipe.build()
    path = folder / f"tiny{SUFFIXES[layout][0]}"
    card = derived_card(recipe, network.input_shape[0], path)
    write_checkpoint(path, network, network.initialise(0), card, layout=layout)
    return path


def test_a_registered_recipe_comes_last_and_goes_again(own: Recipe) -> None:
    assert recipes() == (*RECIPES, own)
    assert recipes("tiny") == (own,)
    assert recipes("nn4.small2") == RECIPES[:2]
    unregister(own)
    assert recipes() == RECIPES
    with pytest.raises(ArgumentError, match=r"'tiny \(4 numbers\)' is not registered"):
        unregister(own)


def test_a_taken_name_is_refused(own: Recipe) -> None:
    with pytest.raises(ArgumentError, match=r"tiny \(4 numbers\) is registered already"):
        register(replace(own, preprocessing="unit"))
    for recipe in RECIPES:
        with pytest.raises(ArgumentError, match="is the name of one of npfacenet's own networks"):
            register(replace(own, architecture=recipe.architecture, variant="mine"))
    register(replace(own, variant="wide"))
    assert [one.variant for one in recipes("tiny")] == [None, "wide"]


@pytest.mark.parametrize(
    "what",
    [None, "tiny", tiny_network, tiny_network(), [OWN]],
    ids=lambda value: type(value).__name__,
)
def test_only_recipes_are_registered(what: object) -> None:
    with pytest.raises(ArgumentError, match="register takes a Recipe, not"):
        register(what)  # type: ignore[arg-type]  # that is the point
    assert all_recipes() == RECIPES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("architecture", ""), ("architecture", None), ("architecture", "a\nb"), ("outputs", 0),
        ("architecture", "x" * 201), ("variant", ""), ("variant", 3), ("outputs", "4"),
        ("outputs", True), ("build", None), ("purpose", "decoration"), ("preprocessing", "no"),
        ("preprocessing", None), ("thresholds", {UNIT: 0.7}),
        ("thresholds", {("no", CENTRAL_SQUARE): MEASURED}),
        ("thresholds", None), ("other_names", None), ("known_as", "minute"), ("known_as", (3,)),
        ("outputs", 5), ("build", lambda: None), ("build", tiny_network()),
        ("thresholds", {UNIT: Threshold(float("nan"), "by nobody")}),
        ("thresholds", {UNIT: Threshold(5.0, "further apart than unit vectors are")}),
        ("thresholds", {UNIT: Threshold("near", "in words")}),  # type: ignore[arg-type]
        ("thresholds", {UNIT: Threshold(0.5, "a\nb")}), ("other_names", {"conv": 3}),
        ("other_names", {"no such layer": "theirs"}), ("thresholds", {"unit": MEASURED}),
        ("preparation", "mtcnn"), ("alignments", {"mtcnn": "upright"}), ("alignments", None),
    ],
)  # fmt: skip
def test_fields_that_make_no_sense_are_named(field: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=f"cannot be registered with the {field[:9]}"):
        register(replace(OWN, **{field: value}))  # type: ignore[arg-type]  # drawn
    assert all_recipes() == RECIPES


def test_the_number_of_outputs_is_that_of_the_network() -> None:
    build = Builder("heads", (8, 8, 3))
    heads = [build.add(str(n), Convolution(n), build.input) for n in (1, 2, 3)]
    recipe = Recipe.of(build.network(outputs=heads))
    register(recipe)
    unregister(recipe)
    with pytest.raises(ArgumentError, match="the outputs 7: its network has 3"):
        register(replace(recipe, outputs=7))


@pytest.mark.parametrize("what", [None, "heads", tiny_network])
def test_a_recipe_is_made_of_a_network(what: object) -> None:
    with pytest.raises(ArgumentError, match="a recipe is made of a Network, not of"):
        Recipe.of(what)  # type: ignore[arg-type]  # that is the point


def test_threads_that_register_at_once_lose_nothing_and_share_no_name() -> None:
    threads = 8
    together = Barrier(threads)

    def work(number: int) -> int:
        refused = 0
        together.wait()
        for i in range(50):
            register(replace(OWN, architecture=f"own-{number}-{i}"))
            try:
                register(replace(OWN, architecture=f"common-{i}"))
            except ArgumentError:
                refused += 1
        return refused

    with ThreadPoolExecutor(threads) as pool:
        refused = sum(pool.map(work, range(threads)))
    assert refused == 50 * (threads - 1)
    assert len({one.key for one in all_recipes()}) == len(all_recipes()) == len(RECIPES) + 450


@pytest.mark.parametrize("layout", WRITABLE)
@pytest.mark.parametrize("untrusted", [False, True])
def test_files_of_a_registered_network_load(
    own: Recipe, layout: str, untrusted: bool, tmp_path: Path
) -> None:
    path = written(tmp_path, layout)
    model = npfacenet.load(path, untrusted=untrusted)
    assert (model.card.architecture, model.card.preprocessing) == ("tiny", "fixed")
    assert model.card.threshold == replace(MEASURED, evidence=UNMEASURED)
    assert model.embed(PICTURE).values.shape == (1, 4)
    assert model.parameters["conv1", "bias"].shape == (5,)  # read again
    assert npfacenet.load(path, architecture="tiny").fingerprint == model.fingerprint
    unregister(own)
    if layout == "npfacenet":
        assert npfacenet.load(path).fingerprint == model.fingerprint  # the file describes it
        path = without_graph(path)
    with pytest.raises(WeightsError, match=r"no tensor of a known network|states 'tiny'"):
        npfacenet.load(path)


def test_info_suggestions_and_helps_see_it(
    own: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "info", str(written(tmp_path, "keras2-weights"))]) == 0
    shown = capsys.readouterr().out
    assert "network        tiny (4 numbers)" in shown
    assert "preprocessing  fixed" in shown
    assert suggestion("my-nute v2", ["tiny"]) == "did you mean 'tiny'? "
    with pytest.raises(ArgumentError, match=r"did you mean 'tiny'.*npfacenet-small.*, tiny \(4"):
        recipes("MyNute_v2")
    assert main(["summary", "tiny"]) == 0
    assert "dense_layer" in capsys.readouterr().out
    register(replace(own, variant="wide"))
    assert choices_of("variant").endswith("; of tiny: None (default) or wide")


def test_names_of_ours_stay_ours(own: Recipe) -> None:
    register(replace(own, architecture="other", known_as=("facenet", "arcface")))
    known = [one.architecture for one in all_recipes()]
    assert suggestion("FaceNet", known) == "did you mean 'inception-resnet-v1'? "
    assert suggestion("ArcFace", known) == "did you mean 'other'? "


def test_a_recipe_without_scaling_or_threshold_gives_clear_results(tmp_path: Path) -> None:
    bare = Recipe("bare", None, 4, tiny_network)
    register(bare)
    model = npfacenet.load(written(tmp_path, "keras2-weights", bare))
    assert model.card.preprocessing == "unit"
    assert model.card.threshold is None
    for scaling in ("fixed", "prewhiten"):
        assert model.card.adapted(None, scaling).threshold is None
        assert unstored_choices(model.card.adapted(None, scaling), "keras2-weights") == {
            "preprocessing": scaling
        }
    with pytest.raises(EmbeddingError, match="no threshold with evidence"):
        npfacenet.verify(model.embed(PICTURE), model.embed(PICTURE))
    elsewhere = with_known_thresholds(own_card := model.card, None, measured=True)
    assert elsewhere.measured == () == own_card.measured


def test_a_threshold_keeps_its_metric(own: Recipe, tmp_path: Path) -> None:
    model = npfacenet.load(written(tmp_path, "npfacenet"), preprocessing="unit")
    assert model.card.threshold == Threshold(0.6, UNMEASURED, "cosine")
    path = tmp_path / "cosine.h5"
    write_checkpoint(path, model.network, model.parameters, model.card)
    assert npfacenet.load(path).card == model.card
    embedded = model.embed(PICTURE)
    with pytest.raises(EmbeddingError, match="cosine"):
        npfacenet.verify(embedded, embedded)


def test_info_names_an_unusual_metric(
    own: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = npfacenet.load(written(tmp_path, "npfacenet"), preprocessing="unit")
    write_checkpoint(tmp_path / "c.h5", model.network, model.parameters, model.card)
    assert main(["weights", "info", str(tmp_path / "c.h5")]) == 0
    assert "threshold      0.6 (cosine): the default" in capsys.readouterr().out


def test_a_network_for_another_purpose_is_loaded_and_refused_by_embed(tmp_path: Path) -> None:
    detector = replace(OWN, architecture="finder", purpose="detection")
    register(detector)
    model = npfacenet.load(written(tmp_path, "npfacenet", detector))
    for each in (model, pickle.loads(pickle.dumps(model))):  # noqa: S301 (our own)
        assert each.card.purpose == "detection"
        assert each.plan is not None
        with pytest.raises(EmbeddingError, match="finder is a network for detection, not for emb"):
            each.embed(PICTURE)


def line(filters: int) -> Network:
    build = Builder("line", input_shape=(6, 6, 3))
    x = build.add("conv1", Convolution(filters, 3), build.input)
    x = build.add("average", GlobalAveragePool(), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


def test_the_recipe_of_a_network_that_is_built() -> None:
    network = line(4)
    recipe = Recipe.of(network)
    assert str(recipe) == "line (4 numbers)"
    assert recipe.build() is network
    again: Recipe = pickle.loads(pickle.dumps(recipe))  # noqa: S301 (our own)
    assert again.build() == network
    named = Recipe.of(network, architecture="mine", variant="a", outputs=9, purpose="detection")
    assert named.key == ("mine", "a", 9)
    assert named.purpose == "detection"


def test_layers_that_the_child_process_cannot_import_are_told_of(tmp_path: Path) -> None:
    """A network whose layer is defined in a script: unpickled elsewhere it is unknown."""
    path = written(tmp_path, "keras2-weights")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            from dataclasses import dataclass, replace
            import npfacenet
            from npfacenet.layers import Convolution, GlobalAveragePool, L2Normalize
            from npfacenet.networks import Builder
            from npfacenet.recipes import Recipe, register

            @dataclass(frozen=True)
            class Mine(Convolution):
                pass

            build = Builder("line", input_shape=(6, 6, 3))
            x = build.add("conv1", Mine(4, 3), build.input)
            x = build.add("average", GlobalAveragePool(), x)
            build.add("embedding", L2Normalize(), x)
            register(Recipe.of(build.network()))
            try:
                npfacenet.load({str(path)!r}, untrusted=True)
            except npfacenet.errors.ArgumentError as error:
                print(error)
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert "cannot be sent to the child process" in done.stdout, done.stderr
    assert "define its layers in a module that can be imported" in done.stdout


def test_a_recipe_that_was_never_registered_is_read_where_it_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, "keras2-weights")
    found = read_checkpoint(path, (OWN,))
    apart = read_isolated(path, (OWN,))
    assert asdict(found.card) == asdict(apart.card)
    assert found.recipe is apart.recipe is OWN
    assert describe_file(path).complete is False
