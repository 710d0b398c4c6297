"""Measuring how long tiles take on this machine, once for a kind of network."""

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import pooch
import torch
from pydantic import BaseModel, Field, PositiveInt, TypeAdapter
from torch import Tensor

from swinir import __version__
from swinir.network import SwinIRConfig
from swinir.restoration.hardware import hardware
from swinir.restoration.lanes import lanes
from swinir.restoration.speed import Speed
from swinir.writing import replacing

SIDES = (64, 128, 256, 512)
"""Sides of the tiles that are tried, in pixels."""

SHARE = 0.05
"""How much of the work at hand may be spent on measuring how to do it."""

LIKELY = 0.97
"""A time above this part of the one before is taken for noise, not for a gain."""


class _Trials:
    """Times tiles for as long as there is time."""

    def __init__(self, run: Callable[[Tensor], Tensor], config: SwinIRConfig) -> None:
        self.run, self.config = run, config
        self.left = math.inf

    def seconds(self, count: int, side: int, rounds: int = 2) -> float:
        """For one of ``count`` tiles at once."""
        tiles = [torch.rand(1, self.config.channels, side, side) for _ in range(count)]
        with lanes(count, lambda: None) as each:
            started = time.perf_counter()
            for _ in each(self.run, tiles * rounds):
                pass
            taken = time.perf_counter() - started
        self.left -= taken
        return taken / (count * rounds)

    def lanes(self, most: int, side: int, guess: float) -> tuple[int, float]:
        """How many at once are quickest, and the seconds for one then; infinite for no time."""
        best, fastest = 1, math.inf
        for count in (1 << power for power in range(most.bit_length())):
            if 2 * count * min(guess, fastest) > self.left:
                break
            taken = self.seconds(count, side)
            if taken < LIKELY * fastest:
                best, fastest = count, taken
        return best, fastest


def measure(
    run: Callable[[Tensor], Tensor],
    config: SwinIRConfig,
    pixels: int,
    *,
    most_lanes: int,
    largest: int,
) -> Speed:
    """Time tiles for as long as that is a small part of the work.

    Args:
        run: restores a tile of the network's channels, ``(1, C, h, w)``.
        config: the network's.
        pixels: of the work at hand.
        most_lanes: tiles at once that make sense on the device.
        largest: side of the tiles that fit in memory, with as many at once.

    Returns:
        What is known then; nothing, where the work is too little to measure anything for.
    """
    step = config.multiple
    sides = [side // step * step for side in SIDES if step <= side <= largest]
    if not sides or pixels * SHARE < 4 * sides[0] ** 2:
        return Speed()
    trials = _Trials(run, config)
    guess = trials.seconds(1, sides[0], rounds=1)
    trials.left = SHARE * pixels / sides[0] ** 2 * guess
    count, taken = trials.lanes(most_lanes, sides[0], guess)
    if taken == math.inf:
        return Speed()
    seconds = {sides[0]: taken}
    for before, side in pairwise(sides):
        if 2 * count * seconds[before] * (side / before) ** 2 > trials.left:
            break
        seconds[side] = trials.seconds(count, side)
    return Speed(count, seconds)


def quicker(
    run: Callable[[Tensor], Tensor], config: SwinIRConfig, before: Speed, *, lanes: int
) -> Speed | None:
    """``before`` as it is with another computation in so many lanes; None if that is no quicker.

    What its first call costs more is not counted.
    """
    trials = _Trials(run, config)
    smallest, *others = before.seconds
    trials.seconds(lanes, smallest, rounds=1)
    taken = trials.seconds(lanes, smallest)
    if taken >= LIKELY * before.seconds[smallest]:
        return None
    seconds = {smallest: taken} | {side: trials.seconds(lanes, side) for side in others}
    return replace(before, lanes=lanes, seconds=seconds)


class Entry(BaseModel):
    """A `Speed` in a file, with what it belongs to."""

    about: str
    lanes: PositiveInt
    backend: str | None = None
    loops: bool | None = None
    seconds: dict[Annotated[int, Field(ge=2)], Annotated[float, Field(gt=0, lt=math.inf)]] = Field(
        min_length=1
    )


ENTRIES = TypeAdapter(dict[str, Entry])


class Notebook:
    """Speeds in the user's cache folder, by what they were measured of.

    Nothing depends on it: what cannot be read or kept is measured again.
    """

    def __init__(self, path: Path | None = None) -> None:
        """``path`` is the file; in the user's cache folder unless told."""
        self.path = path or Path(pooch.os_cache("swinir")) / "speed.json"

    def find(self, key: str) -> Speed | None:
        """What is known of `about`."""
        entry = self._entries().get(_digest(key))
        return Speed(entry.lanes, entry.seconds, entry.backend, entry.loops) if entry else None

    def keep(self, key: str, speed: Speed) -> None:
        """Remember."""
        seconds = dict(speed.seconds)
        entry = Entry(
            about=key,
            lanes=speed.lanes,
            backend=speed.backend,
            loops=speed.loops,
            seconds=seconds,
        )
        try:
            entries = self._entries() | {_digest(key): entry}
            with replacing(self.path) as unfinished:
                unfinished.write_bytes(ENTRIES.dump_json(entries, indent=1))
        except OSError:
            return

    def _entries(self) -> dict[str, Entry]:
        try:
            return ENTRIES.validate_json(self.path.read_bytes())
        except (OSError, ValueError):
            return {}


def about(
    config: SwinIRConfig, device: torch.device, dtype: torch.dtype, programs: Sequence[str] = ()
) -> str:
    """What a speed belongs to: weights of one configuration take the same time.

    ``programs`` are those that might have been quicker; where others are installed, it is measured
    again.
    """
    beside = "".join(f", {name}" for name in programs)
    return f"{config}, {dtype}, {hardware(device)}, swinir {__version__}{beside}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]
