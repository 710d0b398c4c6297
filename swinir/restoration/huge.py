"""A TIFF that memory does not hold: restored row of tiles by row of tiles, from disk to disk.

The result is that of `Restorer.restore`, to the bit. In memory are the input of one row of tiles
and its result, with what the row before shares with it. A run that ends early, however it does,
leaves its work for the next one with the same source, weights and options.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from swinir.images.bands import Bands, look
from swinir.images.files import MAX_PIXELS, WRITABLE
from swinir.images.picture import UnreadableImage
from swinir.images.strips import Strips, must_be_big, plain_size
from swinir.images.tensors import to_image, to_tensor
from swinir.lines import is_out_of_memory, printable
from swinir.network import SwinIR
from swinir.restoration.memory import NotEnoughMemory, free_memory, require
from swinir.restoration.restorer import Restorer
from swinir.restoration.unfinished import State, Unfinished, held
from swinir.restoration.watch import Progress, Watch
from swinir.tiling import Span, Tile, blend

VERSION = 1
"""Of what is left for the next run; another one is not gone on with."""

SLACK = 1 << 24
"""Bytes of the disk beyond those of the rows: directory, lists of sizes."""


def too_large(source: Path, target: Path, scale: int, max_pixels: int | None) -> Bands | None:
    """The picture, where it has to be restored row by row; None where it can be held.

    That is so for a TIFF which has more than `MAX_PIXELS` or ``max_pixels``, whose floats and those
    of its result take over half of the free memory, or whose result might pass 4 GiB, when the
    result is to be a TIFF as well. What has more than ``max_pixels`` that the user named is left to
    be refused.

    Raises:
        ValueError: it cannot be held, and source or target is no TIFF that can be done so.
    """
    layout = look(source)
    if layout is None:
        return None
    height, width, samples = layout.height, layout.width, len(layout.bits)
    result = scale * height, scale * width, samples
    if max_pixels is not None and height * width > max_pixels:
        return None
    floats = 4 * (height * width * samples + plain_size(result, 8))
    free = free_memory(torch.device("cpu"))
    impossible = max_pixels is None and (height * width > MAX_PIXELS or floats > free)
    if WRITABLE.get(target.suffix.lower()) != "TIFF":
        if impossible:
            raise ValueError(
                "a picture that does not fit in memory is restored row by row into a TIFF, got "
                f"{width}x{height} pixels and a result ending in {target.suffix}; "
                "give --format tiff"
            )
        return None
    is_held = height * width <= MAX_PIXELS and floats <= free // 2
    if is_held and not must_be_big(result, max(layout.bits)):
        return None
    try:
        return Bands(source)
    except UnreadableImage:
        if impossible:
            raise
        return None


@torch.inference_mode()
def restore_rows(
    restorer: Restorer,
    bands: Bands,
    target: Path,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[str]:
    """Restore a TIFF into another, whose folder is there, going on where an earlier run ended.

    Depth and metadata are kept. Returns what the user should know, a line each. For ``progress``
    and ``cancelled`` see `Restorer.restore`.

    Raises:
        ValueError: no room in memory or on the disk, damaged pixels, or another run on the target.
        OSError: the disk refuses.
        Cancelled: ``cancelled`` said so.
    """
    height, width, channels = bands.shape
    shape = restorer.scale * height, restorer.scale * width, channels
    with held(target, _made_of(restorer, bands)) as work:
        with work.open() as file:
            strips = Strips(file, shape, bands.depth, bands.metadata)
            course = _Course(restorer, bands, strips, work, Watch(progress, cancelled))
            note = course.begin()
            _require_disk(target.parent, course)
            while not course.completed():
                # Out of the handler, where the exception no longer holds on to the tensors.
                course.halve()
            strips.finish()
        work.finish()
    return [note] if note else []


class _Course:
    """One run from the row of tiles where it begins to the last."""

    def __init__(
        self, restorer: Restorer, bands: Bands, strips: Strips, work: Unfinished, watch: Watch
    ) -> None:
        self.restorer, self.bands, self.strips, self.work = restorer, bands, strips, work
        self.watch = watch
        self.run = restorer.passes(bands.shape[2], watch)
        self.state = self._planned()

    def begin(self) -> str:
        """Take up what earlier runs did; returns what the user should know of it."""
        state = self.work.load()
        if state and self.strips.go_on(state.sizes):
            self.state = state
            return f"went on where an earlier run had ended, at {state.done / len(state.rows):.0%}"
        self.strips.go_on([])
        if state or self.work.another:
            return (
                "what an earlier run had made was not of this source and these options; made anew"
            )
        return ""

    def completed(self) -> bool:
        """Do what is left; False where not even the first row of tiles fits in memory."""
        state = self.state
        self._require_memory()
        tiles = len(state.columns) * self.restorer.tile_passes
        self.watch.begin(tiles * len(state.rows))
        if state.done:
            self.watch.step(tiles * state.done)
        try:
            for at in range(state.done, len(state.rows)):
                self._advance(at)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.state.done:
                # Smaller tiles would blend otherwise from here on.
                raise NotEnoughMemory(
                    f"memory on {self.restorer.device} ran out in the middle of the picture; free "
                    "some, or begin anew with a smaller --tile"
                ) from None
            return False
        return True

    def halve(self) -> None:
        """Plan anew with tiles of half the size."""
        self.restorer.halve(_tiles(self.state.rows, self.state.columns))
        self.strips.go_on([])
        self.state = self._planned()

    def _planned(self) -> State:
        height, width, channels = self.bands.shape
        self.restorer.measure(height, width)
        tiles = self.restorer.tiles(height, width)
        rows, columns = (
            list(dict.fromkeys(spans))
            for spans in zip(*((tile.rows, tile.columns) for tile in tiles), strict=True)
        )
        empty = np.empty((0, self.restorer.scale * width, channels), np.float32)
        return State(rows, columns, 0, [], empty)

    def _advance(self, at: int) -> None:
        """Restore a row of tiles, and bring to the disk what no other will touch."""
        state, strips, scale = self.state, self.strips, self.restorer.scale
        pixels = self._blended(at)
        if at + 1 < len(state.rows):
            final = state.rows[at + 1].first * scale - strips.written
            final -= final % strips.rows
        else:
            final = len(pixels)
        strips.append(pixels[:final])
        strips.flush()
        self.state = replace(
            state, done=at + 1, sizes=list(strips.sizes), carry=pixels[final:].copy()
        )
        self.work.save(self.state)

    def _blended(self, at: int) -> NDArray[np.float32]:
        """The result below what is on the disk, as far as this row of tiles reaches."""
        rows, scale, carry = self.state.rows[at], self.restorer.scale, self.state.carry
        top = self.strips.written
        # Tiles are placed where they read, which may be above what is still to be written.
        first = min(top, rows.start * scale)
        _, width, channels = self.bands.shape
        canvas = torch.zeros((rows.last * scale - first, width * scale, channels))
        canvas[top - first : top - first + len(carry)] = torch.from_numpy(carry)
        canvas = canvas.permute(2, 0, 1)[None]
        tiles = _tiles([_moved(rows, rows.start)], self.state.columns)
        with self.restorer.side_by_side(tiles, self.watch) as each:
            blend(
                self.run,
                to_tensor(self.bands.read(rows.start, rows.stop)),
                tiles,
                scale=scale,
                canvas=canvas[:, :, rows.start * scale - first :],
                each=each,
            )
        return to_image(canvas[:, :, top - first :])

    def _require_memory(self) -> None:
        _, width, channels = self.bands.shape
        scale, rows = self.restorer.scale, self.state.rows
        most = max(span.stop - span.start for span in rows)
        shared = max([before.last - after.first for before, after in pairwise(rows)], default=0)
        held_rows = most + scale**2 * (most + 2 * shared)
        require(
            4 * held_rows * width * channels,
            f"a row of tiles, {most} rows of the picture (--tile says how many),",
        )


def _tiles(rows: Sequence[Span], columns: Sequence[Span]) -> list[Tile]:
    return [Tile(row, column) for row in rows for column in columns]


def _moved(span: Span, up: int) -> Span:
    """The same rows counted from row ``up``."""
    (rise, risen), (fall, fallen) = span.rise, span.fall
    return Span(span.start - up, span.stop - up, (rise - up, risen - up), (fall - up, fallen - up))


def _made_of(restorer: Restorer, bands: Bands) -> dict[str, object]:
    """All that decides the bytes of the result, but for the device."""
    return {
        "version": VERSION,
        "source": bands.state,
        "weights": _digest(restorer.network),
        "network": asdict(restorer.network.config),
        "tile": restorer.tile,
        "overlap": restorer.overlap,
        "passes": restorer.tile_passes,
        "strength": restorer.strength,
        "precision": str(restorer.precision),
        "padding": restorer.padding,
    }


def _digest(network: SwinIR) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _require_disk(folder: Path, course: _Course) -> None:
    """Refuse what the disk cannot hold, before hours of work for it."""
    strips, state = course.strips, course.state
    height, width, channels = strips.shape
    rows = max(span.last - span.first for span in state.rows) * course.restorer.scale
    # The state is replaced as a whole, so that two of them are there at a time.
    states = 2 * 4 * min(rows, height) * width * channels
    needed = plain_size((height - strips.written, width, channels), strips.depth) + states + SLACK
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"the result takes up to {needed / 2**30:.1f} GiB of the disk, {free / 2**30:.1f} GiB "
            f"are free in {printable(folder)}; free some, or name another place with --output"
        )
