"""The record of a run: losses and scores in CSV files, scalars in TensorBoard."""

from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from torch.utils.tensorboard import SummaryWriter

COLUMNS = "iteration,loss,learning_rate,gradient_norm"


class Journal:
    """Appends to ``losses.csv``, ``scores.csv`` and TensorBoard's events of a run folder.

    What an interrupted run recorded beyond the state that it resumes from is taken back, so that
    the record reads as if there had been no interruption.
    """

    def __init__(self, folder: Path, resumed: int) -> None:
        """Opens the record of a run that goes on after ``resumed`` iterations."""
        folder.mkdir(parents=True, exist_ok=True)
        self._losses = self._open(folder / "losses.csv", COLUMNS, resumed)
        self._scores = self._open(folder / "scores.csv", "iteration,psnr_y", resumed)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=resumed + 1)

    @staticmethod
    def _open(path: Path, header: str, resumed: int) -> TextIO:
        # What follows the last line break is a row that a kill cut short.
        rows = path.read_text("utf-8").split("\n")[1:-1] if path.exists() else []
        kept = [row for row in rows if row.count(",") == header.count(",")]
        kept = [row for row in kept if int(row.partition(",")[0]) <= resumed]
        partial = path.with_suffix(".partial")
        partial.write_text("\n".join([header, *kept]) + "\n", "utf-8")
        partial.replace(path)
        return path.open("a", encoding="utf-8", buffering=1)

    def step(self, iteration: int, loss: float, rate: float, norm: float) -> None:
        """Record one step; ``iteration`` counts from 1, ``norm`` is that of the gradient."""
        self._losses.write(f"{iteration},{loss!r},{rate!r},{norm!r}\n")
        if iteration % 10 == 0:
            self._board.add_scalar("train/loss", loss, iteration)
            self._board.add_scalar("train/learning_rate", rate, iteration)
            self._board.add_scalar("train/gradient_norm", norm, iteration)

    def score(self, iteration: int, psnr_y: float) -> None:
        """Record a validation score in dB."""
        self._scores.write(f"{iteration},{psnr_y!r}\n")
        self._board.add_scalar("validation/psnr_y", psnr_y, iteration)

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
