"""Whether a run keeps its course."""

import math
from collections.abc import Iterable
from statistics import median

RECENT, BEFORE = 10, 100
"""Steps whose median loss is compared with that of the steps before them."""

STREAK = 20
"""Steps in a row without a finite gradient after which a run is lost.

A few are usual in fp16, while the factor on its loss is being found.
"""


class Guard:
    """Watches the losses of a run, in the order of its steps.

    Attributes:
        losses: the latest finite ones, which are all that it remembers.
        streak: steps without a finite loss and gradient since the last that had them.
        latest: loss and gradient norm of the last step.
    """

    def __init__(self, factor: float, losses: Iterable[float] = ()) -> None:
        """A spike is a median loss above ``factor`` times the one before; 0 for never."""
        self.factor = factor
        self.losses = list(losses)
        self.streak = 0
        self.latest = (0.0, 0.0)

    @property
    def lost(self) -> bool:
        """Whether no step has been taken for long."""
        return self.streak >= STREAK

    @property
    def spike(self) -> bool:
        """Whether the loss has jumped, and stays there."""
        if not self.factor or len(self.losses) < RECENT + BEFORE:
            return False
        before, recent = self.losses[:BEFORE], self.losses[BEFORE:]
        return median(recent) > self.factor * median(before)

    def see(self, loss: float, norm: float) -> bool:
        """Take in a step's loss and gradient norm; returns whether the step may be taken."""
        self.latest = (loss, norm)
        if not math.isfinite(loss + norm):
            self.streak += 1
            return False
        self.streak = 0
        self.losses = [*self.losses, loss][-(RECENT + BEFORE) :]
        return True

    @property
    def reach(self) -> int:
        """Steps back, beyond which the course was still kept."""
        return RECENT + STREAK

    def forget(self) -> None:
        """Begin to watch anew."""
        self.losses, self.streak = [], 0
