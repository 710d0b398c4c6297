"""Backends are chosen by name, and restore as torch does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.cli.arguments import BACKENDS
from swinir.network import Head, SwinIR
from swinir.network.inference import accelerated
from swinir.restoration import Restorer
from swinir.restoration.backends import choice, runtimes
from swinir.restoration.backends.choice import NAMES, measure, pick_backend
from swinir.restoration.backends.compiled import Compiled
from swinir.restoration.backends.runtimes import OnnxRuntime, OpenVINO, Run, TensorRT
from tests.restoration.backends.conftest import Tiny

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
CLOSE = 1e-5
OTHERS = [
    pytest.param(it, marks=pytest.mark.skipif(not it.installed(), reason=f"needs {it.name}"))
    for it in (OnnxRuntime(), OpenVINO())
]


class Counted:
    """A backend of the tests' own: computes by torch, counts."""

    name = "counted"
    needs = "nothing"
    device = "cpu"
    precisions = (torch.float32, torch.bfloat16)

    def __init__(self, network: SwinIR) -> None:
        self.network = network
        self.compiled = 0
        self.shapes: list[tuple[int, ...]] = []
        self.answer: Callable[[Tensor], Tensor] = lambda result: result

    def installed(self) -> bool:
        return True

    def compile(self, graph: bytes, *, threads: int, precision: torch.dtype) -> Run:
        del graph, threads, precision
        self.compiled += 1

        def run(image: Tensor) -> Tensor:
            self.shapes.append(tuple(image.shape))
            return self.answer(self.network(image))

        return run


@pytest.fixture
def counted(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Counted:
    pytest.importorskip("onnx", reason="needs onnx")
    backend = Counted(tiny())
    monkeypatch.setattr(choice, "RUNTIMES", (backend,))
    monkeypatch.setattr(choice, "NAMES", (*NAMES, backend.name))
    return backend


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.random((height, width, channels), np.float32)


@pytest.mark.parametrize("backend", OTHERS, ids=lambda it: it.name)
@pytest.mark.parametrize(
    ("head", "scale", "window", "channels"),
    [(Head.NEAREST_CONV, 2, 4, 3), (Head.RESIDUAL, 1, 7, 1)],
)
@pytest.mark.parametrize("tta", [False, True])
def test_a_picture_is_restored_as_by_torch(
    tiny: Tiny,
    backend: OnnxRuntime | OpenVINO,
    head: Head,
    scale: int,
    window: int,
    channels: int,
    tta: bool,  # noqa: FBT001
    graphs: Path,
) -> None:
    network = tiny(head, scale, window=window, channels=channels)
    image = picture(5 * window + 3, 4 * window, channels)
    options = {"device": "cpu", "tile": 3 * window, "overlap": window, "tta": tta}
    got = Restorer(network, **options, backend=backend.name).restore(image)
    assert list(graphs.iterdir()), "the backend was used"
    # The same tiles, which torch alone would choose a little smaller.
    network.forward = accelerated(network)
    plain = Restorer(network, **options)
    plain._side = 3 * window
    np.testing.assert_allclose(got, plain.restore(image), atol=CLOSE)


def test_every_tile_of_a_large_picture_has_the_size(counted: Counted) -> None:
    restorer = Restorer(counted.network, device="cpu", tile=10, overlap=2, backend="counted")
    restorer.restore(picture(30, 17))
    assert set(counted.shapes) == {(1, 3, 12, 12)}
    assert counted.compiled == 1
    assert restorer.report.tile == 12


def test_a_small_picture_goes_through_torch(counted: Counted) -> None:
    restorer = Restorer(counted.network, device="cpu", tile=12, backend="counted")
    got = restorer.restore(picture(8, 40))
    assert (counted.compiled, counted.shapes) == (0, [])
    wanted = Restorer(counted.network, device="cpu", tile=12)
    wanted._side = 12
    np.testing.assert_allclose(got, wanted.restore(picture(8, 40)), atol=CLOSE)


@pytest.mark.parametrize(("window", "side"), [(4, 128), (7, 126)])
def test_an_automatic_tile_is_of_whole_windows(
    tiny: Tiny, counted: Counted, window: int, side: int
) -> None:
    counted.network = tiny(window=window)
    restorer = Restorer(counted.network, device="cpu", backend="counted")
    restorer.restore(picture(side + 1, side))
    assert set(counted.shapes) == {(1, 3, side, side)}


def test_what_low_precision_spoils_is_redone_by_torch(counted: Counted) -> None:
    counted.answer = torch.zeros_like
    options = {"device": "cpu", "tile": 12, "overlap": 0}
    restorer = Restorer(counted.network, **options, precision="bf16", backend="counted")
    got = restorer.restore(picture(24, 12))
    assert (len(counted.shapes), restorer.report.redone) == (2, 2)
    wanted = Restorer(counted.network, **options, precision="fp32").restore(picture(24, 12))
    np.testing.assert_allclose(got, wanted, atol=CLOSE)


def test_a_result_that_is_not_a_number_is_refused(counted: Counted) -> None:
    counted.answer = lambda result: result * torch.nan
    restorer = Restorer(counted.network, device="cpu", tile=12, backend="counted")
    with pytest.raises(ValueError, match="got NaN or infinity in fp32"):
        restorer.restore(picture(12, 12))


@pytest.mark.skipif(not OpenVINO().installed(), reason="needs openvino")
def test_openvino_computes_in_bf16_where_it_is_told(tiny: Tiny) -> None:
    network, image = tiny(), torch.rand(1, 3, 8, 8)
    run = Compiled(network, OpenVINO(), 8, fallback=network, precision=torch.bfloat16)
    with torch.inference_mode():
        wanted = network(image)
    away = (run(image) - wanted).abs().max() / (wanted.max() - wanted.min())
    assert away < 0.05


FIRST_COME_FIRST_GONE = """
import signal, torch
from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.restoration.backends.onnx_graph import graph_of
from swinir.restoration.backends.runtimes import OpenVINO
trunk = {"embed_dim": 12, "depths": (1,), "num_heads": (2,), "window": 4}
network = SwinIR(SwinIRConfig(head=Head.RESIDUAL, **trunk)).eval()
runs = []
for _ in range(2):
    run = OpenVINO().compile(graph_of(network, 8), threads=1, precision=torch.float32)
    run(torch.rand(1, 3, 8, 8))
    runs.append(run)
del run
while runs:
    runs.pop(0)
signal.signal(signal.SIGINT, lambda number, frame: print("interrupted"))
signal.raise_signal(signal.SIGINT)
"""


@pytest.mark.skipif(not OpenVINO().installed(), reason="needs openvino")
def test_ctrl_c_is_heard_after_openvino_was_used() -> None:
    """Where a core for each graph left a signal stack that was gone: on processors with AMX."""
    command = [sys.executable, "-X", "faulthandler", "-c", FIRST_COME_FIRST_GONE]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


def test_our_own_computation_is_no_backend() -> None:
    assert pick_backend("torch", CPU, torch.float32) is None
    assert pick_backend("auto", CPU, torch.float32) is None


def test_auto_is_what_was_found_fastest_where_it_still_is_there(counted: Counted) -> None:
    assert pick_backend("auto", CPU, torch.float32, quicker="counted") is counted
    assert pick_backend("auto", CPU, torch.float32, quicker="one of last year") is None


def test_the_command_line_knows_all_names() -> None:
    assert BACKENDS == NAMES


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"backend is auto, torch, onnxruntime, .*, got 'mkl'"):
        pick_backend("mkl", CPU, torch.float32)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "tensorrt"])
