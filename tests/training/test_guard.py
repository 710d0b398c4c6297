"""Whether a run keeps its course."""

import math

import pytest

from swinir.training.guard import BEFORE, RECENT, STREAK, Guard


def seen(guard: Guard, *losses: float) -> Guard:
    for loss in losses:
        guard.see(loss, 1.0)
    return guard


def test_a_loss_that_jumps_and_stays_is_a_spike() -> None:
    guard = seen(Guard(4.0), *[0.02] * (BEFORE + RECENT))
    assert not guard.spike
    seen(guard, *[0.09] * (RECENT // 2))
    assert not guard.spike
    seen(guard, 0.09)
    assert guard.spike


def test_a_few_hard_batches_are_none() -> None:
    guard = seen(Guard(4.0), *[0.02] * BEFORE, *[0.5, 0.02, 0.02] * 20)
    assert not guard.spike


def test_a_loss_that_falls_is_none() -> None:
    guard = Guard(1.5)
    for step in range(400):
        guard.see(1 / (1 + step), 1.0)
        assert not guard.spike


def test_factor_zero_never_finds_one() -> None:
    assert not seen(Guard(0), *[0.02] * BEFORE, *[9.0] * RECENT).spike


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (0.1, math.inf), (math.inf, math.nan)])
def test_a_step_that_is_not_finite_is_refused_and_not_remembered(loss: float, norm: float) -> None:
    guard = seen(Guard(4.0), 0.02)
    assert not guard.see(loss, norm)
    assert guard.losses == [0.02]
    assert guard.streak == 1
    assert guard.see(0.02, 1.0)
    assert guard.streak == 0


def test_many_of_them_in_a_row_are_a_loss_of_course() -> None:
    guard = Guard(0)
    for _ in range(STREAK - 1):
        guard.see(math.nan, 1.0)
        assert not guard.lost
    guard.see(math.nan, 1.0)
    assert guard.lost
    guard.forget()
    assert not guard.lost


def test_it_goes_on_from_the_losses_that_it_remembered() -> None:
    losses = [0.02] * BEFORE + [0.09] * (RECENT // 2)
    again = Guard(4.0, seen(Guard(4.0), *losses).losses)
    assert seen(again, 0.09, 0.09, 0.09).spike == seen(Guard(4.0), *losses, 0.09, 0.09, 0.09).spike
