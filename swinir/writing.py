"""Files that appear whole or not at all."""

import hashlib
import os
import platform
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".unfinished-"
"""Beginning of the name of a file that is being written; hidden, so that it is never an input."""


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give an empty temporary file beside ``path``; at the end it takes the name ``path``.

    On an exception the temporary file is removed and ``path`` stays as it was. Of several writers
    of one ``path`` each has a file of its own, and the last to end is the one that stays. What
    processes of this machine that were killed left of the same ``path`` is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = f"{UNFINISHED}{_digest(path.name)}-{_machine()}-"
    with suppress(OSError):
        _remove_left_overs(path.parent, ours)
    temporary = path.with_name(f"{ours}{os.getpid()}-{secrets.token_hex(8)}")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        settle(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def continued(path: Path, part: str) -> Path:
    """Where a part of what becomes ``path`` lies from one run to the next, until it is finished."""
    return path.with_name(f"{UNFINISHED}{_digest(path.name)}.{part}")


@contextmanager
def temporary_folder(beginning: str, parent: Path) -> Generator[Path]:
    """A new folder for this user alone, gone with all that is in it at the end.

    So are those of the same ``beginning`` that processes of this machine left when they were
    killed.
    """
    ours = f"{beginning}-{_machine()}-"
    _remove_left_overs(parent, ours)
    folder = parent / f"{ours}{os.getpid()}-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settle(temporary: Path, path: Path) -> None:
    """Bring a finished file to the disk and to its name."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def _digest(name: str) -> str:
    # A name may be as long as the file system allows, and then leaves no room for a prefix.
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _machine() -> str:
    """Where the process numbers count: on this machine, or in this container of it."""
    try:
        numbering = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbering = ""
    return _digest(f"{platform.node()} {numbering}")


def _remove_left_overs(folder: Path, prefix: str) -> None:
    for path in folder.glob(f"{prefix}*"):
        pid = path.name.removeprefix(prefix).partition("-")[0]
        if not pid.isdecimal() or _lives(int(pid)):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    if os.name == "nt":
        # There the question below would end the process.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
