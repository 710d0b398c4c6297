import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from swinir.network import Attention, Head, Norm, Shape, SwinIRConfig
from swinir.restoration.memory import (
    MOST_WINDOWS,
    NotEnoughMemory,
    bytes_per_pixel,
    holding,
    largest_tile,
    require,
    within_grid,
)

GIB = 2**30
CPU = torch.device("cpu")
V2 = {"attention": Attention.COSINE, "norm": Norm.POST, "projection": True}


def light() -> SwinIRConfig:
    return SwinIRConfig(
        head=Head.PIXELSHUFFLE_DIRECT,
        scale=4,
        embed_dim=60,
        depths=(6, 6, 6, 6),
        num_heads=(6, 6, 6, 6),
    )


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    memory = SimpleNamespace(available=64 * GIB)
    monkeypatch.setattr("swinir.restoration.memory.psutil.virtual_memory", lambda: memory)
    return memory


@pytest.mark.parametrize(
    ("config", "measured", "lean"),
    [
        (light(), 6800, 2570),
        (SwinIRConfig(head=Head.RESIDUAL), 12000, 4320),
        (SwinIRConfig(head=Head.PIXELSHUFFLE, scale=4), 16000, 10100),
        (SwinIRConfig(head=Head.NEAREST_CONV, scale=4), 20500, 13820),
        (replace(light(), **V2), 6700, 2210),
        (SwinIRConfig(head=Head.RESIDUAL, **V2), 14200, 4130),
    ],
    ids=[
        "light x4",
        "medium denoiser",
        "medium x4",
        "medium real x4",
        "light Swin2SR x4",
        "medium Swin2SR denoiser",
    ],
)
def test_the_estimate_is_above_what_was_measured_but_not_twice(
    config: SwinIRConfig, measured: int, lean: int
) -> None:
    assert measured <= bytes_per_pixel(config) < 2 * measured
    assert lean <= bytes_per_pixel(config, lean=True) < 2 * lean


def u(**options: Any) -> SwinIRConfig:
    sizes = {"embed_dim": 60, "depths": (4, 4, 8, 4, 4), "num_heads": (6, 12, 24, 12, 6)}
    return SwinIRConfig(**{"head": Head.RESIDUAL, "shape": Shape.U, **sizes, **options})


@pytest.mark.parametrize(
    ("config", "least", "most", "lean"),
    [
        (u(), 5916, 8419, 3570),
        (u(embed_dim=180), 9364, 17105, 5770),
        (u(embed_dim=48, num_heads=(4, 16, 96, 16, 4)), 4619, 6150, 2680),
        (u(**V2), 6506, 7469, 3390),
    ],
    ids=["light", "medium", "many heads below", "cosine"],
)
def test_the_estimate_of_a_u_is_above_what_was_measured(
    config: SwinIRConfig, least: int, most: int, lean: int
) -> None:
    # Of tiles of 64 to 512 pixels; lean of 256.
    assert most <= bytes_per_pixel(config) < 2.2 * least
    assert lean <= bytes_per_pixel(config, lean=True) < 2.2 * lean


