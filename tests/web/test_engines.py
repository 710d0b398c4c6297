"""Devices are lent to one at a time, and networks stay within a bound."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from swinir.checkpoints import ship
from swinir.restoration import Cancelled
from swinir.tasks import TASKS
from swinir.web import engines
from swinir.web.choices import Choice, choose
from swinir.web.engines import Engines
from swinir.web.orders import Order
from tests.web.conftest import tiny


def never() -> bool:
    """Nobody leaves."""
    return False


@pytest.fixture
def order(pretrained: Path) -> Order:
    """Enlarge by 4 with the weights at hand."""
    assert pretrained
    return Order(choose("sr_x4"))


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Order]]:
    """Orders for three networks in files of their own."""
    monkeypatch.setenv("SWINIR_PRETRAINED", str(tmp_path))
    monkeypatch.setenv("SWINIR_CACHE", str(tmp_path))
    made: list[Order] = []
    for scale in (2, 3, 4):
        path = ship(tiny(scale=scale), f"x{scale}.safetensors")
        made.append(Order(Choice(TASKS[f"sr_x{scale}"], str(path), there=True)))
    yield made


def test_a_network_is_loaded_once(order: Order) -> None:
    lent = Engines(["cpu"], 1 << 30)
    with lent.lend(order, never) as one:
        network = one.network
    with lent.lend(order, never) as other:
        assert other.network is network
    assert lent.warm == ["light_sr_x4.safetensors"]


def test_the_network_used_longest_ago_goes_first(others: list[Order]) -> None:
    size = Engines(["cpu"], 0)
    with size.lend(others[2], never):
        one = size.size
    lent = Engines(["cpu"], 2 * one)
    for at in (0, 1, 0, 2):
        with lent.lend(others[at], never):
            pass
    assert lent.warm == ["x2.safetensors", "x4.safetensors"]
    assert lent.size <= 2 * one


def test_the_network_in_use_stays_even_beyond_the_bound(others: list[Order]) -> None:
    lent = Engines(["cpu"], 1)
    for at in (0, 1):
        with lent.lend(others[at], never):
            pass
    assert lent.warm == ["x3.safetensors"]


def test_a_device_does_one_job_at_a_time(order: Order) -> None:
    lent = Engines(["cpu"], 1 << 30)
    second = threading.Event()

    def wait() -> None:
        with lent.lend(order, never):
            second.set()

    with lent.lend(order, never):
        assert lent.busy == 1
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not second.wait(0.3)
    assert second.wait(5)
    waiting.join()
    assert lent.busy == 0


def test_a_device_comes_back_whatever_goes_wrong(order: Order) -> None:
    lent = Engines(["cpu"], 1 << 30)
    with pytest.raises(ZeroDivisionError), lent.lend(order, never):
        _ = 1 / 0
    assert lent.busy == 0


def test_who_leaves_while_waiting_is_not_served(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOOK", 0.01)
    lent = Engines(["cpu"], 1 << 30)
    asked = iter([False, False, True])
    with lent.lend(order, never), pytest.raises(Cancelled):
        lent.lend(order, lambda: next(asked)).__enter__()


def test_a_device_is_named_once() -> None:
    with pytest.raises(ValueError, match="each device is wanted once, got cpu, cpu"):
        Engines(["cpu", "cpu"], 1)


def test_a_device_that_does_one_job_at_a_time_is_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Engines(["cuda", "cuda:1"], 0).devices == ("cuda:0", "cuda:1")
    with pytest.raises(ValueError, match="each device is wanted once, got cuda:0, cuda:0"):
        Engines(["auto", "cuda:0"], 0)
