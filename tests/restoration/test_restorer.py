import logging
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from swinir.images.resize import resize
from swinir.network import SwinIR
from swinir.network.inference import Inference
from swinir.restoration import Cancelled, NotEnoughMemory, Restorer, planner

Build = Callable[..., SwinIR]


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, channels), np.float32)


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    return image.repeat(scale, 0).repeat(scale, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (13, 30)])
def test_any_size_is_restored(build: Build, size: tuple[int, int]) -> None:
    restored = Restorer(build(scale=2), tile=8, overlap=4).restore(picture(*size))
    assert restored.shape == (2 * size[0], 2 * size[1], 3)
    assert restored.dtype == np.float32
    assert restored.flags.c_contiguous


@pytest.mark.parametrize("tile", [0, 1, 7, 16, "auto"])
def test_no_tile_size_leaves_a_trace(repeat: Build, tile: int) -> None:
    image = picture(33, 21)
    restored = Restorer(repeat(scale=3), tile=tile, overlap=5).restore(image)
    np.testing.assert_allclose(restored, enlarge(image, 3), rtol=0, atol=1e-6)


def test_tiles_are_cut_into_the_windows_of_the_whole_picture(build: Build) -> None:
    network, image = build(), picture(32, 56)
    whole = Restorer(network, tile=0).restore(image)
    tiled = Restorer(network, tile=32, overlap=8).restore(image)
    # Columns that no tile sees within 8 pixels of where it was cut: the network looks less far.
    apart = np.r_[:24, 32:56]
    np.testing.assert_allclose(tiled[:, apart], whole[:, apart], rtol=0, atol=1e-5)
    assert not np.allclose(tiled[:, 24:32], whole[:, 24:32], rtol=0, atol=1e-7)


def test_results_are_clipped_and_the_image_is_not_changed(build: Build) -> None:
    network = build(forward=lambda image: image * 3 - 1)
    image = picture(6, 6)
    before = image.copy()
    restored = Restorer(network).restore(image)
    np.testing.assert_allclose(restored, np.clip(image * 3 - 1, 0, 1), atol=1e-6)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("tta", [False, True])
def test_progress_counts_every_pass_to_the_end(repeat: Build, *, tta: bool) -> None:
    calls: list[tuple[int, int]] = []
    restorer = Restorer(repeat(), tile=8, overlap=0, tta=tta)
    restorer.restore(picture(16, 24), progress=lambda *call: calls.append(call))
    total = 6 * (8 if tta else 1)
    assert calls == [(done, total) for done in range(total + 1)]


def test_cancelling_stops_before_the_next_tile(repeat: Build) -> None:
    done: list[int] = []
    restorer = Restorer(repeat(), tile=8, overlap=0)
    with pytest.raises(Cancelled):
        restorer.restore(
            picture(16, 24),
            progress=lambda count, _: done.append(count),
            cancelled=lambda: done[-1] == 2,
        )
    assert done == [0, 1, 2]


@pytest.mark.parametrize("turns", range(4))
def test_with_self_ensemble_a_turned_picture_gives_the_turned_result(
    build: Build, turns: int
) -> None:
    weights = torch.rand(1, 3, 8, 8)
    network = build(forward=lambda image: image * weights)
    image = picture(8, 8)
    restore = Restorer(network, tta=True).restore
    expected = np.rot90(restore(image), turns)
    np.testing.assert_allclose(restore(np.rot90(image, turns)), expected, atol=1e-6)
    np.testing.assert_allclose(
        restore(np.rot90(image, turns)[:, ::-1]), expected[:, ::-1], atol=1e-6
    )
    alone = Restorer(network).restore
    assert not np.allclose(alone(image[:, ::-1]), alone(image)[:, ::-1], atol=1e-3)


def test_self_ensemble_leaves_what_does_not_depend_on_turns(repeat: Build) -> None:
    image = picture(9, 14)
    restored = Restorer(repeat(scale=2), tile=8, overlap=4, tta=True).restore(image)
    np.testing.assert_allclose(restored, enlarge(image, 2), rtol=0, atol=1e-6)


def spoilt(value: float) -> Callable[[Tensor], Tensor]:
    """The identity, whose low-precision result has ``value`` everywhere."""

    def forward(image: Tensor) -> Tensor:
        if not torch.is_autocast_enabled("cpu"):
            return image
        return torch.full_like(image, value)

    return forward


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_what_low_precision_spoils_is_redone_and_counted(
    build: Build, precision: str, value: float
) -> None:
    image = picture(8, 16)
    restorer = Restorer(build(forward=spoilt(value)), precision=precision, tile=8, overlap=0)
    np.testing.assert_array_equal(restorer.restore(image), image)
    assert restorer.report.redone == 2
    assert "2 tiles" in restorer.report.notes()[0]


def test_a_dark_picture_may_come_out_black(build: Build) -> None:
    restorer = Restorer(build(forward=spoilt(0.0)), precision="bf16")
    assert not restorer.restore(np.full((8, 8, 3), 0.01, np.float32)).any()
    assert restorer.report.redone == 0


