"""One run at a time in a folder."""

import errno
import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"

UNLOCKABLE = (errno.ENOLCK, errno.EOPNOTSUPP)
"""What file systems answer that know no locks."""

log = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Hold a run folder, which is made where there is none and dropped where it stays empty.

    The system lets go of what a killed run held. Where the file system knows no locks, that is
    told, and the run goes on without.

    Raises:
        ValueError: another run is at work in the folder.
        OSError: the folder cannot be made or written.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ValueError(
            f"{folder}: another run is at work in this folder; wait until it has ended, "
            "or give this one a folder of its own with --output"
        ) from None
    except OSError as error:
        if error.errno not in UNLOCKABLE:
            raise
        log.warning("%s: cannot be locked; see that no second run works in it", folder)
    try:
        yield
    finally:
        if made and [path.name for path in folder.iterdir()] == [LOCK]:
            # Windows does not remove what is open.
            with suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()
        lock.release()
