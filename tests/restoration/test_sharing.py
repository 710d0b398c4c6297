"""Several GPUs restore one picture together; here they are two more processors in name."""

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.restoration import Restorer, restorer
from swinir.restoration.forward import Forward
from swinir.restoration.sharing import further_devices
from tests.restoration.conftest import Build

CPU = torch.device("cpu")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of three devices."""
    monkeypatch.setattr(restorer, "further_devices", lambda _: [CPU, CPU])


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@pytest.mark.usefixtures("three")
def test_tiles_are_in_work_on_all_of_them_at_once(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = threading.Barrier(3)
    seen: set[int] = set()
    plain = Forward.__call__

    def watched(self: Forward, tile: Tensor, check: object = None) -> Tensor:
        seen.add(id(self.network))
        # Broken after a while, unless three of them come here together.
        met.wait(timeout=20)
        return plain(self, tile)

    monkeypatch.setattr(Forward, "__call__", watched)
    Restorer(build(), tile=8, overlap=0).restore(picture(16, 24))
    assert len(seen) == 3


@pytest.mark.usefixtures("three")
def test_the_result_is_that_of_one(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    network, image = build(scale=2), picture(20, 33)
    together = Restorer(network, tile=8, overlap=4).restore(image)
    monkeypatch.setattr(restorer, "further_devices", lambda _: [])
    np.testing.assert_array_equal(Restorer(network, tile=8, overlap=4).restore(image), together)


@pytest.mark.usefixtures("three")
def test_a_single_tile_needs_no_threads(build: Build) -> None:
    before = threading.active_count()
    during: list[int] = []
    network = build(forward=lambda image: (during.append(threading.active_count()), image)[1])
    Restorer(network, tile=0).restore(picture(8, 8))
    assert during == [before]


def test_a_device_with_a_number_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    further = [torch.device("cuda:1"), torch.device("cuda:2")]
    assert further_devices(torch.device("cuda")) == further
    assert further_devices(torch.device("cuda:0")) == []
    assert further_devices(CPU) == []