def test_low_precision_is_close_to_full(build: Build) -> None:
    network, image = build(scale=2), picture(16, 16)
    restorers = [Restorer(network, precision=name) for name in ("bf16", "fp32")]
    low, full = (restorer.restore(image) for restorer in restorers)
    assert 0 < np.abs(low - full).max() < 0.02
    psnr = -10 * np.log10(np.square(low - full).mean())
    (note,) = restorers[0].report.notes()
    assert note == f"computed in bf16, which is {psnr:.1f} dB (PSNR) from fp32"
    assert restorers[1].report.notes() == []


def rounded(error: float) -> Callable[[Tensor], Tensor]:
    """The identity, whose low-precision result is off by ``error``."""

    def forward(image: Tensor) -> Tensor:
        return image + error if torch.is_autocast_enabled("cpu") else image

    return forward


@pytest.mark.parametrize(("error", "kept"), [(0.002, True), (0.01, False)])
def test_a_low_precision_that_nobody_asked_for_must_be_faithful(
    build: Build, monkeypatch: pytest.MonkeyPatch, error: float, *, kept: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    image = picture(8, 8) / 2
    restorer = Restorer(build(forward=rounded(error)), device="cpu")
    restored = restorer.restore(image)
    np.testing.assert_allclose(restored, image + error * kept, rtol=0, atol=1e-6)
    (note,) = restorer.report.notes()
    wanted = "computed in bf16, which is 54.0 dB" if kept else "computed in fp32: bf16 is 40.0 dB"
    assert note.startswith(wanted)
    asked = Restorer(build(forward=rounded(error)), device="cpu", precision="bf16")
    np.testing.assert_allclose(asked.restore(image), image + error, rtol=0, atol=1e-6)


def test_tiles_in_work_at_once_wait_until_the_precision_is_settled(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)

    def forward(image: Tensor) -> Tensor:
        low = torch.is_autocast_enabled("cpu")
        if low and image.shape[-1] != 8:
            # What it is settled by is no tile; meanwhile another lane would be done with one.
            time.sleep(0.3)
        return image + 0.01 if low else image

    monkeypatch.setattr(planner.Planner, "lanes", lambda *_: 2)
    image = picture(8, 32) / 2
    restored = Restorer(build(forward=forward), device="cpu", tile=8, overlap=0).restore(image)
    np.testing.assert_array_equal(restored, image)


def test_nan_in_full_precision_is_an_error(build: Build) -> None:
    network = build(forward=lambda image: image * float("nan"))
    with pytest.raises(ValueError, match="NaN or infinity in fp32; the weights are damaged"):
        Restorer(network).restore(picture(4, 4))


OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
]


def greedy(error: Exception, largest: int) -> Callable[[Tensor], Tensor]:
    """The identity, which needs too much memory for tiles over ``largest`` pixels a side."""

    def forward(image: Tensor) -> Tensor:
        if max(image.shape) > largest:
            raise error
        return image

    return forward


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("tile", [0, 64, "auto"])
def test_out_of_memory_halves_the_tiles_and_goes_on(
    build: Build, error: Exception, tile: int, caplog: pytest.LogCaptureFixture
) -> None:
    image = picture(48, 64)
    restorer = Restorer(build(forward=greedy(error, 20)), tile=tile, overlap=4)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(restorer.restore(image), image, rtol=0, atol=1e-6)
    assert restorer.report.tile <= 20
    assert restorer.report.halvings == len(caplog.records) == 2
    assert "out of memory on cpu" in caplog.text
    assert f"--tile {restorer.report.tile}" in restorer.report.notes()[0]


def test_later_pictures_keep_the_smaller_tiles(build: Build) -> None:
    restorer = Restorer(build(forward=greedy(MemoryError(), 20)), tile=64, overlap=4)
    restorer.restore(picture(64, 64))
    before = restorer.report.halvings
    restorer.restore(picture(64, 64))
    assert restorer.report.halvings == before


