"""Photographs as pairs of a degraded image and its truth, in memory or in a cache."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
from torch import Tensor

from swinir.data.cache import Stored, digest, entry, keep, stamp
from swinir.data.degradations import crop_to_multiple, shrink
from swinir.data.matching import misfit
from swinir.images.colour import LUMA
from swinir.images.files import UnreadableImage, find_images, read
from swinir.images.tensors import Image, to_levels

S = TypeVar("S")
T = TypeVar("T")

log = logging.getLogger(__name__)

READERS = 2
"""Threads: files are decoded one at a time, and one is shrunk while another is decoded."""


class Stopped(Exception):
    """Reading was stopped before its end."""


Kept = Tensor | Stored
"""Levels ``(C, H, W)`` uint8, in memory or in a file."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One photograph: ``truth`` (C, H, W) and ``degraded`` (C, H/scale, W/scale), uint8.

    What lies in a cache is mapped at each use.

    Attributes:
        name: of its file, without the suffix.
        kept_truth: where the truth is.
        kept_degraded: where the degraded image is; at scale 1 the same, unless it has its own file.
        derived: whether the degraded image was made from the truth, and so says nothing more.
    """

    name: str
    kept_truth: Kept
    kept_degraded: Kept
    derived: bool = True

    @property
    def truth(self) -> Tensor:
        """The photograph as it should be."""
        return opened(self.kept_truth)

    @property
    def degraded(self) -> Tensor:
        """What the network gets."""
        return opened(self.kept_degraded)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the degraded image."""
        _, height, width = self.kept_degraded.shape
        return height, width


@dataclass(frozen=True, slots=True)
class Reading:
    """What is made of each photograph.

    Attributes:
        scale: of the truth over the degraded image.
        channels: 1 or 3.
        smallest: least side of a degraded image that is of use.
        side: of larger photographs the middle, so many pixels wide and high; None for all of it.
        cache: folder where decoded images are kept; None for the memory.
    """

    scale: int
    channels: int = 3
    smallest: int = 1
    side: int | None = None
    cache: Path | None = None


def opened(kept: Kept) -> Tensor:
    """The levels themselves."""
    return kept.open() if isinstance(kept, Stored) else kept


def load_levels(path: Path, channels: int = 3) -> Tensor:
    """Read an image as (C, H, W) uint8.

    For three channels a grey one gets them equal, for one a colour one gives its full-range luma.

    Raises:
        UnreadableImage: not an image.
    """
    return _as_levels(read(path).pixels, channels)


def _as_levels(pixels: Image, channels: int) -> Tensor:
    if channels == 1 and pixels.shape[2] == 3:
        pixels = pixels @ np.array(LUMA, np.float32)[:, None]
    return to_levels(pixels).expand(channels, -1, -1).contiguous()


