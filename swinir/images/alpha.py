"""Transparency: colours under it before restoration, and pictures laid on a background."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BAND = 1 << 14
"""Pixels whose colours are sought at a time, so that the search takes little memory."""

NOWHERE = 1 << 62
"""Square of the distance to a visible pixel where there is none; larger than that of any."""


def bleed(pixels: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give fully transparent pixels the colour of the nearest visible one.

    What a file holds under transparency is arbitrary, often black; a network would smear it into
    the visible edge. ``(H, W, C)`` and ``(H, W) -> (H, W, C)``, all in [0, 1]. Of equally near
    pixels the leftmost is taken, then the topmost. Pixels with any opacity keep their exact
    colour. The input itself comes back where nothing is transparent, or nothing visible.
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return pixels
    spread = pixels.copy()
    for row, nearest in _nearest_in_columns(visible):
        rows = row + np.flatnonzero(~visible[row : row + len(nearest)].all(1))
        if not rows.size:
            continue
        leads = nearest[rows - row]
        gaps = np.where(leads < 0, NOWHERE, np.square(leads - rows[:, None]))
        columns = _nearest_in_rows(gaps)
        at, column = np.nonzero(~visible[rows])
        source = columns[at, column]
        spread[rows[at], column] = pixels[leads[at, source], source]
    return spread


def on_white(pixels: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay a picture on white: ``(H, W, C)`` and ``(H, W) -> (H, W, C)``, all in [0, 1]."""
    opacity = np.clip(alpha, 0, 1)[..., None]
    return pixels * opacity + (1 - opacity)


def _nearest_in_columns(visible: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Bands of rows from the top: the first row, and for each pixel ``(h, W)`` another row.

    It is that of the nearest visible pixel of its column, the upper of two; negative where the
    column has none.
    """
    height, width = visible.shape
    step = max(1, BAND // width)
    starts = range(0, height, step)
    # The next visible row below each band, found on the way up.
    below = np.full((len(starts) + 1, width), height, np.int32)
    for band in reversed(range(len(starts))):
        part = visible[starts[band] : starts[band] + step]
        below[band] = np.where(part.any(0), starts[band] + part.argmax(0), below[band + 1])
    above = np.full(width, -1)
    for band, start in enumerate(starts):
        part = visible[start : start + step]
        row = np.arange(start, start + len(part))[:, None]
        upper = np.maximum.accumulate(np.vstack([above, np.where(part, row, -1)]))[1:]
        lower = np.vstack([np.where(part, row, height), below[band + 1]])
        lower = np.minimum.accumulate(lower[::-1])[::-1][:-1]
        is_upper = (upper >= 0) & ((lower == height) | (row - upper <= lower - row))
        yield start, np.where(is_upper, upper, np.where(lower < height, lower, -1))
        above = upper[-1]


def _nearest_in_rows(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in its row the nearest visible pixel is that the column there leads to, the leftmost.

    ``gaps`` ``(h, W)`` are squares of distances within columns. From left to right the answer
    never falls (Meijster et al. 2000), so that of a pixel lies between those of any two around
    it: first few pixels far apart are answered, then those half-way between.
    """
    height, width = gaps.shape
    nearest = np.empty((height, width), np.int64)
    edges = np.zeros((height, 1), np.int64)
    nearest[:, :1] = _least(gaps, np.zeros(1, np.int64), edges, edges + width - 1)
    stride = 1 << (width - 1).bit_length()
    while stride > 1:
        stride //= 2
        asked = np.arange(stride, width, 2 * stride)
        first = nearest[:, asked - stride]
        last = np.full_like(first, width - 1)
        between = asked + stride < width
        last[:, between] = nearest[:, asked[between] + stride]
        nearest[:, asked] = _least(gaps, asked, first, last)
    return nearest


def _least(
    gaps: NDArray[np.int64],
    asked: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The answers to columns ``asked`` ``(n)``, which are ``first`` to ``last`` ``(h, n)``."""
    lengths = (last - first + 1).ravel()
    starts = np.cumsum(lengths) - lengths
    columns = np.arange(lengths.sum()) - np.repeat(starts - first.ravel(), lengths)
    rows = np.repeat(np.arange(len(gaps)).repeat(len(asked)), lengths)
    away = columns - np.repeat(np.tile(asked, len(gaps)), lengths)
    squares = gaps[rows, columns] + np.square(away)
    least = np.repeat(np.minimum.reduceat(squares, starts), lengths)
    found = np.flatnonzero(squares == least)
    return columns[found[np.searchsorted(found, starts)]].reshape(first.shape)
