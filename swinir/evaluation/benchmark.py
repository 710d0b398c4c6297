"""Contenders over a set of images with known truth."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from swinir.evaluation.method import Method
from swinir.evaluation.scores import Scores, mean, measure
from swinir.evaluation.sets import ImageSet, Sample
from swinir.images.tensors import Image
from swinir.lines import one_line, printable, trace
from swinir.metrics.learned import Learned
from swinir.restoration.jobs import result_names
from swinir.restoration.lanes import ahead


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that restores images: its name in the table, and ``(H, W, C) -> (H*s, W*s, C)``."""

    label: str
    restore: Callable[[Image], Image]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one contender scored on one image, and the seconds that restoring it took.

    ``image`` is the name of its truth, no two of a set alike.
    """

    image: str
    contender: str
    scores: Scores
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """A set, done.

    Attributes:
        name: of the set.
        contenders: their labels, the baseline first.
        entries: by image, then by contender.
        problems: images without figures, one line each.
    """

    name: str
    contenders: tuple[str, ...]
    entries: tuple[Entry, ...]
    problems: tuple[str, ...]

    def of(self, contender: str) -> list[Entry]:
        """The entries of one contender."""
        return [entry for entry in self.entries if entry.contender == contender]

    def means(self, contender: str) -> dict[str, float]:
        """The mean of each figure of one contender over the images."""
        return mean(entry.scores for entry in self.of(contender))


@dataclass(frozen=True, slots=True)
class Showing:
    """One image with all that was made of it, to look at; ``name`` as in `Entry`."""

    name: str
    degraded: Image
    truth: Image
    restored: Mapping[str, Image]
    scores: Mapping[str, Scores]


@dataclass(slots=True)
class _Attempt:
    """An image on its way; ``problem`` says why it goes no further."""

    name: str
    sample: Sample
    degraded: Image | None = None
    truth: Image | None = None
    restored: dict[str, Image] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    problem: str = ""

    @contextmanager
    def stopping(self, what: str = "") -> Generator[None, None, None]:
        """Turn what is wrong with the image, or a defect that it shows, into its problem."""
        path = self.sample.degraded or self.sample.truth
        try:
            yield
        except Exception as error:
            trace(error)
            self.problem = f"{printable(path)}: {what}{one_line(error, path)}"


@dataclass(frozen=True, slots=True)
class _Bench:
    contenders: Sequence[Contender]
    method: Method
    learned: Sequence[Learned]
    look: Callable[[Showing], None] | None

    def prepare(self, named: tuple[str, Sample]) -> _Attempt:
        attempt = _Attempt(*named)
        with attempt.stopping():
            attempt.degraded, attempt.truth = self.method.prepare(attempt.sample)
        return attempt

    def restore(self, attempt: _Attempt) -> _Attempt:
        if attempt.degraded is not None:
            with attempt.stopping():
                for contender in self.contenders:
                    started = time.perf_counter()
                    attempt.restored[contender.label] = contender.restore(attempt.degraded)
                    attempt.seconds[contender.label] = time.perf_counter() - started
        return attempt

    def judge(self, attempt: _Attempt) -> _Attempt:
        """Score and show; gives the attempt back without its images."""
        if not attempt.problem and attempt.degraded is not None and attempt.truth is not None:
            with attempt.stopping():
                attempt.entries = self._entries(attempt, attempt.truth)
            # Scores stay when showing fails.
            with attempt.stopping("no sheet: "):
                self._show(attempt, attempt.degraded, attempt.truth)
        attempt.degraded, attempt.truth, attempt.restored = None, None, {}
        return attempt

    def _show(self, attempt: _Attempt, degraded: Image, truth: Image) -> None:
        if self.look and attempt.entries:
            scores = {entry.contender: entry.scores for entry in attempt.entries}
            self.look(Showing(attempt.name, degraded, truth, attempt.restored, scores))

    def _entries(self, attempt: _Attempt, truth: Image) -> list[Entry]:
        return [
            Entry(
                attempt.name,
                label,
                measure(
                    restored,
                    truth,
                    border=self.method.border,
                    grey_is_luma=self.method.keep_grey,
                    learned=self.learned,
                ),
                attempt.seconds[label],
            )
            for label, restored in attempt.restored.items()
        ]


def run(
    contenders: Sequence[Contender],
    images: ImageSet,
    method: Method,
    *,
    workers: int = 1,
    learned: Sequence[Learned] = (),
    look: Callable[[Showing], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Restore and score every image of a set; the baseline of ``method`` joins the contenders.

    The network works in the calling thread; ``workers`` threads read, degrade, score and draw
    beside it. Their number changes no digit. An image that cannot be scored goes among the
    problems.

    Args:
        contenders: what to compare; labels are different from each other.
        images: the set.
        method: how figures are made.
        workers: at least 1.
        learned: further metrics.
        look: sees each image once it is scored, in a worker's thread.
        progress: called with images done and in all.

    Raises:
        ValueError: two contenders of one name, or no worker.
    """
    everyone = (Contender(method.baseline, method.restore_plainly), *contenders)
    labels = tuple(contender.label for contender in everyone)
    if len(set(labels)) < len(labels):
        raise ValueError(f"contenders have different names, got {', '.join(labels)}")
    if workers < 1:
        raise ValueError(f"workers are at least 1, got {workers}")
    bench = _Bench(everyone, method, learned, look)
    entries: list[Entry] = []
    problems = list(images.problems)
    pool = ThreadPoolExecutor(workers)
    try:
        named = zip(_names(images.samples), images.samples, strict=True)
        restored = map(bench.restore, ahead(pool, bench.prepare, named, workers))
        for done, attempt in enumerate(ahead(pool, bench.judge, restored, workers), 1):
            entries += attempt.entries
            problems += [attempt.problem] if attempt.problem else []
            if progress:
                progress(done, len(images.samples))
    finally:
        # Who interrupts does not wait for what has not begun.
        pool.shutdown(cancel_futures=True)
    return Result(images.name, labels, tuple(entries), tuple(problems))


def _names(samples: Sequence[Sample]) -> list[str]:
    """A name for each image, fit for a file and for a table: its truth's, where that is unique."""
    files = [Path(printable(sample.truth.name)) for sample in samples]
    return [name.stem for name in result_names(files, ".png")]
