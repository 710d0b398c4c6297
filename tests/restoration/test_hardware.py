"""What a run was computed on is named on every system."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from swinir.restoration import hardware as module
from swinir.restoration.hardware import hardware

CPU = torch.device("cpu")


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system whose processor is told by a file, which is yet to be written."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "cpuinfo")
    return tmp_path / "cpuinfo"


def test_a_processor_is_named_with_its_cores_and_torch(
    linux: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux.write_text("processor\t: 0\nmodel name\t: Quick  CPU @ 2 GHz \nmodel name\t: other\n")
    for cores, words in ((1, "1 core"), (6, "6 cores")):
        monkeypatch.setattr(torch, "get_num_threads", lambda cores=cores: cores)
        assert hardware(CPU) == f"Quick CPU @ 2 GHz, {words}, torch {torch.__version__}"


@pytest.mark.parametrize("content", [None, "", "CPU part\t: 0xd0c\n"])
def test_a_processor_without_a_name_is_told_by_its_kind(
    linux: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        linux.write_text(content)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert hardware(CPU).startswith("aarch64, ")


def test_a_mac_is_asked_for_its_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, stdout="Apple M9\n")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", answer)
    assert hardware(CPU).startswith("Apple M9, ")
    assert hardware(torch.device("mps")) == f"Apple M9, MPS, torch {torch.__version__}"


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Fast GPU of {device}")
    assert hardware(torch.device("cuda", 1)) == f"Fast GPU of cuda:1, torch {torch.__version__}"
