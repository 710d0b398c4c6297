"""How a command ends: its exit code, and one line in place of a traceback."""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper

from swinir.lines import is_expected, one_line, trace

DONE, INCOMPLETE, MISUSED, INTERRUPTED = 0, 1, 2, 130
UNHEARD = 141
"""What a shell reports of a program whose reader has gone: 128 and the number of SIGPIPE."""


def guarded(prog: str, action: Callable[[], int]) -> int:
    """Do it, and return the exit code: the action's, or that of what ended it.

    An error is told in one line that begins with ``prog``; the code is 2 for bad input and 1 for a
    defect of the program. Where nobody reads what is printed any more, nothing is said.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A name that the terminal cannot show must not end a batch.
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        code = action()
        # Now, because the interpreter would complain at its end of what cannot be printed.
        print(end="", flush=True)
        return code
    except BrokenPipeError:
        _drop_output()
        return UNHEARD
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _tell(prog, error)


def _tell(prog: str, error: Exception) -> int:
    try:
        print(f"{prog}: {one_line(error)}", file=sys.stderr)
        trace(error)
        print(end="", flush=True)
    except OSError:
        _drop_output()
    return MISUSED if is_expected(error) else INCOMPLETE


def _drop_output() -> None:
    """Let what is still to be printed go nowhere."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
