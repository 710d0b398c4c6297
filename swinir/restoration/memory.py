"""How large a tile may be, and what running out of memory looks like."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from math import ceil, isqrt

import psutil
import torch

from swinir.lines import is_out_of_memory
from swinir.network import Head, SwinIRConfig

SMALLEST_AUTO = 32
LARGEST_AUTO = {"cpu": 384, "mps": 512, "cuda": 1024}
"""Sides in pixels. Beyond, what is saved of the overlaps is little, and the first sign of progress
is long in coming."""

FULL_SIZE_HEADS = (Head.PIXELSHUFFLE, Head.PIXELSHUFFLE_AUX, Head.NEAREST_CONV)
FULL_SIZE_CHANNELS = 64

MOST_WINDOWS = 65535
"""Windows that CUDA's kernels of attention take at once."""


class NotEnoughMemory(ValueError):
    """A picture that does not fit; its text is one line for the user."""


def bytes_per_pixel(config: SwinIRConfig, *, lean: bool = False) -> int:
    """Memory that a tile takes at its peak, for each input pixel in fp32; erring upwards.

    Measured on a CPU: about 6.6 kB for the lightweight x4 network, 12 to 16 kB for the medium one
    and 20 kB with its nearest+conv head. ``lean``, as `network.inference` is, in fp32 or bf16: 2.6,
    4.3 to 10 and 14 (tiles of 256 pixels). A U of the lightweight width takes up to 8.4 kB, the
    more the smaller the tile; lean 3.6.
    """
    trunk, full_size = _trunk(config), 5
    if lean:
        # Only feature maps are whole there; blocks are done for a few windows at a time.
        trunk, full_size = (11 if config.levels == 1 else 16) * config.embed_dim, 4
    head = 2 * config.embed_dim + 2 * config.channels * config.scale**2
    if config.head in FULL_SIZE_HEADS:
        head += full_size * FULL_SIZE_CHANNELS * config.scale**2
    return 4 * max(trunk, head)


def _trunk(config: SwinIRConfig) -> int:
    """Numbers that the groups of blocks hold at most, for each input pixel."""
    # A block holds its input, qkv, the attention's result and the branch; the bias of a shifted
    # block is a matrix of tokens by tokens for each head and window, while it is made twice.
    groups = [
        (16 * config.width(index) + 2 * heads * config.window**2) / 4 ** config.level(index)
        for index, heads in enumerate(config.num_heads)
    ]
    # Skips are twice the features of full size; maps of several sizes leave holes between them.
    return ceil(max(groups)) + (8 * config.embed_dim if config.levels > 1 else 0)


def free_memory(device: torch.device) -> int:
    """Bytes that can be had on a device now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
    return min(int(psutil.virtual_memory().available), _address_space())


def _address_space() -> int:
    """Bytes that a limit on the process (``ulimit -v``) leaves to it."""
    if not hasattr(psutil, "RLIMIT_AS"):
        return sys.maxsize
    process = psutil.Process()
    limit, _ = process.rlimit(psutil.RLIMIT_AS)
    if limit == psutil.RLIM_INFINITY:
        return sys.maxsize
    return max(limit - process.memory_info().vms, 0)


def largest_tile(
    config: SwinIRConfig,
    device: torch.device,
    budget: int | None = None,
    *,
    lean: bool = False,
    lanes: int = 1,
) -> int:
    """Side of the largest tiles in pixels, in whole windows, that fit half of the free memory.

    Of a U the windows of its lowest level.

    ``budget`` is in bytes and lowers what may be used; ``lanes`` tiles are in work at once.
    """
    usable = free_memory(device) // 2
    if budget is not None:
        usable = min(usable, budget)
    needed = lanes * bytes_per_pixel(config, lean=lean)
    side = min(isqrt(usable // needed), LARGEST_AUTO[device.type])
    return max(side, SMALLEST_AUTO) // config.multiple * config.multiple or config.multiple


def within_grid(side: int, height: int, width: int, config: SwinIRConfig) -> int:
    """The ``side`` of tiles (0: the whole picture), lower where CUDA refuses so many windows."""
    step = config.multiple
    most = MOST_WINDOWS // (step // config.window) ** 2
    # One step more for a side that is rounded up, and one for the published padding.
    rows, columns = (min(side or each, each) // step + 2 for each in (height, width))
    if rows * columns <= most:
        return side
    return max(isqrt(most) - 2, 1) * step


def require(size: int, what: str) -> None:
    """Refuse at once what the machine cannot hold, before the system ends the program for it.

    Raises:
        NotEnoughMemory: ``size`` bytes are more than memory and swap have left, or than a limit
            on the process leaves.
    """
    left = psutil.virtual_memory().available + psutil.swap_memory().free
    left = min(left, _address_space())
    if size > left:
        raise NotEnoughMemory(
            f"{what} takes {size / 2**30:.1f} GiB of memory, {left / 2**30:.1f} GiB are free; "
            "cut the picture or close other programs"
        )


@contextmanager
def holding(what: str) -> Generator[None, None, None]:
    """Say in one line which thing found no room in memory.

    Raises:
        NotEnoughMemory: memory ran out within the block.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise NotEnoughMemory(
            f"{what} finds no room in memory; cut the picture or close other programs"
        ) from None