def test_tiles_done_before_memory_ran_out_are_not_counted_twice(build: Build) -> None:
    calls = 0

    def forward(image: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise MemoryError
        return image

    image = picture(32, 32)
    progress: list[tuple[int, int]] = []
    restored = Restorer(build(forward=forward), tile=16, overlap=4).restore(
        image, progress=lambda *call: progress.append(call)
    )
    np.testing.assert_allclose(restored, image, rtol=0, atol=1e-6)
    assert progress[-1][0] == progress[-1][1]


def test_memory_that_does_not_hold_one_window_is_one_clear_line(build: Build) -> None:
    restorer = Restorer(build(forward=greedy(MemoryError(), 0)))
    with pytest.raises(NotEnoughMemory, match="not enough memory on cpu for a tile of 4 pixels"):
        restorer.restore(picture(40, 40))


def test_other_errors_of_the_network_are_not_taken_for_lack_of_memory(build: Build) -> None:
    restorer = Restorer(build(forward=greedy(RuntimeError("sizes differ"), 0)))
    with pytest.raises(RuntimeError, match="sizes differ"):
        restorer.restore(picture(4, 4))


def test_a_result_that_memory_cannot_hold_is_refused_at_once(
    repeat: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = SimpleNamespace(available=1000, free=0)
    monkeypatch.setattr("swinir.restoration.memory.psutil.virtual_memory", lambda: little)
    monkeypatch.setattr("swinir.restoration.memory.psutil.swap_memory", lambda: little)
    with pytest.raises(NotEnoughMemory, match="the result of 40x32 pixels takes"):
        Restorer(repeat(scale=4), tile=4).restore(picture(8, 10))


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_a_result_for_which_no_room_is_found_is_one_clear_line(
    repeat: Build, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zeros(*_: object, **__: object) -> None:
        raise error

    restorer = Restorer(repeat(scale=4), tile=4)
    monkeypatch.setattr(torch, "zeros", zeros)
    with pytest.raises(NotEnoughMemory, match="the result of 40x32 pixels finds no room"):
        restorer.restore(picture(8, 10))


@pytest.mark.parametrize("tile", [0, 2000])
def test_a_gpu_is_never_given_more_windows_than_its_kernels_take(repeat: Build, tile: int) -> None:
    image, seen = picture(1100, 1040), []
    network = repeat()
    forward = network.forward

    def watched(tensor: Tensor) -> Tensor:
        seen.append(tuple(tensor.shape[2:]))
        return forward(tensor)

    network.forward = watched
    restorer = Restorer(network, device="cpu", tile=tile)
    np.testing.assert_array_equal(restorer.restore(image), image)
    assert seen == [(1100, 1040)], "a CPU takes any number"
    seen.clear()
    restorer.device = torch.device("cuda")
    np.testing.assert_allclose(restorer.restore(image), image, rtol=0, atol=1e-6)
    assert len(seen) == 4
    assert all((height // 4 + 1) * (width // 4 + 1) <= 65535 for height, width in seen)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tile": -1}, "tile is at least 0 .*got -1"),
        ({"tile": "large"}, "tile is auto or a number of pixels, got 'large'"),
        ({"overlap": -1}, "overlap is at least 0 pixels, got -1"),
        ({"memory": 0}, "memory is at least 1 byte, got 0"),
        ({"precision": "int8"}, "precision is auto, fp32, bf16, fp16, got 'int8'"),
        ({"device": "tpu"}, "device is auto, cpu, cuda .*got 'tpu'"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    build: Build, options: dict[str, object], line: str
) -> None:
    with pytest.raises(ValueError, match=line):
        Restorer(build(), **options)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((0, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.float32),
        np.full((4, 4, 3), np.nan, np.float32),
    ],
    ids=["no channels", "empty", "four channels", "NaN"],
)
def test_what_is_no_image_is_refused(build: Build, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="image"):
        Restorer(build()).restore(image)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_strength_blends_with_the_input_enlarged(build: Build, scale: int, channels: int) -> None:
    network, image = build(scale=scale), picture(24, 20, channels)

    def restored(strength: float) -> np.ndarray:
        # Whole, because bicubic at the edge of a tile is not that of the picture.
        return Restorer(network, tile=0, strength=strength).restore(image)

    plain, full = restored(0.0), restored(1.0)
    if scale == 1:
        np.testing.assert_allclose(plain, image, rtol=0, atol=1e-6)
    else:
        enlarged = resize(torch.from_numpy(image).permute(2, 0, 1)[None], scale)[0]
        wanted = enlarged.permute(1, 2, 0).clamp(0, 1).numpy()
        np.testing.assert_allclose(plain, wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(restored(0.25), 0.75 * plain + 0.25 * full, rtol=0, atol=1e-5)


def test_full_strength_is_the_restoration_to_the_last_bit(build: Build) -> None:
    network, image = build(scale=2), picture(24, 20)
    np.testing.assert_array_equal(
        Restorer(network, tile=8, overlap=4).restore(image),
        Restorer(network, tile=8, overlap=4, strength=1).restore(image),
    )


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_is_from_0_to_1(build: Build, strength: float) -> None:
    with pytest.raises(ValueError, match="strength is in 0 to 1"):
        Restorer(build(), strength=strength)


@pytest.mark.parametrize(
    ("precision", "types"),
    [
        ("fp32", [torch.float32, torch.float32]),
        # Both at first, to state how far off it is.
        ("bf16", [torch.bfloat16, torch.float32, torch.bfloat16, torch.bfloat16]),
    ],
)
def test_a_cpu_computes_by_the_faster_equivalent(
    build: Build, precision: str, types: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.dtype] = []
    plain = Inference.__call__

    def watched(self: Inference, image: Tensor, check: object = None) -> Tensor:
        seen.append(self.dtype)
        return plain(self, image)

    monkeypatch.setattr(Inference, "__call__", watched)
    restorer = Restorer(build(), device="cpu", precision=precision)
    for _ in range(2):
        restorer.restore(picture(8, 8))
    assert seen == types
