"""An exported graph is the network."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from swinir.network import Head, Shape, SwinIR
from swinir.network.config import Attention, Norm
from swinir.restoration.backends import onnx_graph
from swinir.restoration.backends.graph import model_of
from swinir.restoration.backends.onnx_graph import compare, export, graph_of
from swinir.restoration.backends.runtimes import OnnxRuntime, OpenVINO
from tests.network.published import EVERY_SCALE, NAMES, Kind, random_network
from tests.restoration.backends.conftest import Tiny

onnx = pytest.importorskip("onnx", reason="needs onnx")

CLOSE = 1e-5
"""Of the range: a float32 has 6e-8, and there are some hundred sums behind one another."""

OTHERS = [
    pytest.param(it, marks=pytest.mark.skipif(not it.installed(), reason=f"needs {it.name}"))
    for it in (OnnxRuntime(), OpenVINO())
]


def differs(backend: OnnxRuntime | OpenVINO, network: SwinIR, side: int, batch: int) -> float:
    run = backend.compile(graph_of(network, side), threads=1, precision=torch.float32)
    image = torch.rand(batch, network.config.channels, side, side)
    with torch.inference_mode():
        wanted = network(image)
    assert wanted.std() > 1e-2, "an image without content would agree with anything"
    return ((run(image) - wanted).abs().max() / (wanted.max() - wanted.min())).item()


@pytest.mark.parametrize("backend", OTHERS, ids=lambda it: it.name)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("window", [7, 8])
@pytest.mark.parametrize(
    ("head", "scale"),
    [
        (Head.PIXELSHUFFLE, 2),
        (Head.PIXELSHUFFLE_DIRECT, 3),
        (Head.NEAREST_CONV, 4),
        (Head.RESIDUAL, 1),
    ],
)
def test_every_head_is_computed_as_by_torch(
    tiny: Tiny, head: Head, scale: int, window: int, batch: int, backend: OnnxRuntime | OpenVINO
) -> None:
    network = tiny(head, scale, window=window)
    assert differs(backend, network, 2 * window, batch) < CLOSE


@pytest.mark.skipif(not OnnxRuntime().installed(), reason="needs onnxruntime")
@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE, ids=NAMES)
def test_so_is_every_published_kind(kind: Kind, scale: int) -> None:
    config = kind.config(scale, depths=(2, 1), embed_dim=6 * kind.heads)
    network = random_network(config).float().eval()
    assert differs(OnnxRuntime(), network, 2 * kind.window, 1) < CLOSE


def test_a_tile_need_not_be_square(tiny: Tiny) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    network = tiny()
    graph = model_of(network, 8, 20, {}).SerializeToString()
    image = torch.rand(1, 3, 8, 20)
    (got,) = runtime.InferenceSession(graph).run(None, {"image": image.numpy()})
    with torch.inference_mode():
        assert (torch.from_numpy(got) - network(image)).abs().max() < CLOSE


def test_the_file_says_what_it_is(tmp_path: Path, tiny: Tiny) -> None:
    network = tiny()
    made = export(network, tmp_path / "a.onnx", tile=8, texts={"swinir.task": "light_sr_x2"})
    assert made.difference < CLOSE
    model = onnx.load(made.path)
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        each.name: tuple(it.dim_param or it.dim_value for it in each.type.tensor_type.shape.dim)
        for each in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"image": ("batch", 3, 8, 8), "restored": ("batch", 3, 16, 16)}
    assert shapes == {**made.inputs, **made.outputs}
    texts = {each.key: each.value for each in model.metadata_props}
    assert texts["swinir.task"] == "light_sr_x2"
    assert (texts["swinir.scale"], texts["swinir.tile"]) == ("2", "8")
    assert json.loads(texts["swinir.config"])["embed_dim"] == 12
    assert model.producer_version == texts["swinir.version"]


def test_without_a_runtime_the_evaluator_of_onnx_checks(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "RUNTIMES", ())
    network = tiny()
    checker, difference = compare(graph_of(network, 8), network, 8)
    assert checker.startswith("onnx.reference 1.")
    assert difference < CLOSE


def test_a_check_leaves_random_numbers_alone(tiny: Tiny) -> None:
    network = tiny()
    before = torch.get_rng_state()
    compare(graph_of(network, 8), network, 8)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("wrong", [1.01, float("nan")])
def test_a_graph_that_differs_leaves_no_file(
    tmp_path: Path, tiny: Tiny, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny()
    other = graph_of(network, 8)
    monkeypatch.setattr(onnx_graph, "graph_of", lambda *_: other)
    with torch.no_grad():
        network.norm.weight *= wrong
    with pytest.raises(ValueError, match=r"must compute what torch computes, within 0.0001") as it:
        export(network, tmp_path / "a.onnx", tile=8)
    assert "\n" not in str(it.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.pth", "a", "folder.onnx"])
def test_other_files_are_refused(tmp_path: Path, tiny: Tiny, name: str) -> None:
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ValueError, match=rf"a file ending in \.onnx, got .*{name}"):
        export(tiny(), tmp_path / name, tile=8)


def test_half_windows_are_refused(tmp_path: Path, tiny: Tiny) -> None:
    with pytest.raises(ValueError, match="a tile is whole windows of 4 pixels, got 9x9"):
        export(tiny(), tmp_path / "a.onnx", tile=9)


def test_a_missing_package_is_named(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-onnx\.txt"):
        export(tiny(), tmp_path / "a.onnx", tile=8)


def test_a_u_is_refused(tiny: Tiny) -> None:
    u = replace(tiny().config, shape=Shape.U, depths=(1, 1, 1), num_heads=(2, 2, 2))
    with pytest.raises(ValueError, match="a graph is made of a flat SwinIR, got a U; take other"):
        graph_of(SwinIR(u).eval(), 8)


def test_a_swin2sr_is_refused(tiny: Tiny) -> None:
    config = tiny().config
    v2 = replace(config, attention=Attention.COSINE, norm=Norm.POST, projection=True)
    with pytest.raises(ValueError, match="a graph is made of a SwinIR, got a Swin2SR; take other"):
        graph_of(SwinIR(v2).eval(), 8)
