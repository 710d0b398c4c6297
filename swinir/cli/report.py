"""What ``test.py`` prints: tables and summaries for people, JSON for machines."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swinir.lines import printable
from swinir.restoration.batch import Outcome
from swinir.restoration.restorer import Restorer
from swinir.tasks import TASKS, Task


@dataclass(slots=True)
class Tally:
    """What a batch came to, with the seconds that it took.

    Attributes:
        outcomes: one for each picture that was looked at.
        seconds: of the whole batch.
        interrupted: the user stopped it.
        is_begun: in the middle of a picture, of which part is done.
        scores: PSNR in dB by source.
        unscored: why there is no score, by source.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    is_begun: bool = False
    scores: dict[Path, float] = field(default_factory=dict)
    unscored: dict[Path, str] = field(default_factory=dict)

    @property
    def restored(self) -> list[Outcome]:
        """Outcomes with a new result."""
        return [outcome for outcome in self.outcomes if outcome.restored]

    @property
    def skipped(self) -> list[Outcome]:
        """Outcomes without a result."""
        return [outcome for outcome in self.outcomes if outcome.reason]

    @property
    def kept(self) -> int:
        """How many results were there before."""
        return sum(outcome.kept for outcome in self.outcomes)

    @property
    def megapixels(self) -> float:
        """Millions of pixels made."""
        return sum(outcome.pixels for outcome in self.restored) / 1e6


def _about(path: Path, text: str, kind: str) -> str:
    return f"{kind}: {printable(path)}: {text}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _score_lines(scores: dict[Path, float]) -> list[str]:
    if not scores:
        return []
    names = [printable(path.name) for path in scores]
    width = max(map(len, [*names, "mean"]))
    pairs = zip(names, scores.values(), strict=True)
    rows = [f"{name:{width}}  {value:6.2f} dB" for name, value in pairs]
    return [*rows, f"{'mean':{width}}  {sum(scores.values()) / len(scores):6.2f} dB"]


def summary(tally: Tally, restorer: Restorer, total: int, output: str) -> str:
    """The closing lines of a batch."""
    lines = _score_lines(tally.scores)
    done, rate = len(tally.restored), tally.megapixels / max(tally.seconds, 1e-9)
    lines += [
        f"restored {done} of {_plural(total, 'picture')} in {tally.seconds:.1f} s "
        f"({tally.megapixels:.2f} megapixels, {rate:.3f} a second) -> {printable(output)}"
    ]
    if tally.kept:
        lines.append(f"left alone: {_plural(tally.kept, 'result')} already there")
    lines += [_about(each.job.source, each.note, "note") for each in tally.outcomes if each.note]
    lines += [f"note: {note}" for note in restorer.report.notes()]
    lines += [_about(path, reason, "no score") for path, reason in tally.unscored.items()]
    lines += [_about(each.job.source, each.reason, "skipped") for each in tally.skipped]
    if tally.interrupted:
        lines.append(f"interrupted; {_going_on(tally)}")
    return "\n".join(lines)


def _going_on(tally: Tally) -> str:
    # Without results to skip a picture that is partly done needs no more than the same words.
    words = "" if tally.is_begun and not tally.outcomes else " with --skip-existing"
    where = ", in the middle of a picture" if tally.is_begun else ""
    return f"the same command{words} goes on from here{where}"


def as_json(tally: Tally, restorer: Restorer, total: int) -> str:
    """The same for machines; the PSNR of equal images, which is no number there, is "inf"."""
    record: dict[str, Any] = {
        "pictures": total,
        "restored": len(tally.restored),
        "kept": tally.kept,
        "skipped": len(tally.skipped),
        "interrupted": tally.interrupted,
        "seconds": round(tally.seconds, 3),
        "megapixels": round(tally.megapixels, 6),
        "notes": restorer.report.notes(),
        "files": [
            {
                "source": str(each.job.source),
                "target": None if each.reason else str(each.job.target),
                "state": "skipped" if each.reason else "kept" if each.kept else "restored",
                "reason": each.reason or None,
                "note": each.note or None,
                "seconds": round(each.seconds, 3),
                "psnr": _number(tally.scores.get(each.job.source)),
                "unscored": tally.unscored.get(each.job.source),
            }
            for each in tally.outcomes
        ],
    }
    return json.dumps(record, indent=1, allow_nan=False)


def _number(value: float | None) -> float | str | None:
    return "inf" if value is not None and math.isinf(value) else value


def _weights(task: Task, source: str) -> list[str]:
    return [entry.file for entry in task.from_source(source)]


def task_table() -> str:
    """Every task with what it does and whether its weights ship with the program."""
    width = max(len(name) for name in TASKS)
    rows = [
        f"{task.name:{width}}  {task.title:40}  {', '.join(task.sources)}"
        for task in TASKS.values()
    ]
    head = f"{'task':{width}}  {'what it does':40}  weights"
    return "\n".join([head, *rows])


def tasks_as_json() -> str:
    """The task table for machines."""
    rows = [
        {
            "task": task.name,
            "title": task.title,
            "scale": task.network.scale,
            "channels": task.network.channels,
            "ours": _weights(task, "ours"),
            "official": _weights(task, "official"),
            "swin2sr": _weights(task, "swin2sr"),
        }
        for task in TASKS.values()
    ]
    return json.dumps(rows, indent=1)