def load_pairs(
    folder: Path,
    scale: int,
    *,
    matches: Sequence[tuple[Path, Path]] | None = None,
    channels: int = 3,
    smallest: int = 1,
    most: int | None = None,
    side: int | None = None,
    cache: Path | None = None,
    prepare: Callable[[Pair], object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Pair]:
    """Read every photograph of a folder and make its low-resolution image, by MATLAB's bicubic.

    Smaller ones are left out, and so are unreadable ones, with a warning. ``smallest`` is the least
    side of a degraded image; of more than ``most`` files that many are read, evenly spaced; of
    larger photographs the middle is kept, ``side`` pixels wide and high. ``cache`` is a folder for
    decoded images, which are then not held in memory. ``prepare`` is called with each pair, in the
    threads that read; ``progress`` with the number of files done and in all, and ``stop`` is asked
    after each.

    With ``matches``, files of the folder each with that of its degraded image, these are read
    instead, and nothing is made.

    Raises:
        ValueError: the folder holds no photograph large enough, or two files do not match.
        OSError: the cache cannot be written.
        Stopped: ``stop`` said so.
    """
    files = list(matches) if matches is not None else [(path, None) for path in listed(folder)]
    if most is not None:
        files = files[:: max(1, len(files) // most)][:most]
    reading = Reading(scale, channels, smallest, side, cache)
    complaints: list[str] = []
    load = partial(_load_pair, reading=reading, prepare=prepare, complaints=complaints)
    loaded = list(_load_all(files, load, progress, stop))
    # After the last call of progress, whose line they would break.
    for each in loaded:
        if isinstance(each, UnreadableImage):
            log.warning("skipped: %s", each)
    if complaints:
        log.warning("%d entries of the cache were made anew: %s", len(complaints), complaints[0])
    pairs = [each for each in loaded if isinstance(each, Pair)]
    if not pairs:
        least = smallest * scale
        raise ValueError(
            f"{folder}: needs photographs of at least {least}x{least} pixels, "
            f"found none among {len(files)} image files"
        )
    return pairs


def listed(folder: Path) -> list[Path]:
    """The image files of a folder.

    Raises:
        ValueError: there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: a folder of photographs is needed, there is none")
    return find_images(folder)


def fingerprint(pairs: Sequence[Pair]) -> str:
    """A hash of the photographs' pixels in their order, whatever their names and place."""
    content = sha256()
    for pair in pairs:
        content.update(_digest(pair.kept_truth).encode())
        if not pair.derived:
            content.update(_digest(pair.kept_degraded).encode())
    return content.hexdigest()


def _digest(kept: Kept) -> str:
    return kept.digest if isinstance(kept, Stored) else digest(kept.numpy())


def _load_pair(
    files: tuple[Path, Path | None],
    reading: Reading,
    prepare: Callable[[Pair], object] | None,
    complaints: list[str],
) -> Pair | UnreadableImage | None:
    """The pair; the reason why there is none, or None where the photograph is too small."""
    truth, degraded = files
    sources = [path for path in files if path]
    make = partial(_matched if degraded else _derived, sources, reading)
    try:
        images = _kept(sources, reading, make, complaints)
    except UnreadableImage as error:
        return error
    if min(images[-1].shape[1:]) < reading.smallest:
        return None
    pair = Pair(truth.stem, images[0], images[-1], derived=degraded is None)
    if prepare:
        prepare(pair)
    return pair


def _kept(
    sources: Sequence[Path],
    reading: Reading,
    make: Callable[[], list[Tensor]],
    complaints: list[str],
) -> Sequence[Kept]:
    """What ``make`` gives, out of the cache."""
    if reading.cache is None:
        return make()
    try:
        wanted = stamp(sources)
    except OSError as error:
        raise UnreadableImage(f"{error.filename}: {error.strerror}") from error
    place = entry(reading.cache, sources, reading.scale, reading.channels, reading.side)
    count = 1 if len(sources) == 1 and reading.scale == 1 else 2
    paths = [place.with_name(f"{place.name}.{role}.npy") for role in ("truth", "degraded")[:count]]
    return keep(paths, wanted, lambda: [each.numpy() for each in make()], complaints)


def _derived(sources: Sequence[Path], reading: Reading) -> list[Tensor]:
    """The truth and, where it is smaller, its shrunk image."""
    levels = _middle(load_levels(sources[0], reading.channels), reading.side)
    truth = crop_to_multiple(levels, reading.scale).contiguous()
    if reading.scale == 1:
        return [truth]
    return [truth, shrink(truth, reading.scale) if truth.numel() else truth]


def _matched(sources: Sequence[Path], reading: Reading) -> list[Tensor]:
    """The truth and its degraded image, from two files.

    Raises:
        ValueError: they do not match.
    """
    truth, degraded = (read(path).pixels for path in sources)
    problem = misfit(sources[0], truth.shape, sources[1], degraded.shape, reading.scale)
    if problem:
        raise ValueError(problem)
    large, small = (_as_levels(each, reading.channels) for each in (truth, degraded))
    if reading.side is None:
        return [large, small]
    # The middle of the smaller one, and the same place of the other.
    side, scale = reading.side // reading.scale, reading.scale
    top, left = _corner(small, side)
    return [
        _square(large, top * scale, left * scale, side * scale),
        _square(small, top, left, side),
    ]


def _middle(levels: Tensor, side: int | None) -> Tensor:
    return levels if side is None else _square(levels, *_corner(levels, side), side)


def _corner(levels: Tensor, side: int) -> tuple[int, int]:
    top, left = (max(0, length - side) // 2 for length in levels.shape[1:])
    return top, left


def _square(levels: Tensor, top: int, left: int, side: int) -> Tensor:
    return levels[:, top : top + side, left : left + side].contiguous()


def _load_all(
    files: Sequence[S],
    load: Callable[[S], T],
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
