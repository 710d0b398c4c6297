"""Scores of a network while it learns, made with the `Restorer` and the protocol of users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from accelerate import Accelerator
from accelerate.utils import gather_object

from swinir.data.datasets import Pair
from swinir.data.onthefly import OnTheFly
from swinir.evaluation.scores import score
from swinir.images.tensors import Image, from_levels
from swinir.network import SwinIR
from swinir.restoration import Restorer
from swinir.restoration.devices import one_of
from swinir.training.snapshots import snapshot

TILE = 256
"""Side in pixels. One that followed the free memory would change the last digits of a score."""

SHOWN, SIDE = 3, 160
"""Pictures of which a crop is shown, and its side in pixels of the truth."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Mean PSNR in dB, of the luma where the network enlarges, and crops to look at by name."""

    psnr: float
    pictures: list[tuple[str, Image]]


def validate(
    network: SwinIR,
    pairs: Sequence[Pair],
    accelerator: Accelerator,
    *,
    on_the_fly: OnTheFly | None = None,
) -> Scores:
    """Score image pairs, shared out among the processes; all of them get the scores.

    On the fly each image is degraded in its own way, the same at every call.
    """
    # What other GPUs there are may be at other work.
    device = str(one_of(accelerator.device))
    restorer = Restorer(network, device=device, precision="fp32", tile=TILE)
    found: list[tuple[int, float, Image | None]] = []
    for number in range(accelerator.process_index, len(pairs), accelerator.num_processes):
        truth = from_levels(pairs[number].truth)
        if on_the_fly:
            degraded = on_the_fly.degrade(truth, np.random.default_rng(number))
        else:
            degraded = from_levels(pairs[number].degraded)
        restored = restorer.restore(degraded)
        shown = snapshot(degraded, restored, truth, SIDE) if number < SHOWN else None
        found.append((number, score(restored, truth, restorer.scale), shown))
    if accelerator.num_processes > 1:
        found = sorted(gather_object(found), key=lambda each: each[0])
    return Scores(
        sum(psnr for _, psnr, _ in found) / len(found),
        [(pairs[number].name, shown) for number, _, shown in found if shown is not None],
    )
