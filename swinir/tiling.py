"""Large pictures in tiles: plan them, run a function over them, blend without seams.

A plan is separable: one list of `Span` for the rows, one for the columns. Sizes are in input
pixels; ``s`` is the scale of the function.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Mapper = Callable[[Callable[[Tensor], Tensor], Iterable[Tensor]], Iterator[Tensor]]
"""As `map`, for tensors."""

LEVELS = 2**12
"""Weights are multiples of 1/LEVELS: they, and the product of a row's and a column's, are exact in
float32, so that the weights of a pixel sum to one without a rounding error."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a tile covers along one axis, in input pixels, every end excluded.

    Attributes:
        start: first pixel that the tile reads.
        stop: end of what the tile reads.
        rise: pixels where its weight climbs from 0 to 1; empty at the picture's border.
        fall: pixels where its weight drops from 1 to 0, the rise of the next tile.
    """

    start: int
    stop: int
    rise: tuple[int, int]
    fall: tuple[int, int]

    @property
    def first(self) -> int:
        """First pixel of the result that is used."""
        return self.rise[0]

    @property
    def last(self) -> int:
        """End of the pixels of the result that are used."""
        return self.fall[1]

    def weights(self, scale: int = 1) -> Tensor:
        """Weight of each used sample of the result: ``((last - first) * s,)`` in [0, 1]."""
        weights = torch.ones((self.last - self.first) * scale)
        up, down = (scale * (end - begin) for begin, end in (self.rise, self.fall))
        weights[:up] = _ramp(up)
        weights[len(weights) - down :] = 1 - _ramp(down)
        return weights


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the picture."""

    rows: Span
    columns: Span


def _ramp(length: int) -> Tensor:
    # A cubic with flat ends: the outermost pixels of a tile, which saw the least around them,
    # count less than on a straight ramp.
    at = (torch.arange(length) + 0.5) / max(length, 1)
    return (at * at * (3 - 2 * at) * LEVELS).round() / LEVELS


def spans(
    length: int, tile: int, overlap: int, step: int = 1, *, fixed: bool = False
) -> list[Span]:
    """Cover an axis of ``length`` pixels with tiles of one size, evenly spread.

    Tiles begin at multiples of ``step`` (the attention window), so that a tile is cut into the
    same windows as the whole picture. ``tile`` is rounded up to the step and then made as small as
    the same number of tiles allows, unless it is ``fixed``. Tiles share at least ``overlap``
    pixels, but no more than half a tile is asked of them; the ramps are ``overlap`` long where
    neighbours leave room for it.

    Raises:
        ValueError: a length, tile or step under 1, or a negative overlap.
    """
    if min(length, tile, step) < 1 or overlap < 0:
        raise ValueError(
            "length, tile and step are at least 1 and overlap at least 0, "
            f"got {length}, {tile}, {step} and {overlap}"
        )
    units, side = -(-length // step), -(-tile // step)
    if side >= units:
        return [Span(0, length, (0, 0), (length, length))]
    shared = min(-(-overlap // step), side // 2)
    count = -(-(units - shared) // (side - shared))
    if not fixed:
        side = -(-(units + (count - 1) * shared) // count)
    starts = [at * (units - side) // (count - 1) * step for at in range(count)]
    stops = [min(start + side * step, length) for start in starts]
    ramps = [(0, 0), *_crossings(starts, stops, overlap), (length, length)]
    return [Span(*ends) for ends in zip(starts, stops, ramps[:-1], ramps[1:], strict=True)]


def _crossings(starts: list[int], stops: list[int], overlap: int) -> list[tuple[int, int]]:
    """Where each tile gives way to the next: the middle of what they share."""
    shared = list(zip(starts[1:], stops[:-1], strict=True))
    middles = [(begin + end) // 2 for begin, end in shared]
    # Three tiles may share a pixel; ramps must not, or their weights would not sum to one.
    gaps = [after - before for before, after in pairwise(middles)]
    bounds = [2 * overlap, *gaps, 2 * overlap]
    reaches = [
        min(overlap, end - begin, bounds[at], bounds[at + 1]) // 2
        for at, (begin, end) in enumerate(shared)
    ]
    return [(at - reach, at + reach) for at, reach in zip(middles, reaches, strict=True)]


def plan(
    height: int, width: int, *, tile: int, overlap: int, step: int = 1, fixed: bool = False
) -> list[Tile]:
    """Tiles of at most ``tile`` pixels a side, row by row; see `spans`. 0: the whole picture.

    Raises:
        ValueError: a size or step under 1, or a negative tile or overlap.
    """
    tile = tile or max(height, width, 1)
    rows, columns = (spans(length, tile, overlap, step, fixed=fixed) for length in (height, width))
    return [Tile(row, column) for row in rows for column in columns]


def longest_side(tiles: Sequence[Tile]) -> int:
    """Of any of the tiles, in pixels."""
    return max(span.stop - span.start for tile in tiles for span in (tile.rows, tile.columns))


def blend(
    function: Callable[[Tensor], Tensor],
    image: Tensor,
    tiles: Sequence[Tile],
    *,
    scale: int,
    canvas: Tensor,
    each: Mapper = map,
) -> None:
    """Run a function over the tiles of an image and add what comes out to a canvas.

    Args:
        function: ``(B, C, h, w) -> (B, C, h*s, w*s)``, on any device.
        image: ``(B, C, H, W)``.
        tiles: from `plan`.
        scale: of the function, ``s``.
        canvas: zeros, ``(B, C, H*s, W*s)``.
        each: what calls the function for every tile, in order like `map`, perhaps several at once.
    """
    pieces = (
        image[:, :, it.rows.start : it.rows.stop, it.columns.start : it.columns.stop]
        for it in tiles
    )
    for tile, piece in zip(tiles, each(function, pieces), strict=True):
        rows, columns = tile.rows, tile.columns
        weights = rows.weights(scale)[:, None] * columns.weights(scale)
        canvas[_used(rows, columns, scale, 0, 0)].addcmul_(
            piece[_used(rows, columns, scale, rows.start, columns.start)].to(canvas),
            weights.to(canvas),
        )


def _used(rows: Span, columns: Span, scale: int, top: int, left: int) -> tuple[slice, ...]:
    """The used part of a tile's result, counted from the pixel (top, left)."""
    return (
        slice(None),
        slice(None),
        slice((rows.first - top) * scale, (rows.last - top) * scale),
        slice((columns.first - left) * scale, (columns.last - left) * scale),
    )
