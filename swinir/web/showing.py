"""How the page shows work, and how it ends without a result."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from swinir.lines import one_line, trace
from swinir.restoration import Cancelled
from swinir.web import words

Update = Any
"""A value for a component, or an update of its properties."""

CANCELLED = "Cancelled. Nothing was kept."

RESTORED = (
    "status", "cancel", "results", "slider", "before", "after", "download", "command", "call",
)  # fmt: skip
"""Names of what a restoration shows, in the order of its outputs."""

BATCHED = ("status", "cancel", "table", "download")
COMPARED = ("status", "cancel", "results", "slider", "table", "errors")


def shown(names: Sequence[str], **values: Update) -> tuple[Update, ...]:
    """Values for outputs by name; the others stay as they are."""
    unknown = set(values) - set(names)
    if unknown:
        raise ValueError(f"outputs are {', '.join(names)}; got {', '.join(sorted(unknown))}")
    return tuple(values.get(name, gr.skip()) for name in names)


def refused(error: Exception, about: Path | None = None) -> gr.Error:
    """An error as the page and the client tell it, in one line."""
    trace(error)
    said = one_line(error, about)
    # Where the file lies here is nobody's business.
    return gr.Error(said, title="That did not work", duration=20, print_exception=False)


def ended(
    error: Exception, names: Sequence[str], about: Path | None = None
) -> Generator[tuple[Update, ...]]:
    """Show why work has no result.

    Raises:
        gr.Error: the reason, where it is not that the visitor cancelled.
    """
    if isinstance(error, Cancelled):
        yield shown(names, status=words.wrong(CANCELLED), cancel=off())
        return
    yield shown(names, status=words.wrong(one_line(error, about)), cancel=off())
    raise refused(error, about) from error


def on() -> Update:
    """A button that can be clicked."""
    return gr.update(interactive=True)


def off() -> Update:
    """A button that cannot."""
    return gr.update(interactive=False)
