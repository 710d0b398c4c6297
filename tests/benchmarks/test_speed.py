"""What is said of speed is measured."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks import contest, speed
from benchmarks.contest import BF16, OURS, PUBLISHED, Case
from benchmarks.machine import Traffic


def test_traffic_counts_what_steps_read_and_write() -> None:
    one, other = torch.rand(4, 8), torch.rand(8, 16)
    with Traffic() as traffic:
        _ = one.t().flatten()
        # A copy of 32 values, and a product.
        product = one @ other
    assert product.shape == (4, 16)
    assert traffic.bytes == 4 * (2 * 32 + 32 + 8 * 16 + 4 * 16)


def test_both_computations_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = Case("lightweight x4", "light_sr_x4", 16)
    monkeypatch.setattr(speed, "CASES", (case,))
    memory = {PUBLISHED: 3 << 20, OURS: 2 << 20, BF16: 1 << 20}
    monkeypatch.setattr(contest, "memory_of", lambda _, name: memory[name])
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["speed.py", "--rounds", "1", "--output", str(page)])
    assert speed.main() == 0
    assert "wrote" in capsys.readouterr().out
    text = page.read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| lightweight")]
    first, low = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert len(first) == len(speed.HEADER)
    assert first[0] == low[0] == "lightweight x4, 16x16"
    assert first[9:11] == ["3", "2"]
    assert float(first[11]) < 1e-4
    assert len(low) == len(speed.LOW_HEADER)
    assert low[7] == "1"
    assert 30 < float(low[8]) < 100
    with Image.open(page.with_suffix(".png")) as drawn:
        assert drawn.format == "PNG"


def test_operations_are_those_of_the_network() -> None:
    """Multiply-adds of the lightweight network for a pixel, counted by hand."""
    found = contest.measure(Case("lightweight x4", "light_sr_x4", 16), 1)
    dim, tokens = 60, 64
    block = 4 * dim**2 + 2 * tokens * dim + 2 * dim * 2 * dim
    convolutions = 9 * (3 * dim + 5 * dim**2 + dim * 3 * 16)
    assert found.operations == 2 * 16**2 * (24 * block + convolutions)


def test_memory_of_a_pass_is_measured_in_a_process_of_its_own() -> None:
    case = Case("lightweight x4", "light_sr_x4", 64)
    # The result alone has 3 * 256**2 values; a block's queries, keys and values have 64**2 * 180.
    assert 4 * 64**2 * 180 < contest.memory_of(case, PUBLISHED) < 1 << 30
