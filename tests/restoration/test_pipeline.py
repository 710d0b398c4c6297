import threading
import time
from collections.abc import Callable

import pytest

from swinir.restoration.pipeline import Pipeline

LONG = 5.0


class Log:
    """What was done, in order, and whether two things were ever done at once."""

    def __init__(self) -> None:
        self.lines, self.turn = list[str](), threading.Lock()

    def __call__(self, line: str) -> None:
        with self.turn:
            self.lines.append(line)


def pipeline(
    log: Log,
    work: Callable[[int], int] = lambda item: item,
    *,
    roomy: bool = True,
    stop: Callable[[], None] = lambda: None,
) -> Pipeline[int, int, int, int]:
    def load(item: int) -> int:
        log(f"read {item}")
        return item

    def do(item: int, _: int) -> int:
        log(f"restore {item}")
        return work(item)

    def store(item: int, _: int, made: int) -> int:
        log(f"write {item}")
        return made

    return Pipeline(load, do, store, roomy=lambda _: roomy, stop=stop)


def test_results_come_in_order() -> None:
    found = pipeline(Log(), lambda item: item * 2).run(range(5))
    assert [each.result() for each in found] == [0, 2, 4, 6, 8]


def test_nothing_is_done_for_nothing() -> None:
    assert list(pipeline(Log()).run([])) == []


def test_the_next_is_read_while_this_one_is_worked_on() -> None:
    log, read = Log(), threading.Event()

    def work(item: int) -> int:
        if item == 0:
            deadline = time.monotonic() + LONG
            while "read 1" not in log.lines and time.monotonic() < deadline:
                time.sleep(0.001)
            assert "read 1" in log.lines
            assert "read 2" not in log.lines, "no more than one is read ahead"
            read.set()
        return item

    assert [each.result() for each in pipeline(log, work).run(range(4))] == [0, 1, 2, 3]
    assert read.is_set()


def test_the_one_before_is_written_while_this_one_is_worked_on() -> None:
    begun = threading.Event()

    def store(item: int, *_: int) -> int:
        assert item or begun.wait(LONG), "the next was not begun before this was written"
        return item

    def work(item: int, _: int) -> int:
        if item == 1:
            begun.set()
        return item

    line = Pipeline(lambda it: it, work, store, roomy=lambda _: True, stop=lambda: None)
    assert [each.result() for each in line.run(range(3))] == [0, 1, 2]


def test_what_came_of_one_is_told_before_the_next_is_done() -> None:
    told = threading.Event()

    def work(item: int) -> int:
        assert item == 0 or told.wait(LONG), "nobody was told in time"
        return item

    found = pipeline(Log(), work).run(range(2))
    assert next(found).result() == 0
    told.set()
    assert next(found).result() == 1


def test_where_there_is_no_room_one_follows_the_other() -> None:
    log = Log()
    list(pipeline(log, roomy=False).run(range(3)))
    assert log.lines == [f"{what} {n}" for n in range(3) for what in ("read", "restore", "write")]


@pytest.mark.parametrize("step", ["load", "work", "store"])
def test_an_error_belongs_to_its_item(step: str) -> None:
    def fail(name: str) -> Callable[..., int]:
        def do(item: int, *_: int) -> int:
            if item == 1 and name == step:
                raise KeyError(name)
            return item

        return do

    line = Pipeline(
        fail("load"), fail("work"), fail("store"), roomy=lambda _: True, stop=lambda: None
    )
    found = list(line.run(range(4)))
    assert [each.exception() is None for each in found] == [True, False, True, True]
    assert isinstance(found[1].exception(), KeyError)


def test_who_stops_listening_stops_the_work() -> None:
    log, stopped = Log(), threading.Event()

    def work(item: int) -> int:
        assert item == 0 or stopped.wait(LONG), "nobody was told"
        return item

    found = pipeline(log, work, stop=stopped.set).run(range(50))
    next(found)
    found.close()
    assert "restore 10" not in log.lines
    assert not [each for each in threading.enumerate() if each.name.startswith(("read_", "rest"))]
