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
        # All ages first: a folder becomes young when something in it is removed.
        old = [path for path in self.folder.rglob("*") if self._goes(path, limit)]
        # The deepest first, so that a folder is empty when its turn comes.
        for path in sorted(old, key=lambda it: len(it.parts), reverse=True):
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink()

    def _goes(self, path: Path, limit: float) -> bool:
        try:
            return path not in self.kept and path.lstat().st_mtime <= limit
        except OSError:
            return False

    def _run(self) -> None:
        while not self._stop.wait(min(PAUSE, self.age)):
            self.sweep()
