"""Memory that is kept from tile to tile."""

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from swinir.network import SwinIR
from swinir.restoration.forward import Forward
from swinir.restoration.report import Report
from swinir.tasks import find_task

torch.manual_seed(0)
network = SwinIR(find_task("light_sr_x4").network).eval()
forward = Forward(network, torch.device("cpu"), torch.float32, Report())
tile = torch.rand(1, 3, 64, 64)
for _ in range(3):
    forward(tile)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(2):
    forward(tile)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 2)
"""


def faults(**environment: str) -> float:
    """Pages that a tile gets from the system, once some were done."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is told")
def test_tiles_get_their_memory_from_those_before() -> None:
    assert faults() < 500


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is told")
def test_wishes_of_the_environment_stand() -> None:
    assert faults(MALLOC_TRIM_THRESHOLD_="131072") > 1000
