"""What a user is told about an error or a name: one line that no terminal trips over."""

import os
import traceback
from pathlib import Path

from swinir.writing import UNFINISHED

TRACEBACK = "SWINIR_TRACEBACK"
"""Environment variable that asks for the traceback of what else is told in one line."""

REFUSALS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "bad_alloc",
    "ALLOC_FAILED",
)
"""What a RuntimeError of torch says where memory ran out."""


def one_line(error: BaseException, about: Path | None = None) -> str:
    """What went wrong, in one line, without the name of the file that it is ``about``."""
    if isinstance(error, OSError) and error.strerror:
        if not error.filename:
            return error.strerror
        where = Path(os.fsdecode(error.filename))
        # The name of a file that is being written would tell nobody anything.
        where = where.parent if where.name.startswith(UNFINISHED) else where
        exists = isinstance(error, FileExistsError)
        reason = "a file, where a folder is needed" if exists else error.strerror
        return reason if where == about else f"{printable(where)}: {reason}"
    if is_out_of_memory(error) and (isinstance(error, RuntimeError) or not str(error)):
        return "not enough memory for this picture"
    lines = str(error).removeprefix(f"{about}: ").splitlines()
    text = printable(" ".join(line.strip() for line in lines))
    if is_expected(error):
        return text
    kind = type(error).__name__
    named = f"{kind}: {text}" if text else kind
    return f"a defect of the program: {named}; {TRACEBACK}=1 shows where"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on whichever device."""
    if isinstance(error, RuntimeError):
        return any(word in str(error) for word in REFUSALS)
    return isinstance(error, MemoryError)


def is_expected(error: BaseException) -> bool:
    """Whether an error is about what the user gave; any other is a defect of the program."""
    return isinstance(error, ValueError | OSError | MemoryError) or is_out_of_memory(error)


def trace(error: BaseException) -> None:
    """Show where an error comes from, if the environment asks for it."""
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        traceback.print_exception(error)


def printable(name: Path | str) -> str:
    """A name with line breaks, control characters and undecodable bytes written as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(name)
    )
