"""Every kind of task trains: a few steps of a tiny network, scored, resumed to the bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from swinir.network import SwinIR
from swinir.training.recipe_file import load_recipe
from swinir.training.run import train
from swinir.training.start import start_as_identity
from tests.training.runs import write_recipe

CPU = torch.device("cpu")

KINDS = {
    "noise": ("data.degradation.kind=noise", "data.degradation.sigma=[5, 55]"),
    "jpeg": ("data.degradation.kind=jpeg", "data.degradation.quality=10"),
    "bsrgan": ("data.degradation.kind=bsrgan",),
    "real-esrgan": ("data.degradation.kind=real-esrgan",),
}
SAME_SIZE = ("network.head=residual", "network.scale=1", "start=identity")


def overrides(kind: str, *more: str) -> list[str]:
    size = SAME_SIZE if kind in ("noise", "jpeg") else ()
    return [*KINDS[kind], *size, "optim.iterations=4", "log.validate_every=2", *more]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_task_trains_and_is_scored(kind: str, channels: int, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, validation=True)
    recipe = load_recipe(path, overrides(kind, f"network.channels={channels}"))
    outcome = train(recipe, tmp_path / "run", device=CPU)
    assert outcome.iterations == 4
    assert np.isfinite(outcome.best)


@pytest.mark.parametrize("kind", ["noise", "bsrgan"])
def test_a_stopped_run_goes_on_to_the_same_bits(kind: str, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, validation=True)
    whole = train(load_recipe(path, overrides(kind)), tmp_path / "whole", device=CPU)
    train(load_recipe(path, overrides(kind, "optim.iterations=2")), tmp_path / "run", device=CPU)
    resumed = train(load_recipe(path, overrides(kind)), tmp_path / "run", device=CPU)
    wanted = whole.network.state_dict()
    assert all(
        torch.equal(value, wanted[name]) for name, value in resumed.network.state_dict().items()
    )
    for record in ("losses.csv", "scores.csv"):
        assert (tmp_path / "run" / record).read_text() == (tmp_path / "whole" / record).read_text()


def test_another_degradation_is_another_run(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    train(load_recipe(path, overrides("noise")), tmp_path / "run", device=CPU)
    changed = overrides("noise", "data.degradation.sigma=[5, 50]", "optim.iterations=6")
    with pytest.raises(ValueError, match=r"began with another recipe .*data.degradation"):
        train(load_recipe(path, changed), tmp_path / "run", device=CPU)


def test_a_network_that_keeps_the_size_starts_close_to_the_identity(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path), overrides("noise"))
    torch.manual_seed(0)
    network = SwinIR(recipe.network).eval()
    start_as_identity(network)
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert (network(image) - image).abs().mean() < 0.02
