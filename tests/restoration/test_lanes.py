import threading
import time

import pytest
import torch
from torch import Tensor

from swinir.restoration.lanes import lanes


def nothing() -> None:
    """Nobody has to be stopped."""


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_order(count: int) -> None:
    def slower_first(item: Tensor) -> Tensor:
        time.sleep(0.02 / (1 + item.item()))
        return item * 2

    with lanes(count, nothing) as each:
        found = [result.item() for result in each(slower_first, map(torch.tensor, range(7)))]
    assert found == [0, 2, 4, 6, 8, 10, 12]


def test_as_many_as_there_are_lanes_are_in_work_at_once() -> None:
    together = threading.Barrier(3)

    def meet(item: Tensor) -> Tensor:
        together.wait(timeout=5)
        return item

    with lanes(3, nothing) as each:
        assert len(list(each(meet, [torch.zeros(1)] * 6))) == 6


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> "list[Tensor]":
        for number in range(10):
            taken.append(number)
            yield torch.zeros(1)

    with lanes(2, nothing) as each:
        next(each(lambda item: item, items()))
        assert len(taken) == 3


def test_each_lane_has_its_part_of_the_threads_and_others_keep_theirs() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with lanes(2, nothing) as each:
            counts = each(lambda _: torch.tensor(torch.get_num_threads()), [torch.zeros(1)] * 4)
            assert [int(count) for count in counts] == [2, 2, 2, 2]
            seen: list[int] = []
            newcomer = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
            newcomer.start()
            newcomer.join()
        assert seen == [4]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_what_goes_wrong_in_a_lane_stops_the_others() -> None:
    stopped = threading.Event()

    def work(item: Tensor) -> Tensor:
        if item == 0:
            raise MemoryError
        assert stopped.wait(timeout=5), "nobody told the others"
        return item

    with pytest.raises(MemoryError), lanes(2, stopped.set) as each:
        list(each(work, map(torch.tensor, range(5))))
