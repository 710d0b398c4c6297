"""A result that takes more than one run: how far it is, and of what it is made.

Beside the target lie, hidden, the rows that are done (`swinir.images.strips`) and a state, which is
replaced as a whole once the rows that it counts are on the disk. Killed at any moment, a run so
leaves a state that holds, and rows that may be more than it says.
"""

import errno
import json
import zipfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from swinir.tiling import Span
from swinir.writing import continued, replacing, settle

UNLOCKABLE = (errno.ENOLCK, errno.EOPNOTSUPP)
"""What file systems answer that know no locks."""

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""What reading a state raises that was not written here."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a result is.

    Attributes:
        rows: of tiles, as planned when it was begun.
        columns: of tiles.
        done: rows of tiles that went through the network.
        sizes: bytes of each strip that is on the disk.
        carry: result below those strips, ``(h, W*s, C)``, as far as the tiles that are done reach;
            tiles to come will be added to its end.
    """

    rows: Sequence[Span]
    columns: Sequence[Span]
    done: int
    sizes: Sequence[int]
    carry: NDArray[np.float32]


class Unfinished:
    """The files of a result from one run to the next.

    Attributes:
        another: there was a state, but of another source or other options, or a damaged one.
    """

    def __init__(self, target: Path, of: Mapping[str, object]) -> None:
        """What becomes ``target``, made ``of`` what JSON can tell."""
        self._target, self._of = target, json.dumps(of, sort_keys=True)
        self._rows, self._state = continued(target, "rows"), continued(target, "state")
        self.another = False

    def open(self) -> BinaryIO:
        """The file of the rows, with all that it holds."""
        self._rows.touch()
        return self._rows.open("r+b")

    def load(self) -> State | None:
        """How far earlier runs came; None where this one begins."""
        try:
            with self._state.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                if str(stored["of"]) != self._of:
                    raise ValueError("of another source or other options")
                return State(
                    _spans(stored["rows"]),
                    _spans(stored["columns"]),
                    int(stored["done"]),
                    stored["sizes"].tolist(),
                    stored["carry"],
                )
        except FileNotFoundError:
            return None
        except DAMAGED:
            self.another = True
            return None

    def save(self, state: State) -> None:
        """Record what is done; its rows must be on the disk."""
        with replacing(self._state) as path, path.open("wb") as file:
            np.savez(
                file,
                of=np.array(self._of),
                rows=_numbers(state.rows),
                columns=_numbers(state.columns),
                done=np.array(state.done),
                sizes=np.array(state.sizes, np.int64),
                carry=state.carry,
            )

    def finish(self) -> None:
        """Give the file of the rows, which is closed, its name, and forget the state."""
        settle(self._rows, self._target)
        self._state.unlink(missing_ok=True)

    def forget(self) -> None:
        """Leave no file where there is nothing to go on with."""
        if not self._state.exists():
            self._rows.unlink(missing_ok=True)


@contextmanager
def held(target: Path, of: Mapping[str, object]) -> Generator[Unfinished]:
    """Hold the unfinished files of a target, whose folder is there.

    Raises:
        ValueError: another run is at work on it.
        OSError: the folder cannot be written.
    """
    path = continued(target, "lock")
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ValueError(
            "another run is at work on this picture; wait until it has ended, or give another "
            "folder with --output"
        ) from None
    except OSError as error:
        if error.errno not in UNLOCKABLE:
            raise
    unfinished = Unfinished(target, of)
    try:
        yield unfinished
    finally:
        unfinished.forget()
        # Windows does not remove what is open.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def is_begun(target: Path) -> bool:
    """Whether a run has left part of this result for the next."""
    return continued(target, "state").is_file()


def _numbers(spans: Sequence[Span]) -> NDArray[np.int64]:
    return np.array([(it.start, it.stop, *it.rise, *it.fall) for it in spans], np.int64)


def _spans(numbers: NDArray[np.int64]) -> list[Span]:
    return [Span(row[0], row[1], (row[2], row[3]), (row[4], row[5])) for row in numbers.tolist()]
