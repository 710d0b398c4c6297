"""The record of a run: losses and scores in CSV files, events in a log, all in TensorBoard."""

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from swinir.lines import printable
from swinir.writing import replacing

COLUMNS = "iteration,loss,learning_rate,gradient_norm"

log = logging.getLogger(__name__)


def _taken_back(path: Path, found: str, header: str, resumed: int) -> str:
    """The record up to an iteration; what else it holds is told where it is damaged."""
    # What follows the last line break is a row that a kill cut short.
    *lines, cut = found.split("\n")
    kept: list[str] = []
    damaged: list[int] = []
    last = 0
    for number, line in enumerate(lines, 1):
        iteration = _iteration(line, header)
        if iteration is None:
            damaged += [number] if number > 1 or line != header else []
        elif iteration <= resumed:
            kept.append(line)
            last = iteration
    if cut and last < resumed:
        damaged.append(len(lines) + 1)
    if damaged:
        rows = "a damaged row is" if len(damaged) == 1 else f"{len(damaged)} damaged rows are"
        log.warning("%s: line %d: %s left out of the record", path, damaged[0], rows)
    return "\n".join([header, *kept]) + "\n"


def _iteration(row: str, header: str) -> int | None:
    """Number of the iteration that a row is of; None where it is no row."""
    first, *figures = row.split(",")
    if len(figures) != header.count(","):
        return None
    try:
        for figure in figures:
            float(figure)
        return int(first)
    except ValueError:
        return None


class Journal:
    """Appends to ``losses.csv``, ``scores.csv``, ``events.log`` and TensorBoard of a run folder.

    What an interrupted run recorded beyond the state that it resumes from is taken back, so that
    the record reads as if there had been no interruption. Rows that are damaged are left out and
    told. Events alone stay: they tell what happened, interruptions among it.
    """

    def __init__(self, folder: Path, resumed: int) -> None:
        """Opens the record of a run that goes on after ``resumed`` iterations."""
        folder.mkdir(parents=True, exist_ok=True)
        self._losses = self._open(folder / "losses.csv", COLUMNS, resumed)
        self._scores = self._open(folder / "scores.csv", "iteration,psnr", resumed)
        self._events = folder / "events.log"
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=resumed + 1)

    @staticmethod
    def _open(path: Path, header: str, resumed: int) -> TextIO:
        found = path.read_text("utf-8", errors="replace") if path.exists() else ""
        wanted = _taken_back(path, found, header, resumed)
        if not found:
            path.write_text(wanted, "utf-8")
        elif wanted != found:
            with replacing(path) as unfinished:
                unfinished.write_text(wanted, "utf-8")
        return path.open("a", encoding="utf-8", buffering=1)

    def step(
        self,
        iteration: int,
        loss: float,
        rate: float,
        norm: float,
        *,
        terms: Mapping[str, float] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Record one step; ``iteration`` counts from 1, ``norm`` is that of the gradient.

        ``terms`` make up the loss, ``seconds`` is what the step took; TensorBoard alone is told.
        """
        self._losses.write(f"{iteration},{loss!r},{rate!r},{norm!r}\n")
        if iteration % 10 == 0:
            self._board.add_scalar("train/loss", loss, iteration)
            self._board.add_scalar("train/learning_rate", rate, iteration)
            self._board.add_scalar("train/gradient_norm", norm, iteration)
            for name, value in (terms or {}).items():
                self._board.add_scalar(f"train/{name}", value, iteration)
            if seconds is not None:
                self._board.add_scalar("train/seconds_per_step", seconds, iteration)

    def score(self, iteration: int, psnr: float) -> None:
        """Record a validation score in dB, of the luma where the network enlarges."""
        self._scores.write(f"{iteration},{psnr!r}\n")
        self._board.add_scalar("validation/psnr", psnr, iteration)

    def pictures(self, iteration: int, images: Sequence[tuple[str, NDArray[np.floating]]]) -> None:
        """Show named images ``(H, W, C)`` in [0, 1], grey or RGB, as ``validation/NAME``."""
        for name, image in images:
            levels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
            self._board.add_image(
                f"validation/{printable(name)}", levels, iteration, dataformats="HWC"
            )

    def event(self, iteration: int, text: str) -> None:
        """Append a line to ``events.log``: the time in ISO 8601, the iteration, and the text."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = f"{time} {iteration} {printable(' '.join(text.splitlines()))}\n".encode()
        with self._events.open("ab+", buffering=0) as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                # A kill may have cut the last line short; this one begins on a line of its own.
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the files."""
        self._losses.close()
        self._scores.close()
        self._board.close()
