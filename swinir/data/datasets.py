"""Photographs in memory, as pairs of a degraded image and its truth."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from torch import Tensor

from swinir.data.degradations import crop_to_multiple, shrink
from swinir.images.colour import LUMA
from swinir.images.files import UnreadableImage, find_images, read
from swinir.images.tensors import to_levels

T = TypeVar("T")

log = logging.getLogger(__name__)

READERS = 2
"""Threads: files are decoded one at a time, and one is shrunk while another is decoded."""


class Stopped(Exception):
    """Reading was stopped before its end."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One photograph: ``truth`` (C, H, W) and ``degraded`` (C, H/scale, W/scale), uint8.

    At scale 1 both are one tensor.
    """

    name: str
    truth: Tensor
    degraded: Tensor


def load_levels(path: Path, channels: int = 3) -> Tensor:
    """Read an image as (C, H, W) uint8.

    For three channels a grey one gets them equal, for one a colour one gives its full-range luma.

    Raises:
        UnreadableImage: not an image.
    """
    pixels = read(path).pixels
    if channels == 1 and pixels.shape[2] == 3:
        pixels = pixels @ np.array(LUMA, np.float32)[:, None]
    return to_levels(pixels).expand(channels, -1, -1).contiguous()


def load_pairs(
    folder: Path,
    scale: int,
    *,
    channels: int = 3,
    smallest: int = 1,
    most: int | None = None,
    side: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Pair]:
    """Read every photograph of a folder and make its low-resolution image, by MATLAB's bicubic.

    Smaller ones are left out, and so are unreadable ones, with a warning. ``smallest`` is the least
    side of a degraded image; of more than ``most`` files that many are read, evenly spaced; of
    larger photographs the middle is kept, ``side`` pixels wide and high. ``progress`` is called
    with the number of files done and in all, ``stop`` is asked after each.

    Raises:
        ValueError: the folder holds no photograph large enough.
        Stopped: ``stop`` said so.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: a folder of photographs is needed, there is none")
    files = find_images(folder)
    if most is not None:
        files = files[:: max(1, len(files) // most)][:most]
    load = partial(_load_pair, scale=scale, channels=channels, smallest=smallest, largest=side)
    loaded = list(_load_all(files, load, progress, stop))
    # After the last call of progress, whose line they would break.
    for each in loaded:
        if isinstance(each, UnreadableImage):
            log.warning("skipped: %s", each)
    pairs = [each for each in loaded if isinstance(each, Pair)]
    if not pairs:
        side = smallest * scale
        raise ValueError(
            f"{folder}: needs photographs of at least {side}x{side} pixels, "
            f"found none among {len(files)} image files"
        )
    return pairs


def fingerprint(pairs: Sequence[Pair]) -> str:
    """A hash of the photographs' pixels in their order, whatever their names and place."""
    content = hashlib.sha256()
    for pair in pairs:
        content.update(repr(tuple(pair.truth.shape)).encode())
        content.update(pair.truth.contiguous().numpy().data)
    return content.hexdigest()


def _load_pair(
    path: Path, scale: int, channels: int, smallest: int, largest: int | None
) -> Pair | UnreadableImage | None:
    """The pair; the reason why there is none, or None where the photograph is too small."""
    try:
        levels = load_levels(path, channels)
    except UnreadableImage as error:
        return error
    if min(levels.shape[1:]) < smallest * scale:
        return None
    if largest is not None:
        top, left = (max(0, length - largest) // 2 for length in levels.shape[1:])
        levels = levels[:, top : top + largest, left : left + largest]
    truth = crop_to_multiple(levels, scale).contiguous()
    return Pair(path.stem, truth, shrink(truth, scale) if scale > 1 else truth)


def _load_all(
    files: Sequence[Path],
    load: Callable[[Path], T],
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> Iterator[T]:
    """Load files in threads, in their order; when stopped, wait for those in hand alone."""
    pool = ThreadPoolExecutor(READERS)
    try:
        for done, loaded in enumerate(pool.map(load, files), 1):
            yield loaded
            if progress:
                progress(done, len(files))
            if stop():
                raise Stopped(f"stopped after reading {done} of {len(files)} photographs")
    finally:
        pool.shutdown(cancel_futures=True)
