"""What restores pictures, wherever it is."""

from collections.abc import Callable
from typing import Protocol

from swinir.images.picture import Picture
from swinir.restoration.report import Report
from swinir.restoration.watch import Progress


class Engine(Protocol):
    """A `Restorer`, or something that has another process do what a `Restorer` does."""

    @property
    def scale(self) -> int:
        """Enlargement."""
        ...

    @property
    def report(self) -> Report:
        """What departed from the expected so far."""
        ...

    def restore_picture(
        self,
        picture: Picture,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Picture:
        """See `Restorer.restore_picture`."""
        ...
