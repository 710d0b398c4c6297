"""From a task and a choice of weights to a network that is ready to restore."""

from difflib import get_close_matches
from pathlib import Path
from typing import get_args

import torch

from swinir.checkpoints import places
from swinir.checkpoints.description import Description, examine, fits, tasks_of
from swinir.checkpoints.errors import CheckpointError
from swinir.checkpoints.fetching import fetch
from swinir.checkpoints.integrity import MANIFEST, listed
from swinir.network import SwinIR, SwinIRConfig
from swinir.tasks import NETWORKS, PUBLISHED, Checkpoint, Source, Task

OURS = "ours"
OFFICIAL = "official"
SOURCES = get_args(Source)


def load_network(task: Task, weights: str | None = None) -> SwinIR:
    """The network for ``task`` with the chosen weights, in evaluation mode, float32, on the CPU.

    Args:
        task: what it is for.
        weights: see `resolve`.

    Raises:
        CheckpointError: the weights cannot be had, are no SwinIR, or do not fit the task.
    """
    path = resolve(task, weights)
    network, found = load_file(path)
    _require_fit(task, found.config, found.tasks)
    return network


def load_file(path: Path) -> tuple[SwinIR, Description]:
    """The network in any file of SwinIR weights, ready as in `load_network`, and what it is.

    Raises:
        CheckpointError: it holds no SwinIR; the line says what it is.
    """
    tensors, found = examine(path)
    # Initial weights are drawn and thrown away; the caller's random numbers stay as they were.
    with torch.random.fork_rng(devices=[]):
        network = SwinIR(found.config)
    network.load_state_dict(tensors, strict=True)
    return network.eval(), found


def resolve(task: Task, weights: str | None = None) -> Path:
    """The verified file of the chosen weights, downloaded where need be.

    Args:
        task: what the weights are for.
        weights: ``ours``; ``official``; ``swin2sr``; the name of a published file; or a path. None
            is ours where the task has some, else what was published.

    Raises:
        CheckpointError: they cannot be had; the line says what to do.
    """
    weights = weights or task.sources[0]
    if weights in SOURCES:
        return _from_source(task, weights)
    path = places.at_home(weights)
    if path.exists():
        return path
    if weights in PUBLISHED:
        return _published(task, weights)
    near = get_close_matches(path.name, (*SOURCES, *PUBLISHED), n=1)
    sources = ", ".join(task.sources)
    hint = f"did you mean {near[0]}?" if near else f"name a file, a published file, or {sources}"
    raise CheckpointError(f"no weights {weights}; {hint}")


def _from_source(task: Task, source: str) -> Path:
    entries = task.from_source(source)
    if not entries:
        others = " or ".join(task.sources)
        raise CheckpointError(
            f"the task {task.name} has no weights of {source}; use --weights {others} or a file"
        )
    return _shipped(entries[0]) if source == OURS else fetch(entries[0])


def _published(task: Task, file: str) -> Path:
    _require_fit(task, NETWORKS[file], tasks_of(file))
    return fetch(next(entry for entry in PUBLISHED[file].checkpoints if entry.file == file))


def _shipped(checkpoint: Checkpoint) -> Path:
    path = places.shipped() / checkpoint.file
    restore = "restore it (git checkout -- pretrained) or clone again, or use --weights official"
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; {restore}")
    expected = listed(path.with_name(MANIFEST), path.name)
    if expected is None:
        raise CheckpointError(f"{path.with_name(MANIFEST)} does not list {path.name}; {restore}")
    differs = expected.differs(path)
    if differs:
        raise CheckpointError(f"{path} {differs}; {restore}")
    return path


def _require_fit(task: Task, config: SwinIRConfig, others: tuple[str, ...]) -> None:
    if fits(task, config):
        return
    wanted = task.network
    if config.scale != wanted.scale:
        problem = (
            f"these weights {_enlarging(config.scale)}, the task {task.name} "
            f"{_needing(wanted.scale)}"
        )
    else:
        problem = (
            f"these weights are for {_COLOURS[config.channels]} images, the task {task.name} "
            f"needs {_COLOURS[wanted.channels]} ones"
        )
    suited = f"--task {others[0]}" if others else "another task"
    raise CheckpointError(f"{problem}; use {suited} or other weights")


_COLOURS = {1: "grey", 3: "colour"}


def _enlarging(scale: int) -> str:
    return "keep the size" if scale == 1 else f"enlarge x{scale}"


def _needing(scale: int) -> str:
    return "keeps the size" if scale == 1 else f"needs x{scale}"
