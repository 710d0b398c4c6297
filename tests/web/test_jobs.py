"""Work that is followed."""

import threading
import time

import pytest

from swinir.restoration import Cancelled
from swinir.web import jobs
from swinir.web.jobs import Ongoing, Step, Watch, follow


def test_each_tile_is_told_with_the_time_that_is_left() -> None:
    gate = threading.Semaphore(0)

    def work(watch: Watch) -> str:
        watch.tiles(0, 2)
        gate.acquire()
        watch.tiles(1, 2)
        gate.acquire()
        return "result"

    steps = follow(work)
    seen: list[Step] = [next(steps)]
    gate.release()
    seen.append(next(steps))
    gate.release()
    with pytest.raises(StopIteration) as end:
        while True:
            seen.append(next(steps))
    assert end.value.value == "result"
    assert seen[0] == Step(0, 2)
    assert seen[1].done == 1
    assert seen[1].left is not None


def test_what_goes_wrong_in_the_work_is_raised_to_the_follower() -> None:
    def work(_: Watch) -> None:
        raise ValueError("a reason")

    with pytest.raises(ValueError, match="a reason"):
        list(follow(work))


def test_a_follower_who_leaves_ends_the_work_at_its_next_tile() -> None:
    ended = threading.Event()

    def work(watch: Watch) -> None:
        watch.tiles(0, 9)
        while not watch.cancelled():
            time.sleep(0.01)
        ended.set()
        raise Cancelled("left")

    steps = follow(work)
    next(steps)
    steps.close()
    assert ended.wait(5)


def test_work_that_tells_nothing_is_heard_of_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PULSE", 0.01)
    gate = threading.Event()

    def work(_: Watch) -> None:
        gate.wait()

    steps = follow(work)
    assert [next(steps), next(steps)] == [Step(), Step()]
    gate.set()
    list(steps)


def test_who_cancels_hears_of_it_at_once_and_the_work_ends_at_its_next_tile() -> None:
    ended = threading.Event()
    ongoing = Ongoing()

    def work(watch: Watch) -> None:
        while not watch.cancelled():
            time.sleep(0.01)
        ended.set()

    with ongoing.watch("mine") as watch, ongoing.watch("another's") as other:
        steps = follow(work, watch)
        next(steps)
        ongoing.cancel("mine")
        with pytest.raises(Cancelled):
            next(steps)
        assert not other.cancelled()
    assert ended.wait(5)
    ongoing.cancel("mine")


def test_work_begun_twice_is_reached_where_it_was_begun_last() -> None:
    ongoing = Ongoing()
    with ongoing.watch("mine") as first:
        with ongoing.watch("mine") as second:
            ongoing.cancel("mine")
        ongoing.cancel("mine")
    assert second.cancelled()
    assert not first.cancelled()
