"""Tiles side by side: each lane is a thread with its part of the processor's threads."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

from swinir.tiling import Mapper

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def lanes(count: int, stop: Callable[[], None]) -> Generator[Mapper]:
    """What calls a function for each of several items, ``count`` at a time, in order like `map`.

    A product of matrices that is small gains little from many threads; several products at once,
    each with few, keep all of them busy. Items are taken as they are needed. On an exception
    ``stop`` is called, which should end the calls in work soon, and they are waited for.
    """
    if count == 1:
        yield map
        return
    threads = torch.get_num_threads()
    ready = threading.Barrier(count + 1)

    def begin() -> None:
        # A thread takes the number that all have when it first asks, and only then one of its own.
        torch.get_num_threads()
        torch.set_num_threads(max(threads // count, 1))
        ready.wait()

    with ThreadPoolExecutor(count) as pool:
        for _ in range(count):
            pool.submit(begin)
        ready.wait()
        # Which is then the number that all have.
        torch.set_num_threads(threads)
        try:
            # One waits in line, so that no lane does while a result is put away.
            yield lambda function, items: ahead(pool, function, items, count)
        except BaseException:
            stop()
            raise


def ahead(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[Result]:
    """Results in order, with no more than ``depth`` of them waiting, so that memory is bounded."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
