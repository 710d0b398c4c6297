"""One uploaded picture through the engine, and what the page shows of it."""

import secrets
import time
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swinir.images.files import Picture, check_size, read, write
from swinir.images.preview import write_preview
from swinir.images.sheet import busiest_corner
from swinir.web.engines import Lender
from swinir.web.jobs import Watch
from swinir.web.orders import Order
from swinir.web.words import duration

MOST_SHOWN = 12_000_000
"""Pixels of a result above which the page shows a smaller one; the download is always whole."""

CROP = 320
"""Side in pixels of the result of the crops that are shown side by side."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of one picture.

    Attributes:
        path: the result, as it is downloaded.
        before: the picture.
        after: what became of it.
        seconds: reading, restoring and writing, without waiting.
        notes: what the user should know.
    """

    path: Path
    before: Picture
    after: Picture
    seconds: float
    notes: list[str]

    @property
    def size(self) -> str:
        """Sides of the picture and of the result, in pixels."""
        sides = [f"{each.pixels.shape[1]} x {each.pixels.shape[0]}" for each in self._both]
        return f"{sides[0]} → {sides[1]} pixels" if sides[0] != sides[1] else f"{sides[1]} pixels"

    @property
    def _both(self) -> tuple[Picture, Picture]:
        return self.before, self.after

    @property
    def summary(self) -> str:
        """One line for the page."""
        kept = [f"{self.after.depth} bits" if self.after.depth > 8 else ""]
        kept += ["transparency" if self.after.alpha is not None else ""]
        kept += ["colour profile" if self.after.metadata.icc else ""]
        carried = [each for each in kept if each]
        parts = [f"Done in {duration(self.seconds)}: {self.size}"]
        parts += [f"{', '.join(carried)} kept"] if carried else []
        return "; ".join([*parts, *self.notes])


class Bench:
    """Where pictures are restored: engines, a limit, and a folder that browsers may be served."""

    def __init__(self, engines: Lender, folder: Path, max_pixels: int) -> None:
        """Results go to ``folder``; pictures larger than ``max_pixels`` are refused."""
        self.engines, self.folder, self.max_pixels = engines, folder, max_pixels

    def place(self) -> Path:
        """A new folder whose name nobody can guess."""
        place = self.folder / secrets.token_hex(16)
        place.mkdir(parents=True)
        return place

    def restore(self, source: Path, order: Order, watch: Watch) -> Restored:
        """Restore one file as the command line does.

        Raises:
            ValueError: a file that is no picture, is too large, or weights that cannot be had.
            Cancelled: the visitor left.
        """
        with self.engines.lend(order, watch.cancelled) as restorer:
            started = time.perf_counter()
            picture = read(source, max_pixels=self.max_pixels)
            target = self.place() / order.result_name(source.name)
            check_size(target, *(side * restorer.scale for side in picture.pixels.shape[:2]))
            after = restorer.restore_picture(
                picture, progress=watch.tiles, cancelled=watch.cancelled
            )
            write(target, after)
            notes = restorer.report.notes()
        if picture.frames > 1:
            notes.append(f"the first of {picture.frames} frames")
        return Restored(target, picture, after, time.perf_counter() - started, notes)

    def both(self, restored: Restored) -> tuple[Path, Path]:
        """Files of the picture before and after at one size, for the slider."""
        height, width = restored.after.pixels.shape[:2]
        shrink = min(1.0, sqrt(MOST_SHOWN / (height * width)))
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
        before, after = restored.path.with_name("before.png"), restored.path
        write_preview(before, restored.before, width, height)
        if shrink < 1:
            after = restored.path.with_name("after.png")
            write_preview(after, restored.after, width, height)
        return before, after

    def crops(self, restored: Restored) -> tuple[Path, Path]:
        """Files of the crop with most detail, before and after, at one size."""
        scale = restored.after.pixels.shape[0] // restored.before.pixels.shape[0]
        side = max(1, CROP // scale)
        row, column = busiest_corner(restored.before.pixels, side)
        small = _cut(restored.before.pixels, row, column, side)
        large = _cut(restored.after.pixels, row * scale, column * scale, side * scale)
        height, width = large.shape[:2]
        files = tuple(restored.path.with_name(f"crop-{name}.png") for name in ("before", "after"))
        for file, pixels in zip(files, (small, large), strict=True):
            write_preview(file, Picture(pixels, metadata=restored.before.metadata), width, height)
        return files[0], files[1]


def _cut(pixels: NDArray[np.float32], row: int, column: int, side: int) -> NDArray[np.float32]:
    return pixels[row : row + side, column : column + side]
