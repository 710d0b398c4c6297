"""What was measured decides how a picture is cut, and how many tiles are in work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pooch
import pytest
import torch
from torch import Tensor

from swinir.network import SwinIR
from swinir.restoration import Cancelled, Restorer, calibration, planner
from swinir.restoration.calibration import Notebook
from swinir.restoration.speed import Speed
from tests.restoration.clock import Clock

Build = Callable[..., SwinIR]


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[Speed], None]:
    def know(speed: Speed) -> None:
        monkeypatch.setattr(Notebook, "find", lambda *_: speed)

    return know


def test_the_first_large_picture_is_measured_for_and_the_next_is_not(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def measured(*_: object, **__: object) -> Speed:
        calls.append(1)
        return Speed(2, {64: 0.5, 128: 2.0})

    monkeypatch.setattr(planner, "measure", measured)
    first = Restorer(build(), device="cpu")
    assert first.expected_seconds(1000, 1000) is None
    first.restore(picture(64, 64))
    second = Restorer(build(), device="cpu")
    second.restore(picture(64, 64))
    assert calls == [1]
    assert second.expected_seconds(64, 64) == first.expected_seconds(64, 64) > 0
    assert (Path(pooch.os_cache("swinir")) / "speed.json").is_file()


def test_a_real_measurement_leaves_the_result_as_it_is(
    repeat: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "SHARE", 1.0)
    image = picture(300, 200)
    restorer = Restorer(repeat(scale=2), device="cpu")
    calls: list[tuple[int, int]] = []
    restored = restorer.restore(image, progress=lambda *call: calls.append(call))
    np.testing.assert_allclose(restored, image.repeat(2, 0).repeat(2, 1), rtol=0, atol=1e-6)
    assert restorer.expected_seconds(300, 200) > 0
    assert calls[0][0] == 0 and calls[-1][0] == calls[-1][1], "what is tried is no progress"


def test_lanes_restore_the_same_as_one_after_the_other(
    build: Build, known: Callable[[Speed], None]
) -> None:
    network, image = build(scale=2), picture(120, 90)
    one = Restorer(network, device="cpu", tile=32, overlap=8).restore(image)
    known(Speed(3, {64: 1.0}))
    calls: list[tuple[int, int]] = []
    restorer = Restorer(network, device="cpu", tile=32, overlap=8)
    three = restorer.restore(image, progress=lambda *call: calls.append(call))
    np.testing.assert_allclose(three, one, rtol=0, atol=1e-6)
    total = calls[0][1]
    assert calls == [(done, total) for done in range(total + 1)]


def test_all_else_works_in_lanes(repeat: Build, known: Callable[[Speed], None]) -> None:
    known(Speed(2, {64: 1.0}))
    image = picture(40, 30)
    for options in ({"tta": True}, {"strength": 0.5, "overlap": 16}):
        restored = Restorer(repeat(), device="cpu", tile=16, **options).restore(image)
        np.testing.assert_allclose(restored, image, rtol=0, atol=1e-6)
    grey = Restorer(repeat(channels=1), device="cpu", tile=16).restore(image)
    np.testing.assert_allclose(grey, image, rtol=0, atol=1e-6)


def test_memory_that_runs_out_in_a_lane_halves_the_tiles(
    build: Build, known: Callable[[Speed], None]
) -> None:
    known(Speed(2, {64: 1.0}))

    def greedy(image: Tensor) -> Tensor:
        if max(image.shape) > 20:
            raise MemoryError
        return image

    restorer = Restorer(build(forward=greedy), device="cpu", tile=64, overlap=4)
    image = picture(100, 90)
    np.testing.assert_allclose(restorer.restore(image), image, rtol=0, atol=1e-6)
    assert restorer.report.halvings == 2


def test_cancelling_ends_every_lane(build: Build, known: Callable[[Speed], None]) -> None:
    known(Speed(2, {64: 1.0}))
    done: list[int] = []
    restorer = Restorer(build(), device="cpu", tile=8, overlap=0)
    with pytest.raises(Cancelled):
        restorer.restore(
            picture(64, 64),
            progress=lambda count, _: done.append(count),
            cancelled=lambda: done[-1] >= 4,
        )
    assert 4 <= done[-1] <= 6


def test_a_picture_that_fits_into_one_tile_is_not_cut_whatever_was_measured(
    build: Build, known: Callable[[Speed], None]
) -> None:
    network, image = build(), picture(200, 300)
    plain = Restorer(network, device="cpu").restore(image)
    known(Speed(2, {64: 1.0, 128: 8.0}))
    restorer = Restorer(network, device="cpu")
    np.testing.assert_array_equal(restorer.restore(image), plain)
    assert restorer.report.tile == 300


def test_the_measured_speed_decides_how_a_picture_is_cut(
    repeat: Build, known: Callable[[Speed], None]
) -> None:
    image = picture(400, 400)
    sides = []
    for speed in (Speed(), Speed(1, {64: 1.0, 128: 4.0, 256: 80.0})):
        known(speed)
        restorer = Restorer(repeat(), device="cpu")
        restorer.restore(image)
        sides.append(restorer.report.tile)
    assert sides[1] <= 160 < sides[0]


def test_an_asked_for_tile_is_taken_whatever_was_measured(
    repeat: Build, known: Callable[[Speed], None]
) -> None:
    known(Speed(1, {64: 1.0, 128: 100.0}))
    restorer = Restorer(repeat(), device="cpu", tile=200)
    restorer.restore(picture(200, 200))
    assert restorer.report.tile == 200


def test_backends_are_tried_once_a_job_is_long_enough(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def measured(*_: object, **__: object) -> dict[str, float]:
        tried.append(1)
        return {"torch": 4.0, "openvino": 3.0}

    monkeypatch.setattr(planner, "measure", lambda *_, **__: Speed(1, {64: 1.0, 128: 4.0}))
    monkeypatch.setattr(planner, "measure_backends", measured)
    monkeypatch.setattr(planner, "numba_installed", lambda: False)
    notebook = Notebook()

    def known(height: int, width: int) -> str | None:
        made = planner.Planner(build(), torch.device("cpu"), torch.float32, overlap=32, memory=None)
        made.measure(SimpleNamespace(own=None), height, width)
        return made.speed.backend

    assert known(64, 64) is None
    assert not tried
    # What was kept for the small one does not keep the large one from looking.
    assert known(4000, 6000) == known(4000, 6000) == known(64, 64) == "openvino"
    assert tried == [1]
    notebook.path.unlink()
    # Ours at once is quicker than either alone.
    monkeypatch.setattr(planner, "measure", lambda *_, **__: Speed(2, {64: 0.7, 128: 2.8}))
    assert known(4000, 6000) == ""


def test_a_backend_that_was_quicker_restores_where_we_choose_the_tiles(
    build: Build, known: Callable[[Speed], None]
) -> None:
    known(Speed(1, {64: 1.0}, "onnxruntime"))
    pytest.importorskip("onnxruntime")
    network, image = build(), picture(140, 30)
    restorer = Restorer(network, device="cpu")
    restored = restorer.restore(image)
    assert restorer.report.tile == 128
    asked = Restorer(network, device="cpu", tile=128)
    np.testing.assert_allclose(restored, asked.restore(image), rtol=0, atol=1e-2)
    assert Restorer(network, device="cpu", tile=0).restore(image).shape == image.shape


def test_self_ensemble_takes_eight_times_as_long(
    repeat: Build, known: Callable[[Speed], None]
) -> None:
    known(Speed(1, {64: 1.0}))
    once, all_ways = (Restorer(repeat(), device="cpu", tta=tta) for tta in (False, True))
    assert all_ways.expected_seconds(64, 64) == 8 * once.expected_seconds(64, 64)


def test_a_thread_of_a_lane_has_no_gradients_in_hand(
    build: Build, known: Callable[[Speed], None]
) -> None:
    known(Speed(2, {64: 1.0}))
    seen: list[bool] = []

    def forward(image: Tensor) -> Tensor:
        seen.append(torch.is_inference_mode_enabled())
        return image

    Restorer(build(forward=forward), device="cpu", tile=8, overlap=0).restore(picture(16, 16))
    assert seen == [True] * 4


class Told(Clock):
    """A `Forward` that is told what computes it, and takes time by it.

    Loops are compiled when they are first called, and are called in lanes alone.
    """

    own = None
    compiling = 3.0

    def __init__(self, *, seconds: float, by_loops: float) -> None:
        super().__init__()
        self.seconds, self.by_loops = seconds, by_loops
        self.kernels: object = None

    def use(self, kernels: object) -> None:
        self.kernels = kernels

    def __call__(self, tile: Tensor) -> Tensor:
        looped = self.kernels is not None and self.lanes > 1
        self.now += (self.by_loops if looped else self.seconds) * tile[0, 0].numel() / 64**2
        if looped:
            self.now += self.compiling
            self.compiling = 0.0
        return tile


@pytest.fixture
def planned(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Told, int, int], planner.Planner]:
    """A plan for a picture of some size, measured by the clock of what is told."""

    def made(forward: Told, height: int, width: int) -> planner.Planner:
        monkeypatch.setattr(planner, "numba_installed", lambda: True)
        monkeypatch.setattr(planner, "measure_backends", lambda *_, **__: {"torch": 0.0})
        forward.rule(monkeypatch)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
        it = planner.Planner(build(), torch.device("cpu"), torch.float32, overlap=32, memory=None)
        it.measure(forward, height, width)
        return it

    return made


def test_our_own_loops_are_taken_where_they_are_quicker(
    planned: Callable[..., planner.Planner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loops = object()
    monkeypatch.setattr(planner, "loops", lambda: loops)
    forward = Told(seconds=0.5, by_loops=0.3)
    plan = planned(forward, 3000, 2000)
    assert forward.kernels is None
    assert plan.speed.loops
    assert plan.speed.seconds[64] == pytest.approx(0.3)
    assert plan.speed.lanes == 2
    tiles = Restorer(plan.network, device="cpu", tile=64).tiles(300, 300)
    plan.equip(forward, tiles[:4], 1)
    assert forward.kernels is None, "a second of work is too little to load them for"
    plan.equip(forward, tiles[:4], 8)
    assert forward.kernels is loops
    later = planned(Told(seconds=9.0, by_loops=9.0), 3000, 2000)
    assert later.speed == plan.speed


@pytest.mark.parametrize(
    ("seconds", "by_loops", "height"),
    [(0.5, 0.5, 3000), (0.5, 0.7, 3000), (0.2, 0.1, 300)],
    ids=["no quicker", "slower", "too little work to look"],
)
def test_else_torch_computes(
    planned: Callable[..., planner.Planner], seconds: float, by_loops: float, height: int
) -> None:
    plan = planned(Told(seconds=seconds, by_loops=by_loops), height, 2000)
    assert plan.speed.seconds[64] == pytest.approx(seconds)
    assert not plan.speed.loops


def test_loops_that_cannot_be_compiled_are_told_of_and_left_out(
    planned: Callable[..., planner.Planner],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> object:
        raise OSError("no compiler today")

    monkeypatch.setattr(planner, "loops", broken)
    forward = Told(seconds=0.5, by_loops=0.1)
    plan = planned(forward, 3000, 2000)
    assert not plan.speed.loops
    assert forward.kernels is None
    assert "our own loops are left out: no compiler today" in caplog.text
    plan.speed = replace(plan.speed, loops=True)
    plan.equip(forward, Restorer(plan.network, device="cpu", tile=64).tiles(900, 900), 8)
    assert forward.kernels is None


def test_it_is_measured_again_once_a_program_is_installed(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> planner.Planner:
        return planner.Planner(build(), torch.device("cpu"), torch.float32, overlap=8, memory=None)

    monkeypatch.setattr(planner, "programs", tuple)
    Notebook().keep(made()._key, Speed(1, {64: 1.0}))
    assert made().speed.seconds
    monkeypatch.setattr(planner, "programs", lambda: ("numba",))
    assert not made().speed.seconds
