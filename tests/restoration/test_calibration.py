from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from swinir.network import Head, Shape, SwinIRConfig
from swinir.restoration import calibration
from swinir.restoration.calibration import Notebook, about, measure
from swinir.restoration.speed import Speed
from tests.restoration.clock import Clock

CONFIG = SwinIRConfig(head=Head.RESIDUAL, embed_dim=12, depths=(1,), num_heads=(2,), window=4)
MEGAPIXEL = 10**6


class Machine(Clock):
    """Restores so many pixels a second by a clock of its own, and in so many lanes at most."""

    def __init__(self, rate: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the clock and of the threads."""
        super().__init__()
        self.rate, self.most = rate, most
        self.seen = list[int]()
        self.rule(monkeypatch)

    def __call__(self, tile: Tensor) -> Tensor:
        self.seen.append(tile.shape[-1])
        self.now += tile[0, 0].numel() / self.rate / min(self.lanes, self.most)
        return tile


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    return lambda rate, most=1: Machine(rate, most, monkeypatch)


def measured(machine: Machine, pixels: int, **options: int) -> Speed:
    return measure(machine, CONFIG, pixels, **({"most_lanes": 1, "largest": 384} | options))


def test_what_is_measured_is_what_tiles_take(machine: Callable[..., Machine]) -> None:
    speed = measured(machine(30_000), 40 * MEGAPIXEL)
    assert speed.lanes == 1
    assert speed.seconds == pytest.approx({side: side**2 / 30_000 for side in (64, 128, 256)})


@pytest.mark.parametrize("pixels", [MEGAPIXEL // 2, 4 * MEGAPIXEL, 100 * MEGAPIXEL])
@pytest.mark.parametrize("most_lanes", [1, 8])
def test_measuring_takes_a_small_part_of_the_work(
    machine: Callable[..., Machine], pixels: int, most_lanes: int
) -> None:
    slow = machine(1000)
    speed = measured(slow, pixels, most_lanes=most_lanes)
    assert slow.now <= calibration.SHARE * pixels / 1000 + 64**2 / 1000
    assert (256 in speed.seconds) == (pixels > (MEGAPIXEL if most_lanes == 1 else 4 * MEGAPIXEL))


def test_nothing_is_measured_for_a_little_work(machine: Callable[..., Machine]) -> None:
    quick = machine(1000)
    assert measured(quick, 500 * 500) == Speed()
    assert not quick.seen


def test_tiles_that_do_not_fit_in_memory_are_not_tried(machine: Callable[..., Machine]) -> None:
    assert sorted(measured(machine(1000), 40 * MEGAPIXEL, largest=200).seconds) == [64, 128]
    assert measured(machine(1000), 40 * MEGAPIXEL, largest=40) == Speed()


def test_tiles_that_are_tried_are_whole_windows_at_every_level(
    machine: Callable[..., Machine],
) -> None:
    groups = {"depths": (1,) * 9, "num_heads": (2,) * 9, "window": 6}
    u = replace(CONFIG, **groups, shape=Shape.U)
    quick = machine(1000)
    found = measure(quick, u, 400 * MEGAPIXEL, most_lanes=1, largest=384)
    # 64 pixels are less than a window of the lowest level covers, 96.
    assert list(found.seconds) == [96, 192]
    assert set(quick.seen) == {96, 192}


@pytest.mark.parametrize(("most", "chosen"), [(1, 1), (2, 2), (3, 4), (8, 8)])
def test_as_many_at_once_are_chosen_as_make_it_quicker(
    machine: Callable[..., Machine], most: int, chosen: int
) -> None:
    assert measured(machine(1000, most), 40 * MEGAPIXEL, most_lanes=8).lanes == chosen


def test_what_was_measured_is_found_again(tmp_path: Path) -> None:
    speed = Speed(2, {64: 0.125, 128: 0.5})
    Notebook(tmp_path / "deep" / "speed.json").keep("a", speed)
    Notebook(tmp_path / "deep" / "speed.json").keep("b", Speed(1, {64: 1.0}))
    notebook = Notebook(tmp_path / "deep" / "speed.json")
    assert notebook.find("a") == speed
    assert notebook.find("c") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a": 1}', '{"x": {"about": "a", "lanes": 0, "seconds": {"64": 1}}}', "\0"],
)
def test_a_damaged_notebook_is_begun_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(text, "utf-8")
    assert Notebook(path).find("a") is None
    Notebook(path).keep("a", Speed(1, {64: 1.0}))
    assert Notebook(path).find("a") == Speed(1, {64: 1.0})


def test_a_folder_that_takes_no_file_costs_the_memory_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    Notebook(tmp_path / "file" / "speed.json").keep("a", Speed(1, {64: 1.0}))


def test_a_speed_belongs_to_a_configuration_a_precision_and_a_machine() -> None:
    cpu = torch.device("cpu")
    wider = SwinIRConfig(head=Head.RESIDUAL)
    keys = {
        about(CONFIG, cpu, torch.float32),
        about(CONFIG, cpu, torch.bfloat16),
        about(wider, cpu, torch.float32),
        about(CONFIG, cpu, torch.float32, ("numba",)),
    }
    assert len(keys) == 4
