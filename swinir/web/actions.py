"""What the buttons do: plain values in, what the page shows out."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

import gradio as gr

from swinir.lines import one_line, trace
from swinir.web import batches, comparing, words
from swinir.web.choices import PROBLEMS, Choice, choose, scales, suited
from swinir.web.jobs import Ongoing, Step, Watch, follow, told
from swinir.web.looking import Look, look
from swinir.web.orders import Order, order
from swinir.web.restoring import Bench, Restored
from swinir.web.showing import BATCHED, COMPARED, RESTORED, Update, ended, off, on, shown

T = TypeVar("T")


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


class Actions:
    """What the page can do, on one bench."""

    def __init__(self, bench: Bench) -> None:
        """``bench`` is where pictures are restored."""
        self.bench = bench
        self._ongoing = Ongoing()

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

    def cancel(self, names: Sequence[str], request: gr.Request) -> Update:
        """End the visitor's work that is shown under these names."""
        self._ongoing.cancel((request.session_hash, names))
        return off()

    def _follow(
        self,
        request: gr.Request,
        names: Sequence[str],
        work: Callable[[Watch], T],
        beside: Callable[[], dict[str, Update]] = dict,
    ) -> Generator[tuple[Update, ...], None, T]:
        """Do work, showing how far it is and what ``beside`` has until then; returns its result."""
        with self._ongoing.watch((request.session_hash, names)) as watch:
            steps = follow(work, watch)
            yield shown(names, status=words.progress(Step()), cancel=on(), **beside())
            return (
                yield from told(
                    steps, lambda step: shown(names, status=words.progress(step), **beside())
                )
            )

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
            restored, files = yield from self._follow(
                request, RESTORED, lambda watch: self._restore(source, wanted, watch)
            )
        except Exception as error:
            yield from ended(error, RESTORED, source)
            return
        both, crops = files
        yield shown(
            RESTORED,
            status=words.done(restored.summary),
            cancel=off(),
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
        request: gr.Request,
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
            batch = yield from self._follow(
                request,
                BATCHED,
                lambda watch: batches.restore_all(self.bench, sources, wanted, watch, keep),
                lambda: {"table": list(latest)},
            )
        except Exception as error:
            yield from ended(error, BATCHED)
            return
        mark = words.done if batch.restored == batch.total else words.wrong
        yield shown(
            BATCHED,
            status=mark(batch.summary),
            cancel=off(),
            table=[list(row) for row in batch.rows],
            download=gr.update(
                value=str(batch.path) if batch.path else None, interactive=bool(batch.path)
            ),
        )

    def compare(
        self,
        upload: str | None,
        truth: str | None,
        one: str | None,
        other: str | None,
        request: gr.Request,
    ) -> Generator[tuple[Update, ...]]:
        """Restore a picture with two sets of weights."""
        source = uploaded(upload)
        true = Path(truth) if truth else None
        try:
            orders = (Order(choose(*_split(one))), Order(choose(*_split(other))))
            made = yield from self._follow(
                request,
                COMPARED,
                lambda watch: comparing.compare(self.bench, source, true, orders, watch),
            )
        except Exception as error:
            yield from ended(error, COMPARED, source)
            return
        yield shown(
            COMPARED,
            status=words.done(f"Done in {words.duration(made.seconds)}"),
            cancel=off(),
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
