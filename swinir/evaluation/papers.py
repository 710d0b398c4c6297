"""The papers' tables: which figure was published for which weights on which set."""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from swinir.tasks import Checkpoint, Task, find_task

ENSEMBLE = "+"
"""Ends the name of a model whose figures were made with the x8 self-ensemble."""

BASELINES = ("bicubic", "jpeg")
"""Tables of what there is without a network."""

_V2 = "Swin2SR"

_ALIASES = {"b100": "bsd100", "bsds100": "bsd100", "kodak": "kodak24", "mcm": "mcmaster"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        table: its name, as ``--reproduce`` takes it.
        task: name of the task.
        model: as the paper calls it; ``+`` at the end for the self-ensemble.
        train: what it was trained on, where the paper has several.
        images: name of the set.
        figures: by name, as in `scores.FIGURES`.
    """

    table: str
    task: str
    model: str
    train: str | None
    images: str
    figures: dict[str, float]

    @property
    def is_baseline(self) -> bool:
        """Whether no network made it."""
        return self.table in BASELINES

    @property
    def ensemble(self) -> bool:
        """Whether the x8 self-ensemble made it."""
        return self.model.endswith(ENSEMBLE)

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The published file that made it; None where there is no network."""
        if self.is_baseline:
            return None
        source = "swin2sr" if self.model.startswith(_V2) else "official"
        files = find_task(self.task).from_source(source)
        return next((it for it in files if self.train and f"_{self.train}_" in it.file), files[0])

    def __str__(self) -> str:
        """Model, task and set in a few words."""
        trained = f" ({self.train})" if self.train else ""
        return f"{self.model}{trained} {self.task} {self.images}"


_CONTENT: dict[str, Any] = json.loads(
    Path(__file__).with_name("papers.json").read_text(encoding="utf-8")
)


def _read_tables() -> dict[str, tuple[Row, ...]]:
    tables: dict[str, tuple[Row, ...]] = {}
    for name, table in _CONTENT["tables"].items():
        figures = table["columns"][4:]
        tables[name] = tuple(
            Row(
                table=name,
                task=table["task"].format(level=level),
                model=model,
                train=train,
                images=images,
                figures=dict(zip(figures, values, strict=True)),
            )
            for model, train, level, images, *values in table["rows"]
        )
    return tables


TABLES: dict[str, tuple[Row, ...]] = _read_tables()
"""Rows by the name of their table, in the papers' order."""

SIZES: dict[str, int] = _CONTENT["sizes"]
"""How many images each set has, by its name."""


def find_rows(table: str) -> tuple[Row, ...]:
    """The rows of a table; of every table for ``all``.

    Raises:
        ValueError: there is no such table; the line names the nearest.
    """
    if table == "all":
        return tuple(row for rows in TABLES.values() for row in rows)
    if table not in TABLES:
        near = get_close_matches(table, TABLES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(TABLES)} and all"
        raise ValueError(f"no paper's table is called {table!r}; {hint}")
    return TABLES[table]


def same_set(one: str, other: str) -> bool:
    """Whether two names mean one benchmark set: case and usual short names aside."""
    one, other = (name.casefold() for name in (one, other))
    return _ALIASES.get(one, one) == _ALIASES.get(other, other)


def published(task: Task, images: str, *, file: str = "", ensemble: bool = False) -> Row | None:
    """What the papers give for a task and a set; None where they give nothing.

    ``file`` is the name of the weights: those of a published file are told by its own row, any
    others by that of the task's preferred published file.
    """
    files = [checkpoint.file for checkpoint in task.published]
    wanted = file if file in files else files[0]
    rows = [
        row
        for table in TABLES.values()
        for row in table
        if row.task == task.name and row.checkpoint and row.checkpoint.file == wanted
    ]
    rows = [row for row in rows if same_set(row.images, images)]
    return next((row for row in rows if row.ensemble == ensemble), rows[0] if rows else None)


def published_baseline(task: Task, images: str) -> Row | None:
    """What the papers give without a network, for bicubic or JPEG; None where they give nothing."""
    rows = (row for table in BASELINES for row in TABLES[table])
    return next((it for it in rows if it.task == task.name and same_set(it.images, images)), None)
