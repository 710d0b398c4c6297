"""The loop: what a run computes, keeps and refuses."""

from pathlib import Path

import pytest
import torch

from swinir.training.loop import Outcome, pick_precision, train
from swinir.training.recipe import load_recipe
from swinir.training.state import load_newest
from tests.training.runs import write_photographs, write_recipe

CPU = torch.device("cpu")
SHORT = ["optim.iterations=3", "optim.milestones=[]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


def run(path: Path, *overrides: str, folder: str = "run") -> Outcome:
    return train(load_recipe(path, [*SHORT, *overrides]), path.parent / folder, device=CPU)


def test_the_averaged_network_is_what_comes_out(path: Path) -> None:
    outcome = run(path, "log.save_every=100")
    assert outcome.iterations == 3
    state, _ = load_newest(path.parent / "run" / "states")
    assert state is not None
    ours = outcome.network.state_dict()
    assert all(torch.equal(ours[name], state.average[name]) for name in ours)
    assert not torch.equal(state.average["conv_first.weight"], state.network["conv_first.weight"])


def test_another_seed_is_another_run(path: Path) -> None:
    losses = []
    for seed in (1, 2):
        run(path, f"seed={seed}", folder=str(seed))
        losses.append((path.parent / str(seed) / "losses.csv").read_text())
    assert losses[0] != losses[1]


def test_a_longer_recipe_goes_on_with_a_finished_run(path: Path) -> None:
    run(path)
    assert run(path, "optim.iterations=5").iterations == 5
    rows = (path.parent / "run" / "losses.csv").read_text().splitlines()[1:]
    assert [int(row.partition(",")[0]) for row in rows] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("override", ["network.embed_dim=16", "network.depths=[4]"])
def test_a_state_of_another_network_is_refused_in_one_line(path: Path, override: str) -> None:
    run(path)
    with pytest.raises(ValueError, match="run of another network than the recipe's") as refusal:
        run(path, override)
    assert "\n" not in str(refusal.value)


def test_a_damaged_state_is_told_and_the_run_goes_on_from_the_one_before(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(path, "log.save_every=2", folder="whole")
    run(path, "log.save_every=2")
    newest = path.parent / "run" / "states" / "state_00000003.pt"
    newest.write_bytes(newest.read_bytes()[:5000])
    run(path, "log.save_every=2")
    assert caplog.messages[0].startswith(f"{newest}: damaged, the state before it is used")
    ours, whole = (path.parent / each / "losses.csv" for each in ("run", "whole"))
    assert ours.read_text() == whole.read_text()


def test_a_run_that_diverges_stops_and_keeps_the_states_before(path: Path) -> None:
    with pytest.raises(ValueError, match=r"diverged at iteration .* lower optim\.learning_rate"):
        run(path, "optim.learning_rate=1e30", "optim.iterations=30", "log.save_every=1")
    state, complaints = load_newest(path.parent / "run" / "states")
    assert complaints == []
    assert state is not None
    assert state.iteration < 30


def test_validation_photographs_too_small_to_score_are_refused_at_the_start(path: Path) -> None:
    write_photographs(path.parent / "dots", count=1, side=4)
    with pytest.raises(ValueError, match="needs photographs of at least 6x6 pixels"):
        run(path, f"data.validation={path.parent / 'dots'}")
    assert not (path.parent / "run").exists()


def test_precision_is_reduced_where_asked() -> None:
    assert pick_precision("bf16", CPU) is torch.bfloat16
    assert pick_precision("fp32", CPU) is None
    assert pick_precision("auto", CPU) is None


def test_a_run_in_bf16_learns_too(path: Path) -> None:
    assert run(path, "optim.precision=bf16").iterations == 3
