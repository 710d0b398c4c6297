"""What a training run came to."""

from dataclasses import dataclass

from swinir.network import SwinIR


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        network: the average of its weights.
        iterations: that it has behind it.
        seconds: that it trained, without validation.
        best: the best score in dB, minus infinity where there was none.
        best_iteration: after which it was made.
        photographs: that it learned from.
        processes: that learned together.
        skipped: steps that were not taken, because their gradient was not finite.
        rollbacks: how often it went back to a saved state.
        main: whether this is the process that writes; alone it is.
    """

    network: SwinIR
    iterations: int
    seconds: float
    best: float
    best_iteration: int
    photographs: int
    processes: int
    skipped: int
    rollbacks: int
    main: bool
