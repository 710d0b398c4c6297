"""A clock that goes by the work that is done, not by the machine."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from swinir.restoration import calibration


class Clock:
    """The time of what is measured, and in how many lanes it is done.

    Attributes:
        now: seconds.
        lanes: how many there are now.
    """

    def __init__(self) -> None:
        """Stand at zero."""
        self.now, self.lanes = 0.0, 1

    def rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the machine's clock and of its threads."""
        monkeypatch.setattr(calibration.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(calibration, "lanes", self.side_by_side)

    @contextmanager
    def side_by_side(self, count: int, _stop: object) -> Generator[object]:
        """As `lanes` of tiles are."""
        self.lanes = count
        yield map
        self.lanes = 1
