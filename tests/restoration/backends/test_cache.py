"""A graph is made and checked once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from swinir.restoration.backends import cache
from swinir.restoration.backends.cache import checked_graph
from swinir.restoration.backends.onnx_graph import graph_of
from tests.restoration.backends.conftest import Tiny

pytest.importorskip("onnx", reason="needs onnx")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sides of the tiles of all graphs that were made."""
    sides: list[int] = []

    def record(*arguments: object) -> bytes:
        sides.append(arguments[1])
        return graph_of(*arguments)

    monkeypatch.setattr(cache, "graph_of", record)
    return sides


def test_a_graph_is_made_once(tiny: Tiny, made: list[int], graphs: Path) -> None:
    network = tiny()
    first = checked_graph(network, 8)
    assert checked_graph(network, 8) == first == graph_of(network, 8)
    assert made == [8]
    assert len(list(graphs.iterdir())) == 1


def test_other_weights_and_tiles_have_graphs_of_their_own(tiny: Tiny, made: list[int]) -> None:
    network = tiny()
    checked_graph(network, 8)
    checked_graph(network, 12)
    with torch.no_grad():
        network.norm.bias += 1
    checked_graph(network, 8)
    assert made == [8, 12, 8]


@pytest.mark.parametrize("damage", [lambda it: it[:-9], lambda it: it[:99] + b"?" + it[100:]])
def test_a_damaged_graph_is_made_again(
    tiny: Tiny, made: list[int], graphs: Path, damage: Callable[[bytes], bytes]
) -> None:
    network = tiny()
    whole = checked_graph(network, 8)
    (path,) = graphs.iterdir()
    path.write_bytes(damage(whole))
    assert checked_graph(network, 8) == whole
    assert made == [8, 8]
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_time_alone(
    tiny: Tiny, made: list[int], graphs: Path
) -> None:
    graphs.write_text("a file where the folder would be")
    network = tiny()
    assert checked_graph(network, 8) == checked_graph(network, 8)
    assert made == [8, 8]


def test_a_graph_that_differs_is_not_kept(
    tiny: Tiny, graphs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny()
    other = graph_of(network, 8)
    monkeypatch.setattr(cache, "graph_of", lambda *_: other)
    with torch.no_grad():
        network.norm.bias += 1
    with pytest.raises(ValueError, match="must compute what torch computes"):
        checked_graph(network, 8)
    assert not graphs.exists()


def test_those_of_longest_ago_go(tiny: Tiny, graphs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT", 2)
    network = tiny()
    for at, side in enumerate((4, 8)):
        checked_graph(network, side)
        for path in graphs.iterdir():
            os.utime(path, (at, at))
    (oldest, *_), before = sorted(graphs.iterdir()), set(graphs.iterdir())
    os.utime(oldest, (0, 0))
    checked_graph(network, 12)
    assert len(set(graphs.iterdir())) == 2
    assert before - set(graphs.iterdir()) == {oldest}
