"""How long tiles take on a machine, and which tiles a picture is cut into because of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from swinir.tiling import Tile, spans


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured; nothing yet, unless told.

    Attributes:
        lanes: how many tiles at once are quickest.
        seconds: for one tile of each side in pixels, while as many are done at once.
        backend: what was quicker than that; empty where nothing was, None where none was tried.
        loops: whether our own were quicker than torch, see `backends.kernels`; None where they
            were not tried.
    """

    lanes: int = 1
    seconds: Mapping[int, float] = field(default_factory=dict)
    backend: str | None = None
    loops: bool | None = None

    def of(self, pixels: int) -> float:
        """Seconds for a tile of so many pixels; where nothing is known, pixels."""
        if not self.seconds:
            return pixels
        sides = sorted(self.seconds)
        rates = [self.seconds[side] / side**2 for side in sides]
        at = math.log(math.sqrt(pixels))
        return pixels * float(np.interp(at, np.log(sides), rates))

    def expected(self, tiles: Sequence[Tile]) -> float:
        """Seconds for a picture of so many tiles, the last of which may not fill the lanes."""
        areas = [
            (tile.rows.stop - tile.rows.start) * (tile.columns.stop - tile.columns.start)
            for tile in tiles
        ]
        return sum(map(self.of, areas)) * self._places(len(areas)) / len(areas)

    def _places(self, count: int) -> int:
        """Tiles that so many take the time of: lanes may be without one in the last round.

        Fewer tiles than lanes share the cores among them.
        """
        return count if count < self.lanes else -(-count // self.lanes) * self.lanes

    def best_side(
        self, height: int, width: int, sides: Iterable[int], *, overlap: int, step: int
    ) -> int:
        """The side of the tiles, among ``sides``, with which a picture takes least."""

        def cost(side: int) -> float:
            rows, columns = spans(height, side, overlap, step), spans(width, side, overlap, step)
            tall, wide = (max(it.stop - it.start for it in axis) for axis in (rows, columns))
            return self._places(len(rows) * len(columns)) * self.of(tall * wide)

        return min(sides, key=cost)