def test_a_backend_that_is_not_installed_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=f"backend {name} was .* not installed: .*pip install"):
        pick_backend(name, CPU, torch.float32)


def test_a_backend_of_the_cpu_is_refused_elsewhere(counted: Counted) -> None:
    with pytest.raises(ValueError, match="counted computes on cpu, got device cuda:0; add --dev"):
        pick_backend("counted", torch.device("cuda:0"), torch.float32)


def test_a_precision_that_it_has_not_is_refused(counted: Counted) -> None:
    with pytest.raises(ValueError, match="computes in float32, bfloat16, got float16"):
        pick_backend("counted", CPU, torch.float16)


def test_whole_pictures_are_refused(counted: Counted) -> None:
    with pytest.raises(ValueError, match=r"tiles of one size, got a tile of 0 \(the whole"):
        Restorer(counted.network, device="cpu", tile=0, backend="counted")


def test_tensorrt_asks_onnx_runtime_for_it() -> None:
    names = [name for name, _ in TensorRT().providers(torch.bfloat16)]
    assert names == ["TensorrtExecutionProvider", "CUDAExecutionProvider"]
    assert TensorRT().providers(torch.bfloat16)[0][1]["trt_bf16_enable"]


@pytest.mark.skipif(not OnnxRuntime().installed(), reason="needs onnxruntime")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_told(tiny: Tiny) -> None:
    run = Compiled(tiny(), TensorRT(), 8, fallback=tiny())
    with pytest.raises(ValueError, match="backend tensorrt does not start here"):
        run(torch.rand(1, 3, 8, 8))


def test_backends_take_turns_and_are_timed(counted: Counted) -> None:
    found = measure(counted.network, 8, own=accelerated(counted.network), rounds=2)
    assert list(found) == ["torch", "counted"]
    assert all(0 < seconds < 60 for seconds in found.values())
    assert len(counted.shapes) == 3, "the first turn, and two that count"


def test_a_backend_that_fails_is_left_out(
    counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Tensor) -> Tensor:
        raise RuntimeError("no such\ninstruction")

    counted.answer = fail
    assert list(measure(counted.network, 8, own=counted.network)) == ["torch"]
    assert "backend counted is left out" in caplog.text
