"""The benchmarks: statistics and JSON, and that all engines compute the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tool_modules import tool

from npfacenet.layers import Convolution, GlobalAveragePool, L2Pool, LocalResponseNorm, ResidualAdd
from npfacenet.networks import Builder, Network, NetworkParameters
from npfacenet.recipes import RECIPES, Recipe

bench = tool("bench")
inference = tool("inference")
machine = tool("machine")
measurement = tool("measurement")
turns = tool("turns")
engines = tool("engines")
SECOND = measurement.PRODUCT_GFLOP  # GFLOP/s of a product that takes a second
TURNS = {
    turns.PRODUCT: [(1.0, 30.0), (2.0, 30.0), (1.0, 30.0)],
    "npfacenet": [(0.01, 80.0), (0.02, 81.0), (0.03, 81.0)],
    "torch": [(0.02, 300.0), (0.06, 300.0), (0.03, 299.6)],
}


def test_a_row_holds_medians_over_the_rounds() -> None:
    rows = measurement.summarise("nn4.small2", 4, 10**8, TURNS, {"torch": 2.00049})
    ours, torch = rows
    assert [row.engine for row in rows] == ["npfacenet", "torch"]
    assert (ours.network, ours.batch) == ("nn4.small2", 4)
    assert ours.ms_per_face == 5.0
    assert ours.quartiles == (3.75, 6.25)
    assert ours.ratio == 1.0
    assert torch.ratio == 2.0  # of 2, 3 and 1: not the ratio of the medians, 1.5
    assert ours.gflops == 2 * 0.1 * 4 / 0.02
    shares = [0.8 / 0.01 / SECOND, 0.8 / 0.02 / (SECOND / 2), 0.8 / 0.03 / SECOND]
    assert ours.share_of_matrix_product == pytest.approx(np.median(shares), abs=5e-4)
    assert (ours.peak_megabytes, torch.peak_megabytes) == (81, 300)
    assert (ours.cold_start_seconds, torch.cold_start_seconds) == (None, 2.0)


def test_kernels_that_are_not_openblas_own_choice_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    machine.machine(2, "BLAS")
    assert "OPENBLAS_CORETYPE=Haswell is set" in capsys.readouterr().err
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    machine.machine(2, "BLAS")
    assert "OPENBLAS_CORETYPE" not in capsys.readouterr().err


def test_there_is_no_ratio_without_npfacenet() -> None:
    turns = {name: turn for name, turn in TURNS.items() if name != "npfacenet"}
    (torch,) = measurement.summarise("nn4.small2", 4, 10**8, turns, {})
    assert torch.ratio is None


def test_one_round_has_no_spread() -> None:
    assert measurement.quartiles([3.0]) == (3.0, 3.0, 3.0)


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(inference, "NEEDS", {"readable": (), "missing": ("no_such_module",)})
    bench.main(["--json", "--networks", "nn4.small2", "--batches", "1", "2", "--rounds", "1"])
    said = capsys.readouterr()
    assert "missing is left out: no_such_module not installed" in said.err
    printed = json.loads(said.out)
    assert printed["machine"].keys() >= {"cpu", "cores", "blas", "versions", "python"}
    assert printed["machine"]["matrix_product_gflops"] > 0
    assert printed["machine"]["versions"]["numpy"] == np.__version__
    assert [(row["batch"], row["engine"]) for row in printed["results"]] == [
        (1, "readable"),
        (2, "readable"),
    ]
    first, second = printed["results"]
    assert first["network"] == "nn4.small2"
    assert first["ms_per_face"] > 0
    assert first["peak_megabytes"] > 20
    assert first["cold_start_seconds"] > 0
    assert second["cold_start_seconds"] is None


def test_an_engine_that_does_not_start_is_named_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engines = turns.Engines(str(tmp_path), 1)
    with engines.serving(["readable"], "nn4.small2", 1) as warm:
        assert warm == {}
    assert "readable is left out (nn4.small2, batch 1): FileNotFound" in capsys.readouterr().err


def test_what_computes_something_else_is_not_timed() -> None:
    expected = np.ones(4, np.float32)
    engines.require_equal(np.ones((2, 4), np.float32), expected)
    for wrong in (1.01, np.nan):
        with pytest.raises(SystemExit, match="differs by"):
            engines.require_equal(np.full((2, 4), wrong, np.float32), expected)


def test_layers_are_listed_with_their_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--layers", "--networks", "nn4.small2", "--rounds", "1"])
    said = capsys.readouterr().out
    assert re.search(r"^relu1 +im2col +[0-9.]+ +[0-9]+", said, re.MULTILINE)
    assert re.search(r"^relu3 +F\(\dx\d\)", said, re.MULTILINE)
    assert "of which" in said


def test_pictures_are_read_and_embedded(capsys: pytest.CaptureFixture[str]) -> None:
    tool("pictures").pictures("npfacenet-small", rounds=1, files=9)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "9 JPEG files of 250x250 pixels, npfacenet-small"
    assert [line.rsplit(maxsplit=2)[0] for line in told[1:]] == [
        "reading, one core",
        "network",
        "embed",
    ]


@pytest.mark.parametrize("arguments", ["cold-start --training", "--rounds 0", "--networks vgg"])
def test_what_cannot_be_asked_for(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(arguments.split())
    assert "error: " in capsys.readouterr().err


def test_a_pyramid_is_measured_in_turn_and_size_by_size(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["pyramid", "--json", "--rounds", "2"])
    printed = json.loads(capsys.readouterr().out)
    sizes = [(one["height"], one["width"]) for one in printed["results"]]
    assert sizes[0] == (480, 640)
    assert len(sizes) == 10
    assert sizes == sorted(sizes, reverse=True)
    assert printed["ratio"] > 0
    assert printed["workspace_bytes"] > 0
    assert all(one["ms_in_turn"] > 0 and one["ms_alone"] > 0 for one in printed["results"])
    bench.main(["pyramid", "--rounds", "1"])
    assert "480x640" in capsys.readouterr().out


def test_a_training_step_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    training = tool("training")
    table = {"npfacenet": [(0.48, 80.0), (0.96, 81.0)], "torch": [(0.96, 300.0), (0.48, 299.6)]}
    ours, torch = training.measurements(table, 10**8)
    assert (ours.engine, ours.batch, ours.ms_per_face) == ("npfacenet", 48, 15.0)
    assert (torch.peak_megabytes, torch.npfacenet_to_this) == (300, 1.25)
    assert ours.gflops == round(2 * 10**8 / 15.0 / 1e6, 1)
    training.print_table([ours, torch])
    assert re.search(r"^npfacenet +15\.00 +7\.50 - 22\.50", capsys.readouterr().out, re.MULTILINE)


def test_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'npfacenet[plot]'")
    rows = [
        *measurement.summarise("nn4.small2", 1, 10**8, TURNS, {}),
        *measurement.summarise("inception-resnet-v1", 8, 10**8, TURNS, {}),
    ]
    tool("figure").plot_measurements(tmp_path / "figure.png", rows, "a machine")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def drawn(network: Network) -> NetworkParameters:
    """Return parameters without the 0 and 1 that would hide that one is not used."""
    rng = np.random.default_rng(22)
    return {
        name: value + (rng.uniform(0, 0.3, value.shape) * (value.ndim == 1)).astype(np.float32)
        for name, value in network.initialise(0).items()
    }


def require_close(output: Any, network: Network, parameters: NetworkParameters) -> None:
    expected = network.forward(parameters, pictures(network))
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def pictures(network: Network) -> np.ndarray:
    return np.random.default_rng(7).random((2, *network.input_shape), dtype=np.float32)


def rarer_layers() -> Network:
    """Return what no recipe has: strong normalisation, padded L2 pooling, a large scale."""
    build = Builder("rarer", input_shape=(8, 7, 3))
    x = build.add("first", Convolution(6, 3, padding=1), build.input)
    x = build.add("norm", LocalResponseNorm(5, alpha=0.7, beta=0.6, k=1.3), x)
    x = build.add("pool", L2Pool(3, stride=2, padding=1), x)
    x = build.add("sum", ResidualAdd(0.3), x, build.add("again", Convolution(6), x))
    build.add("mean", GlobalAveragePool(), x)
    return build.network()


@pytest.mark.parametrize(
    ("build", "batch"),
    [
        (rarer_layers, "N"),
        *(pytest.param(recipe.build, 2, id=str(recipe)) for recipe in (*RECIPES[:3], RECIPES[4])),
    ],
)
def test_onnx_computes_what_the_readable_path_does(
    build: Callable[[], Network], batch: int | str, tmp_path: Path
) -> None:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module, reason=f"needs {module}: pip install 'npfacenet[bench]'")
    import onnxruntime

    network = build()
    parameters = drawn(network)
    tool("onnx_file").write_onnx(network, parameters, tmp_path / "network.onnx", batch)
    session = onnxruntime.InferenceSession(
        tmp_path / "network.onnx", providers=["CPUExecutionProvider"]
    )
    (output,) = session.run(None, {"image": pictures(network)})
    require_close(output, network, parameters)


@pytest.mark.parametrize("recipe", [RECIPES[0], RECIPES[2]], ids=str)
def test_pytorch_computes_what_the_readable_path_does(recipe: Recipe) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'npfacenet[bench]'")
    network = cast("Network", recipe.build())
    parameters = drawn(network)
    module = tool("torch_network").TorchNetwork(network, parameters).eval()
    with torch.inference_mode():
        output = module(torch.from_numpy(pictures(network)).permute(0, 3, 1, 2)).numpy()
    require_close(output, network, parameters)
