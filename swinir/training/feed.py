"""Batches in the order of the iterations, drawn ahead of the network by worker processes."""

from collections.abc import Generator, Iterator

import cv2
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader

from swinir.data.crops import Crops
from swinir.training.recipe import Recipe

Batch = tuple[Tensor, Tensor]
"""Degraded crops ``(B, C, P, P)`` and their truths ``(B, C, P*scale, P*scale)``."""


def feed(
    crops: Crops, recipe: Recipe, accelerator: Accelerator, first: int
) -> Generator[list[Batch]]:
    """For each iteration from ``first`` on, without end, the batches that this process learns from.

    There are ``optim.accumulate`` of them. The crops of an iteration are numbered through all
    batches and processes, so that two processes see together what one with twice the batch sees.
    """
    loader: DataLoader[Batch] = DataLoader(
        crops,
        batch_sampler=_places(recipe, accelerator, first),  # pyright: ignore[reportArgumentType]
        num_workers=recipe.data.workers,
        worker_init_fn=_alone,
        pin_memory=accelerator.device.type == "cuda",
        # Its own, or it would draw from the random state that the network's layers draw from.
        generator=torch.Generator(),
    )
    batches = iter(loader)
    while True:
        yield [next(batches) for _ in range(recipe.optim.accumulate)]


def _places(
    recipe: Recipe, accelerator: Accelerator, first: int
) -> Iterator[list[tuple[int, int]]]:
    size, processes = recipe.optim.batch_size, accelerator.num_processes
    iteration = first
    while True:
        for number in range(recipe.optim.accumulate):
            start = (number * processes + accelerator.process_index) * size
            yield [(iteration, start + place) for place in range(size)]
        iteration += 1


def _alone(_worker: int) -> None:
    # Each worker is a thread of work by itself.
    cv2.setNumThreads(0)
