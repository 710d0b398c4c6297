"""Everything needed to go on exactly where a run was stopped, saved so that a kill cannot harm it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

KEPT = 2
"""Saved states that stay on disk: the newest, and the one before in case the newest is damaged."""


@dataclass(frozen=True, slots=True)
class RunState:
    """A run after ``iteration`` steps."""

    iteration: int
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    rng: torch.Tensor
    cuda_rng: list[torch.Tensor]
    best: float
    seconds: float


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_state(folder: Path, state: RunState) -> Path:
    """Write ``state`` into the folder whole or not at all, and drop all but the newest `KEPT`.

    Raises:
        OSError: the disk is full or cannot be written; earlier states are untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"state_{state.iteration:08d}.pt"
    partial = target.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save({name: getattr(state, name) for name in RunState.__slots__}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(folder)
    for old in saved_states(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def saved_states(folder: Path) -> list[Path]:
    """The saved states in a folder, newest first."""
    return sorted(folder.glob("state_*.pt"), reverse=True)


def load_newest(folder: Path) -> tuple[RunState | None, list[str]]:
    """The newest state that can be read, if any, and one line for each that could not."""
    complaints: list[str] = []
    for path in saved_states(folder):
        try:
            return RunState(**torch.load(path, map_location="cpu", weights_only=True)), complaints
        except Exception as error:  # noqa: BLE001  torch raises many kinds for a damaged file
            reason = str(error).partition("\n")[0]
            complaints.append(f"{path}: damaged, the state before it is used ({reason})")
    return None, complaints
