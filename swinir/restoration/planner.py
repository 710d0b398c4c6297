"""Which tiles take least: what was measured on this machine, within the memory that is free."""

from collections.abc import Sequence

import torch

from swinir.restoration.calibration import Notebook, about, measure
from swinir.restoration.forward import Forward
from swinir.restoration.memory import SMALLEST_AUTO, largest_tile
from swinir.restoration.speed import Speed
from swinir.tiling import Tile, longest_side


class Planner:
    """Plans for one network on one device.

    The overlap is not its choice: how much neighbours have to share for no seam to be seen does
    not depend on the machine.

    Attributes:
        speed: what is known; kept for later runs once it was measured.
    """

    def __init__(self, forward: Forward, *, overlap: int, memory: int | None) -> None:
        """Look up what is known of passes like ``forward``; see `Restorer` for the rest."""
        self.forward = forward
        self.overlap = overlap
        self.memory = memory
        self.config = forward.network.config
        self._notebook = Notebook()
        self._key = about(self.config, forward.device, forward.dtype)
        self.speed = self._notebook.find(self._key) or Speed()

    def measure(self, height: int, width: int) -> None:
        """Measure what is not known yet, if that pays for a picture of such a size."""
        if self.speed.seconds:
            return
        # Several at once make sense where a product is shared out to threads.
        most = torch.get_num_threads() if self.forward.device.type == "cpu" else 1
        self.speed = measure(
            self.forward,
            self.config,
            height * width,
            most_lanes=most,
            largest=self._largest(most),
        )
        if self.speed.seconds:
            self._notebook.keep(self._key, self.speed)

    def side(self, height: int, width: int) -> int:
        """Of the tiles that a picture is best cut into."""
        window = self.config.window
        largest = self._largest(self.speed.lanes)
        sides = range(largest, min(SMALLEST_AUTO, largest) - 1, -window)
        return self.speed.best_side(height, width, sides, overlap=self.overlap, step=window)

    def lanes(self, tiles: Sequence[Tile]) -> int:
        """How many of these tiles to have in work at once, within the memory."""
        count = min(self.speed.lanes, len(tiles))
        while count > 1 and self._largest(count) < longest_side(tiles):
            count -= 1
        return count

    def expected_seconds(self, tiles: Sequence[Tile], passes: int) -> float | None:
        """For a picture in these tiles, each restored so many times; None where nobody knows."""
        return passes * self.speed.expected(tiles) if self.speed.seconds else None

    def _largest(self, lanes: int) -> int:
        forward = self.forward
        return largest_tile(
            self.config, forward.device, self.memory, lean=forward.lean, lanes=lanes
        )
