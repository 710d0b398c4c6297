"""Reading, restoring and writing of pictures, each while the others go on."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import zip_longest
from typing import Generic, TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Made = TypeVar("Made")
Stored = TypeVar("Stored")


class Pipeline(Generic[Item, Loaded, Made, Stored]):
    """Three threads: one reads the next item, one works on this one, one stores the one before.

    At most one item is read ahead, and one waits to be stored.
    """

    def __init__(
        self,
        load: Callable[[Item], Loaded],
        work: Callable[[Item, Loaded], Made],
        store: Callable[[Item, Loaded, Made], Stored],
        *,
        roomy: Callable[[Loaded], bool],
        stop: Callable[[], None],
    ) -> None:
        """Take the three steps.

        Args:
            load: reads an item.
            work: what takes long.
            store: writes what came of it.
            roomy: whether memory holds neighbours of an item too; if not, one follows the other.
            stop: should end ``work`` soon, because nobody wants the rest.
        """
        self._load, self._work, self._store = load, work, store
        self._roomy, self._stop = roomy, stop
        self._ahead: Future[Loaded] | None = None
        self._behind: Future[Stored] | None = None

    def run(self, items: Sequence[Item]) -> Iterator[Future[Stored]]:
        """What came of each item, in order, as soon as it is there: a result or an exception."""
        with (
            ThreadPoolExecutor(1, "read") as reader,
            ThreadPoolExecutor(1, "restore") as worker,
            ThreadPoolExecutor(1, "write") as writer,
        ):
            working: deque[Future[Future[Stored]]] = deque()
            try:
                for item, following in zip_longest(items, items[1:]):
                    working.append(worker.submit(self._one, item, following, reader, writer))
                    if len(working) > 1:
                        yield _flat(working.popleft())
                while working:
                    yield _flat(working.popleft())
            finally:
                self._stop()
                for each in working:
                    each.cancel()

    def _one(
        self,
        item: Item,
        following: Item | None,
        reader: ThreadPoolExecutor,
        writer: ThreadPoolExecutor,
    ) -> Future[Stored]:
        mine = self._ahead or reader.submit(self._load, item)
        self._ahead = None
        try:
            loaded = mine.result()
        finally:
            roomy = not mine.exception() and self._roomy(mine.result())
            if following is not None and roomy:
                self._ahead = reader.submit(self._load, following)
        made = self._work(item, loaded)
        if self._behind:
            wait([self._behind])
        stored = writer.submit(self._store, item, loaded, made)
        if roomy:
            self._behind = stored
        else:
            wait([stored])
        return stored


def _flat(outer: Future[Future[Stored]]) -> Future[Stored]:
    """The inner result, waited for; the outer exception, where there is one."""
    error = outer.exception()
    if error is None:
        inner = outer.result()
        wait([inner])
        return inner
    failed: Future[Stored] = Future()
    failed.set_exception(error)
    return failed
