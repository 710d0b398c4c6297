"""The tab that says what there is."""

import re
from pathlib import Path

import gradio as gr

from swinir import __version__
from swinir.checkpoints import places
from swinir.tasks import TASKS
from swinir.web.choices import choices

HEADINGS = ("task", "what it does", "weights here", "weights to fetch")

ROOT = Path(__file__).parents[2]

INTRODUCTION = f"""
SwinIR {__version__} restores pictures with transformers that look at windows
([Liang et al. 2021](https://arxiv.org/abs/2108.10257)). This page runs the very engine of
`test.py`: the same pixels come out. 16 bits, transparency, colour profile and EXIF are kept.

A picture is worked at in tiles, so its size is bounded by the server's limit alone. One job runs on
each device at a time; the place in the queue is shown above the result. Cancel stops within one
tile.
"""


def tab() -> None:
    """Fill the tab."""
    gr.Markdown(INTRODUCTION)
    gr.Markdown("## Tasks")
    gr.Dataframe(
        task_rows(),
        headers=list(HEADINGS),
        datatype="str",
        interactive=False,
        wrap=True,
        column_widths=["170px", "320px", "140px", "420px"],
    )
    for title, path in (
        ("Our weights", places.shipped() / "README.md"),
        ("Figures", ROOT / "docs" / "results.md"),
    ):
        if path.is_file():
            with gr.Accordion(title, open=False):
                gr.Markdown(card(path.read_text(encoding="utf-8")))


def task_rows() -> list[list[str]]:
    """A line for each task."""
    return [
        [
            task.name,
            task.title,
            ", ".join(each.weights for each in choices([task]) if each.there) or "none",
            ", ".join(each.weights for each in choices([task]) if not each.there),
        ]
        for task in TASKS.values()
    ]


def card(text: str) -> str:
    """A document of the project as the page shows it: links to other files become plain text."""
    return re.sub(r"!?\[([^\]]*)\]\((?!https?://)[^)]*\)", r"\1", text)