@pytest.mark.parametrize("available", [GIB // 16, GIB // 4, 64 * GIB])
def test_tiles_of_a_u_are_whole_windows_at_its_lowest_level(
    free: SimpleNamespace, available: int
) -> None:
    free.available = available
    for window, levels in ((8, 3), (7, 3), (8, 5)):
        groups = 2 * levels - 1
        config = u(window=window, depths=(1,) * groups, num_heads=(6,) * groups)
        side = largest_tile(config, CPU)
        assert side % (window * 2 ** (levels - 1)) == 0
        assert side > 0


def test_auto_is_the_quickest_tile_where_memory_is_plenty(free: SimpleNamespace) -> None:
    assert largest_tile(light(), CPU) == 384


@pytest.mark.parametrize("window", [7, 8])
def test_auto_fits_half_of_the_free_memory_in_whole_windows(
    free: SimpleNamespace, window: int
) -> None:
    config = SwinIRConfig(head=Head.RESIDUAL, window=window)
    free.available = GIB // 4
    side = largest_tile(config, CPU)
    assert side % window == 0
    assert (
        side**2 * bytes_per_pixel(config)
        <= GIB // 8
        < (side + window) ** 2 * bytes_per_pixel(config)
    )


def test_auto_respects_a_budget(free: SimpleNamespace) -> None:
    side = largest_tile(light(), CPU, GIB // 8)
    assert 96 <= side < 256
    assert side**2 * bytes_per_pixel(light()) <= GIB // 8


def test_tiles_that_are_in_work_at_once_share_what_is_free(free: SimpleNamespace) -> None:
    one, four = (largest_tile(light(), CPU, GIB // 8, lanes=count) for count in (1, 4))
    assert 4 * four**2 <= one**2
    assert largest_tile(light(), CPU, GIB // 8, lean=True) > one


def test_auto_has_a_floor(free: SimpleNamespace) -> None:
    free.available = 0
    assert largest_tile(light(), CPU) == 32
    assert largest_tile(SwinIRConfig(head=Head.RESIDUAL, window=40), CPU) == 40


def test_a_gpu_may_use_what_torch_holds_in_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (GIB // 8, GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 2 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)
    assert largest_tile(light(), torch.device("cuda")) > 256


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_AS"), reason="needs a system that has ulimit -v")
def test_a_limit_on_the_process_counts_as_little_memory(
    free: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = (psutil.Process().memory_info().vms + GIB // 4, psutil.RLIM_INFINITY)
    monkeypatch.setattr(psutil.Process, "rlimit", lambda *_: limits)
    side = largest_tile(SwinIRConfig(head=Head.RESIDUAL), CPU)
    assert 32 <= side < 128
    with pytest.raises(NotEnoughMemory, match=r"the result takes 1\.0 GiB of memory, 0\.[12] GiB"):
        require(GIB, "the result")
    monkeypatch.setattr(psutil.Process, "rlimit", lambda *_: (psutil.RLIM_INFINITY,) * 2)
    require(GIB, "the result")


def test_what_finds_no_room_is_named() -> None:
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")):
        with (
            pytest.raises(NotEnoughMemory, match="the result finds no room"),
            holding("the result"),
        ):
            raise error
    with pytest.raises(RuntimeError, match="sizes differ"), holding("the result"):
        raise RuntimeError("sizes differ")


GRID_7, GRID_8 = (SwinIRConfig(head=Head.RESIDUAL, window=window) for window in (7, 8))
GRID_U = u()


@pytest.mark.parametrize("config", [GRID_7, GRID_8, GRID_U], ids=["7", "8", "U"])
@pytest.mark.parametrize("side", [0, 64, 2000, 5000])
@pytest.mark.parametrize(("height", "width"), [(100, 100), (2033, 2048), (9000, 9000), (8, 60000)])
def test_no_tile_has_more_windows_than_a_kernel_takes(
    config: SwinIRConfig, side: int, height: int, width: int
) -> None:
    step = config.multiple

    def windows(tile: int) -> int:
        # Rounded up, and extended by another step as the published padding does.
        steps = math.prod(-(-min(tile or each, each) // step) + 1 for each in (height, width))
        return steps * (step // config.window) ** 2

    found = within_grid(side, height, width, config)
    assert windows(found) <= MOST_WINDOWS
    if windows(side) <= 0.93 * MOST_WINDOWS:
        assert found == side
    else:
        assert found % step == 0


LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from swinir.images.files import write
from swinir.images.picture import Picture
from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.restoration import Restorer

config = SwinIRConfig(
    head=Head.PIXELSHUFFLE_DIRECT, scale=4, embed_dim=12, depths=(1,), num_heads=(2,)
)
rows = np.linspace(0, 1, 2000, dtype=np.float32)[:, None, None]
pixels = np.broadcast_to(rows, (2000, 3000, 3)).copy()
restored = Restorer(SwinIR(config), device="cpu").restore_picture(Picture(pixels))
write(Path(sys.argv[1]), restored)
print(*restored.pixels.shape, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts KiB on Linux alone")
def test_a_large_picture_is_enlarged_four_times_in_under_3_gib(tmp_path: Path) -> None:
    target = tmp_path / "large.png"
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(target)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *shape, peak = map(int, done.stdout.split())
    assert shape == [8000, 12000, 3]
    assert target.stat().st_size > 0
    assert peak < 3 * GIB
