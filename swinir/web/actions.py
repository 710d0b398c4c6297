"""What the buttons do: plain values in, what the page shows out."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from swinir.lines import one_line, trace
from swinir.web import batches, comparing, words
from swinir.web.choices import PROBLEMS, Choice, choose, scales, suited
from swinir.web.jobs import Step, Watch, follow, told
from swinir.web.looking import Look, look
from swinir.web.orders import Order, order
from swinir.web.restoring import Bench, Restored

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


def uploaded(upload: str | None, what: str = "a picture") -> Path:
    """Where an upload lies.

    Raises:
        gr.Error: there is none.
    """
    if not upload:
        raise gr.Error(
            f"{what[0].upper()}{what[1:]} is needed first: drop one on the page, or take a sample",
            title="Nothing to do yet",
            print_exception=False,
        )
    return Path(upload)


def progress(names: Sequence[str]) -> Callable[[Step], tuple[Update, ...]]:
    """How steps of work are shown."""
    return lambda step: shown(names, status=words.progress(step))


class Actions:
    """What the page can do, on one bench."""

    def __init__(self, bench: Bench) -> None:
        """``bench`` is where pictures are restored."""
        self.bench = bench

    # Choosing

    def look(self, upload: str | None, problem: str) -> tuple[Update, ...]:
        """A new picture: (told, image, level, advice, state)."""
        if not upload:
            return gr.skip(), gr.skip(), gr.skip(), "", None
        try:
            seen = look(Path(upload), self.bench.max_pixels)
        except Exception as error:
            trace(error)
            said = one_line(error, Path(upload))
            return words.wrong(f"This file cannot be used: {said}"), None, gr.skip(), "", None
        level = seen.level(problem)
        return (
            words.seen(seen.text, seen.preview),
            gr.skip(),
            gr.skip() if level is None else level,
            seen.advice(problem),
            seen,
        )

    def pick(self, problem: str, seen: Look | None) -> tuple[Update, ...]:
        """Another problem: (scale, level, advice)."""
        row = PROBLEMS[problem]
        offered = scales(row)
        least, most = row.span
        level = seen.level(problem) if seen else None
        level = row.usual if level is None else level
        return (
            gr.update(
                choices=[(f"{scale} times", scale) for scale in offered],
                value=4 if 4 in offered else offered[-1] if offered else None,
                visible=offered != [1] and bool(offered),
            ),
            gr.update(
                label=row.level or "Level",
                minimum=least,
                maximum=most or 1,
                value=min(max(level, least), most or 1),
                visible=bool(row.level),
            ),
            gr.update(value=seen.advice(problem) if seen else "", visible=bool(row.level)),
        )

    def weigh(
        self, problem: str, scale: int | None, level: float, seen: Look | None
    ) -> tuple[Update, Update]:
        """The weights that suit, the best first: (weights, note)."""
        found = suited(
            PROBLEMS[problem], scale=scale or 1, level=level, grey=bool(seen and seen.grey)
        )
        first = found[0] if found else None
        offered = [(each.label, each.key) for each in found]
        said = warning(first)
        note = gr.update(value=said, visible=bool(said))
        return gr.update(choices=offered, value=first and first.key), note

    # Working

    def restore(
        self,
        upload: str | None,
        weights: str | None,
        strength: float,
        tta: bool,  # noqa: FBT001
        tile: str,
        request: gr.Request,
    ) -> Generator[tuple[Update, ...]]:
        """Restore a picture, showing how far it is."""
        source = uploaded(upload)
        try:
            wanted = order(*_split(weights), strength, tta, tile)
            steps = follow(lambda watch: self._restore(source, wanted, watch))
            yield shown(RESTORED, status=words.progress(Step()), cancel=_on())
            restored, files = yield from told(steps, progress(RESTORED))
        except Exception as error:
            yield shown(RESTORED, status=words.wrong(one_line(error, source)), cancel=_off())
            raise refused(error, source) from error
        both, crops = files
        yield shown(
            RESTORED,
            status=words.done(restored.summary),
            cancel=_off(),
            results=gr.update(visible=True),
            slider=tuple(map(str, both)),
            before=str(crops[0]),
            after=str(crops[1]),
            download=gr.update(
                value=str(restored.path),
                label=f"Download PNG ({words.size(restored.path.stat().st_size)})",
            ),
            command=wanted.command(source.name),
            call=wanted.call(address(request), source.name),
        )

    def _restore(
        self, source: Path, wanted: Order, watch: Watch
    ) -> tuple[Restored, tuple[tuple[Path, Path], tuple[Path, Path]]]:
        restored = self.bench.restore(source, wanted, watch)
        return restored, (self.bench.both(restored), self.bench.crops(restored))

    def batch(
        self,
        uploads: list[str] | None,
        weights: str | None,
        strength: float,
        tta: bool,  # noqa: FBT001
        tile: str,
    ) -> Generator[tuple[Update, ...]]:
        """Restore many pictures, a line for each as it is done."""
        if not uploads:
            uploaded(None, "a picture or a zip")
        sources = [Path(each) for each in uploads or ()]
        latest: list[list[str]] = []

        def keep(batch: batches.Batch) -> None:
            latest[:] = [list(row) for row in batch.rows]

        try:
            wanted = order(*_split(weights), strength, tta, tile)
            steps = follow(
                lambda watch: batches.restore_all(self.bench, sources, wanted, watch, keep)
            )
            yield shown(BATCHED, status=words.progress(Step()), cancel=_on(), table=[])
            batch = yield from told(
                steps,
                lambda step: shown(BATCHED, status=words.progress(step), table=list(latest)),
            )
        except Exception as error:
            yield shown(BATCHED, status=words.wrong(one_line(error)), cancel=_off())
            raise refused(error) from error
        mark = words.done if batch.restored == batch.total else words.wrong
        yield shown(
            BATCHED,
            status=mark(batch.summary),
            cancel=_off(),
            table=[list(row) for row in batch.rows],
            download=gr.update(
                value=str(batch.path) if batch.path else None, interactive=bool(batch.path)
            ),
        )

    def compare(
        self, upload: str | None, truth: str | None, one: str | None, other: str | None
    ) -> Generator[tuple[Update, ...]]:
        """Restore a picture with two sets of weights."""
        source = uploaded(upload)
        true = Path(truth) if truth else None
        try:
            orders = (Order(choose(*_split(one))), Order(choose(*_split(other))))
            steps = follow(lambda watch: comparing.compare(self.bench, source, true, orders, watch))
            yield shown(COMPARED, status=words.progress(Step()), cancel=_on())
            made = yield from told(steps, progress(COMPARED))
        except Exception as error:
            yield shown(COMPARED, status=words.wrong(one_line(error, source)), cancel=_off())
            raise refused(error, source) from error
        yield shown(
            COMPARED,
            status=words.done(f"Done in {words.duration(made.seconds)}"),
            cancel=_off(),
            results=gr.update(visible=True),
            slider=tuple(map(str, made.both)),
            table=[list(row) for row in made.rows],
            errors=gr.update(
                value=[(str(file), label) for file, label in made.errors],
                visible=bool(made.errors),
            ),
        )


def address(request: gr.Request) -> str:
    """Where the visitor's browser, or a proxy before us, reaches this server."""
    headers = request.headers
    host = headers.get("x-forwarded-host") or headers.get("host", "127.0.0.1:7860")
    scheme = headers.get("x-forwarded-proto", "http")
    root = request.request.scope.get("root_path", "") if request.request else ""
    return f"{scheme}://{host}{root}/"


def warning(choice: Choice | None) -> str:
    """What a visitor should know before these weights are used, as HTML."""
    if choice is None:
        return words.wrong("This server has no weights for that.")
    if choice.there:
        return ""
    return words.plain(
        "The weights for this are not on this server yet and are fetched first, once: "
        f"{choice.weights}{choice.megabytes}."
    )


def _split(key: str | None) -> tuple[str, str]:
    if not key:
        raise ValueError("weights are needed, and none are here for this; choose another problem")
    task, _, weights = key.partition("/")
    return task, weights


def _on() -> Update:
    return gr.update(interactive=True)


def _off() -> Update:
    return gr.update(interactive=False)
