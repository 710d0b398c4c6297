"""One run from a recipe, from its photographs to its outcome."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator

from swinir.training.lock import alone_in
from swinir.training.loop import Trainer
from swinir.training.material import load_crops, load_validation
from swinir.training.outcome import Outcome
from swinir.training.processes import in_turn, join, leave
from swinir.training.recipe import Recipe


def train(
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run a recipe in a folder, or go on with the run that the folder holds.

    Of several processes each calls it; the first alone reads and writes the folder. ``progress`` is
    called while photographs are read, with files done and in all, and begins anew for those of
    validation.

    Raises:
        ValueError: the photographs or a saved state do not fit the recipe, or another run is at
            work in the folder.
        Stopped: ``stop`` said so before the first step.
    """
    accelerator = join(device, recipe.optim.precision)
    if not accelerator.is_main_process:
        # What is told once is enough.
        progress = None
        logging.getLogger("swinir").setLevel(logging.ERROR)
    with alone_in(folder) if accelerator.is_main_process else nullcontext():
        try:
            return _run(recipe, folder, accelerator, progress, stop)
        finally:
            leave(accelerator)


def _run(
    recipe: Recipe,
    folder: Path,
    accelerator: Accelerator,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> Outcome:
    trainer = Trainer(recipe, folder, accelerator)
    with in_turn(accelerator, first=recipe.data.cache is not None):
        crops = load_crops(recipe, progress=progress, stop=stop)
        validation = load_validation(recipe, progress=progress, stop=stop)
    return trainer.run(crops, validation, stop=stop)
