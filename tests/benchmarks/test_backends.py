"""Other programs are measured beside our computation."""

import sys
from pathlib import Path

import pytest
import torch

from benchmarks import backends
from benchmarks.speed import Case
from swinir.restoration.backends.onnx_graph import graph_of

pytest.importorskip("onnx", reason="needs onnx")


def test_all_that_are_installed_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    monkeypatch.setattr(backends, "CASES", (Case("lightweight x4", "light_sr_x4", 16),))
    # Torch's exporter takes half a minute.
    monkeypatch.setattr(backends, "published_graph", lambda network, _: graph_of(network, 16))
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["backends.py", "--rounds", "1", "--output", str(page)])
    assert backends.main() == 0
    assert "wrote" in capsys.readouterr().out
    lines = page.read_text("utf-8").splitlines()
    header, row = (
        next(line for line in lines if line.startswith(start)) for start in ("| case", "| lightw")
    )
    assert "onnxruntime, published graph, s" in header
    assert "onnxruntime, our graph, s" in header
    assert row.startswith("| lightweight x4, 16x16 |")
    assert len(row.split("|")) == len(header.split("|"))


def test_agreement_is_in_decibels_of_the_range() -> None:
    one = torch.tensor([0.0, 2.0])
    assert backends.psnr(one + 0.02, one) == pytest.approx(40, abs=1e-3)
    assert backends.psnr(one, one) == float("inf")


@pytest.mark.slow
def test_the_published_graph_is_that_of_torch() -> None:
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    case = Case("lightweight x4", "light_sr_x4", 16)
    image = torch.rand(1, 3, 16, 16)
    runs = backends.contenders(case)
    wanted = runs.pop(backends.OURS)(image)
    for name, run in runs.items():
        limit = 0.1 if "bf16" in name else 1e-4
        assert backends.difference(run(image), wanted) < limit, name
