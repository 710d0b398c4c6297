"""The moving average follows the weights."""

import pytest
import torch

from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.training.ema import MovingAverage

TINY = SwinIRConfig(
    head=Head.PIXELSHUFFLE_DIRECT, scale=2, embed_dim=12, depths=(2,), num_heads=(2,), window=4
)


def fill(network: SwinIR, value: float) -> None:
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(value)


def values(average: MovingAverage) -> set[float]:
    return {round(float(each), 5) for w in average.network.parameters() for each in w.unique()}


@pytest.mark.parametrize(
    ("iteration", "decay"),
    [(0, 0.1), (10, 11 / 20), (80, 0.9), (10_000, 0.9)],
)
def test_it_moves_by_its_decay_and_faster_early_on(iteration: int, decay: float) -> None:
    network = SwinIR(TINY)
    fill(network, 0.0)
    average = MovingAverage(network, 0.9)
    fill(network, 1.0)
    average.update(network, iteration)
    assert values(average) == {round(1 - decay, 5)}


def test_it_does_not_touch_the_weights_it_follows() -> None:
    network = SwinIR(TINY)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    average = MovingAverage(network, 0.9)
    fill(average.network, 5.0)
    average.update(network, 3)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_it_can_be_run_and_is_not_trained() -> None:
    network = SwinIR(TINY).train()
    average = MovingAverage(network, 0.0)
    fill(network, 0.0)
    average.update(network, 100)
    assert not average.network.training
    assert network.training
    assert not any(weight.requires_grad for weight in average.network.parameters())
    # Weights of zero draw the mean colour: the averaged weights are the ones that are used.
    image = average.network(torch.zeros(1, 3, 8, 8))
    torch.testing.assert_close(image, average.network.mean.expand(1, 3, 16, 16))
