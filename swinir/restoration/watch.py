"""Telling how far a restoration is, and stopping it."""

import threading
from collections.abc import Callable

Progress = Callable[[int, int], None]


class Cancelled(Exception):
    """The caller asked to stop; there is no result."""


class Watch:
    """Progress over the layers of a picture (its colours, then its transparency).

    Several threads may work on a layer.
    """

    def __init__(
        self, progress: Progress | None, cancelled: Callable[[], bool] | None, layers: int = 1
    ) -> None:
        """Tell ``progress``, ask ``cancelled``; either may be None."""
        self.progress = progress
        self.cancelled = cancelled
        self.layers = layers
        self.before = self.done = self.total = 0
        self.stopped = False
        self._turn = threading.Lock()

    def begin(self, count: int) -> None:
        """Begin a layer of ``count`` passes, or begin it again with another count."""
        self.stopped = False
        self.done = self.before
        self.total = self.before + count * self.layers
        self.step(0)

    def end(self) -> None:
        """The layer is done."""
        self.before = self.done
        self.layers -= 1

    def step(self, count: int = 1) -> None:
        """``count`` passes are done."""
        with self._turn:
            self.done += count
            if self.progress:
                self.progress(self.done, self.total)

    def stop(self) -> None:
        """What is still in work is wanted no more."""
        self.stopped = True

    def check(self) -> None:
        """Raise Cancelled if the caller asked for it, or nobody wants the result."""
        if self.stopped or (self.cancelled and self.cancelled()):
            raise Cancelled("the restoration was cancelled")
