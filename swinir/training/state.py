"""Everything needed to go on exactly where a run was stopped; no kill can harm what is saved."""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from swinir.writing import UNFINISHED, replacing

KEPT = 2
"""Saved states that stay on disk: the newest, and the one before in case the newest is damaged."""


@dataclass(frozen=True, slots=True)
class RunState:
    """A run after ``iteration`` steps.

    Attributes:
        recipe: as a table of plain values; None in states of versions that did not keep it.
        photographs: their `fingerprint`; None likewise.
        best_iteration: after which the best score was made.
        adversary: what the discriminator goes on from; None where there is none.
        scaler: the factor on the loss in fp16, likewise.
        processes: that learned together.
        losses: those that the guard remembers.
        ahead: iterations by which the crops are ahead of the steps, after rollbacks.
        skipped: steps that were not taken.
        rollbacks: how often the run went back to a saved state.
    """

    iteration: int
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    rng: torch.Tensor
    cuda_rng: list[torch.Tensor]
    best: float
    seconds: float
    recipe: dict[str, Any] | None = None
    photographs: str | None = None
    best_iteration: int = 0
    adversary: dict[str, Any] | None = None
    scaler: dict[str, Any] | None = None
    processes: int = 1
    losses: list[float] = field(default_factory=list[float])
    ahead: int = 0
    skipped: int = 0
    rollbacks: int = 0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_state(folder: Path, state: RunState) -> Path:
    """Write ``state`` into the folder whole or not at all, and drop all but it and the one before.

    Raises:
        OSError: the disk is full or cannot be written; earlier states are untouched.
    """
    target = folder / _name(state.iteration)
    # In memory first: writing to a file, torch hides the reason why the disk refuses.
    content = io.BytesIO()
    torch.save({name: getattr(state, name) for name in RunState.__slots__}, content)
    try:
        with replacing(target) as unfinished:
            unfinished.write_bytes(content.getbuffer())
    except OSError as error:
        reason = f"the run is not saved, earlier states are kept ({error.strerror or error})"
        raise OSError(error.errno, reason, str(target)) from error
    _sync_folder(folder)
    states = saved_states(folder)
    newest = states.index(target)
    # What claims to be newer was damaged, or the run would have gone on from there. What is
    # unfinished was left by a kill: no other run works in this folder.
    left_over = folder.glob(f"{UNFINISHED}*")
    for useless in (*states[:newest], *states[newest + KEPT :], *left_over):
        useless.unlink(missing_ok=True)
    return target


def _name(iteration: int) -> str:
    return f"state_{iteration:08d}.pt"


def saved_states(folder: Path) -> list[Path]:
    """The saved states in a folder, newest first."""
    return sorted(folder.glob("state_*.pt"), reverse=True)


def load_newest(folder: Path, before: int | None = None) -> tuple[RunState | None, list[str]]:
    """The newest state that can be read, None where none was saved; a line for each that cannot.

    With ``before`` only states of earlier iterations count.

    Raises:
        ValueError: states were saved, and none can be read.
    """
    complaints: list[str] = []
    reason = ""
    for path in saved_states(folder):
        if before is not None and path.name >= _name(before):
            continue
        try:
            return RunState(**torch.load(path, map_location="cpu", weights_only=True)), complaints
        except Exception as error:  # torch raises many kinds for a damaged file
            reason = str(error).partition("\n")[0]
            complaints.append(f"{path}: damaged, the state before it is used ({reason})")
    if complaints:
        raise ValueError(
            f"{folder}: none of the {len(complaints)} saved states can be read ({reason}); "
            "move the folder away to begin anew"
        )
    return None, complaints
