"""How a command ends: its exit code, and one line in place of a traceback."""

import logging
import sys
from collections.abc import Callable
from io import TextIOWrapper

DONE, INCOMPLETE, MISUSED, INTERRUPTED = 0, 1, 2, 130


def guarded(prog: str, action: Callable[[], int]) -> int:
    """Do it, and return the exit code: the action's, or that of what ended it.

    Bad input is told in one line that begins with ``prog``.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A name that the terminal cannot show must not end a batch.
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        return action()
    except (ValueError, OSError) as error:
        # Imported here because it brings torch: --help answers without waiting for that.
        from swinir.restoration.batch import one_line

        print(f"{prog}: {one_line(error)}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        return INTERRUPTED
