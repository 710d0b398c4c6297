"""Work in a thread of its own, followed from outside and ended when nobody follows any more."""

import threading
import time
from collections.abc import Callable, Generator, Hashable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from swinir.restoration import Cancelled

S = TypeVar("S")
T = TypeVar("T")

PULSE = 1.0
"""Seconds after which a follower hears of the work, whatever it does.

Only then is it noticed that a visitor has left.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """How far work is.

    Attributes:
        done: tiles done.
        total: tiles in all; 0 while nothing is known, as long as weights are loaded.
        left: seconds that are left, by the pace so far; None before the first tile.
        about: what is being done, as the name of a file.
    """

    done: int = 0
    total: int = 0
    left: float | None = None
    about: str = ""


class Watch:
    """What work tells of itself, and asks."""

    def __init__(self) -> None:
        """Nothing told yet."""
        self.news = threading.Event()
        self.stop = threading.Event()
        self._step = Step()
        self._began = 0.0

    def cancelled(self) -> bool:
        """Whether the work should end."""
        return self.stop.is_set()

    def cancel(self) -> None:
        """End the work, and let those who follow it know at once."""
        self.stop.set()
        self.news.set()

    def tiles(self, done: int, total: int) -> None:
        """``done`` of ``total`` tiles are done."""
        now = time.monotonic()
        if not done:
            self._began = now
        left = (now - self._began) / done * (total - done) if done else None
        self._step = Step(done, total, left, self._step.about)
        self.news.set()

    def about(self, what: str) -> None:
        """``what`` is being worked at from now on."""
        self._step = Step(about=what)
        self.news.set()

    @property
    def step(self) -> Step:
        """How far the work is now."""
        return self._step


class _Worker(threading.Thread, Generic[T]):
    def __init__(self, work: Callable[[Watch], T], watch: Watch) -> None:
        super().__init__(daemon=True)
        self.work, self.watch = work, watch
        self.result: T
        self.error: BaseException | None = None
        self.over = False

    def run(self) -> None:
        try:
            self.result = self.work(self.watch)
        except BaseException as error:
            self.error = error
        self.over = True
        self.watch.news.set()


class Ongoing:
    """Work that its visitors may end.

    Not left to gradio, whose page takes no new work until its server has answered for what was
    cancelled: a visitor who went on at once was not heard.
    """

    def __init__(self) -> None:
        """Nothing going on yet."""
        self._watches: dict[Hashable, Watch] = {}

    @contextmanager
    def watch(self, key: Hashable) -> Generator[Watch]:
        """A watch that `cancel` reaches by ``key``, as the visitor's session and the kind of work.

        Where there is one by this key already, the new one is reached from now on.
        """
        watch = self._watches[key] = Watch()
        try:
            yield watch
        finally:
            if self._watches.get(key) is watch:
                del self._watches[key]

    def cancel(self, key: Hashable) -> None:
        """End the work of this key, if there is any."""
        watch = self._watches.get(key)
        if watch:
            watch.cancel()


def follow(work: Callable[[Watch], T], watch: Watch | None = None) -> Generator[Step, None, T]:
    """Do ``work``, yielding how far it is at each tile and at least every `PULSE` seconds.

    Returns what the work returns and raises what it raises. Where the generator is closed early,
    or ``watch`` is cancelled, the work is asked to end, which it does within a tile; nobody waits
    for that.

    Raises:
        Cancelled: ``watch`` was cancelled, even if the work came to its end meanwhile.
    """
    watch = watch or Watch()
    worker = _Worker(work, watch)
    worker.start()
    try:
        while True:
            watch.news.wait(PULSE)
            watch.news.clear()
            if watch.cancelled():
                raise Cancelled("the visitor wants it no more")
            if worker.over:
                break
            yield watch.step
    finally:
        watch.stop.set()
    worker.join()
    if worker.error:
        raise worker.error
    return worker.result


def told(steps: Generator[Step, None, T], tell: Callable[[Step], S]) -> Generator[S, None, T]:
    """Yield what ``tell`` makes of each step of work; returns what the work returns."""
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            yield tell(step)
