"""Removing what visitors left."""

import threading
import time
from contextlib import suppress
from pathlib import Path

PAUSE = 60.0
"""Seconds between two looks."""


class Sweeper:
    """Removes files of a folder once they are older than some age, but those it began with."""

    def __init__(self, folder: Path, age: float) -> None:
        """What lies in ``folder`` now stays; ``age`` is in seconds."""
        self.folder, self.age = folder, age
        self.kept = frozenset(folder.rglob("*"))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Look again and again in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def sweep(self) -> None:
        """Look once."""
        limit = time.time() - self.age
        # The deepest first, so that a folder is empty when it is looked at.
        for path in sorted(self.folder.rglob("*"), key=lambda it: len(it.parts), reverse=True):
            if path in self.kept:
                continue
            with suppress(OSError):
                if path.lstat().st_mtime > limit:
                    continue
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink()

    def _run(self) -> None:
        while not self._stop.wait(min(PAUSE, self.age)):
            self.sweep()
