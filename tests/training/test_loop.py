"""The loop: what a run computes, keeps and refuses."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from swinir.checkpoints import load_file
from swinir.data.datasets import Stopped, load_pairs
from swinir.network import SwinIR
from swinir.restoration import planner
from swinir.training import guard
from swinir.training.feed import Batch
from swinir.training.learner import Learner, Step
from swinir.training.loop import MOST_ROLLBACKS
from swinir.training.outcome import Outcome
from swinir.training.processes import join
from swinir.training.recipe_file import load_recipe
from swinir.training.run import train
from swinir.training.state import load_newest
from swinir.training.validation import validate
from tests.training.runs import write_photographs, write_recipe

Terms = dict[str, torch.Tensor]

CPU = torch.device("cpu")
SHORT = ["optim.iterations=3", "optim.milestones=[]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


def run(path: Path, *overrides: str, folder: str = "run") -> Outcome:
    return train(load_recipe(path, [*SHORT, *overrides]), path.parent / folder, device=CPU)


def rows(folder: Path) -> list[str]:
    return (folder / "losses.csv").read_text().splitlines()[1:]


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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


@pytest.mark.parametrize(
    ("wish", "dtype"),
    [("bf16", torch.bfloat16), ("fp32", torch.float32), ("auto", torch.float32)],
)
def test_precision_is_reduced_where_asked(
    path: Path, wish: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.dtype] = []
    conv = torch.nn.Conv2d.forward

    def convolution(self: torch.nn.Conv2d, image: torch.Tensor) -> torch.Tensor:
        result = conv(self, image)
        seen.append(result.dtype)
        return result

    monkeypatch.setattr(torch.nn.Conv2d, "forward", convolution)
    assert run(path, f"optim.precision={wish}").iterations == 3
    assert set(seen) == {dtype}


def test_a_score_does_not_depend_on_the_memory_that_is_free(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_photographs(path.parent / "large", count=1, side=120)
    network = SwinIR(load_recipe(path).network)
    pairs = load_pairs(folder, 2)
    ample = validate(network, pairs, join(CPU, "fp32")).psnr
    monkeypatch.setattr(planner, "largest_tile", lambda *_, **__: 32)
    assert validate(network, pairs, join(CPU, "fp32")).psnr == ample


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("seed=4", "seed from 3 to 4"),
        ("start=random", "start from interpolation to random"),
        ("data.patch=10", "data.patch from 8 to 10"),
        ("optim.batch_size=3", "optim.batch_size from 2 to 3"),
    ],
)
def test_another_run_in_the_same_folder_is_refused_with_the_option_named(
    path: Path, override: str, told: str
) -> None:
    run(path)
    before = snapshot(path.parent / "run")
    with pytest.raises(ValueError, match=re.escape(f"began with another recipe ({told})")) as no:
        run(path, override, "optim.iterations=9")
    assert str(no.value).startswith(f"{path.parent / 'run'}: ")
    assert "\n" not in str(no.value)
    assert snapshot(path.parent / "run") == before


@pytest.mark.parametrize("override", ["network.img_range=255", "network.drop_path=0.1"])
def test_a_network_whose_weights_would_fit_but_mean_something_else_is_refused(
    path: Path, override: str
) -> None:
    run(path)
    name = re.escape(override.partition("=")[0])
    with pytest.raises(ValueError, match=rf"another network than the recipe's \({name} from"):
        run(path, override)


def test_other_photographs_are_refused(path: Path) -> None:
    run(path)
    before = snapshot(path.parent / "run")
    folder = write_photographs(path.parent / "others", count=5)
    with pytest.raises(ValueError, match=r"other photographs than those in data\.train") as no:
        run(path, f"data.train={folder}", "optim.iterations=9")
    assert "\n" not in str(no.value)
    assert snapshot(path.parent / "run") == before


def test_the_same_photographs_in_another_place_are_no_change(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(path)
    folder = write_photographs(path.parent / "moved")
    assert run(path, f"data.train={folder}").iterations == 3
    assert caplog.messages == []


def test_what_holds_from_the_next_step_on_may_change_and_is_told(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(path)
    run(path, "optim.iterations=5", "optim.milestones=[4]", "log.save_every=2", "name=other")
    (message,) = caplog.messages
    assert message == (
        f"{path.parent / 'run'}: goes on after 3 iterations with changes: "
        "optim.iterations from 3 to 5, optim.milestones from [] to [4], log.save_every from 7 to 2"
    )
    rates = [row.split(",")[2] for row in rows(path.parent / "run")]
    assert rates[-1] == repr(load_recipe(path).learning_rate(4) / 2)


def test_beta2_holds_from_the_resumption_on(path: Path) -> None:
    run(path)
    run(path, "optim.beta2=0.5", "optim.iterations=5")
    run(path, "optim.iterations=5", folder="plain")
    state, _ = load_newest(path.parent / "run" / "states")
    assert state is not None
    assert [group["betas"] for group in state.optimizer["param_groups"]] == [(0.9, 0.5)] * 2
    changed, plain = rows(path.parent / "run"), rows(path.parent / "plain")
    assert changed[:4] == plain[:4]
    assert changed[4] != plain[4]


def test_a_state_of_a_version_that_kept_no_recipe_goes_on_to_the_bit(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(path, "optim.iterations=9", folder="whole")
    run(path, "optim.iterations=5")
    (saved,) = (path.parent / "run" / "states").glob("*.pt")
    content = torch.load(saved, weights_only=True)
    torch.save({k: v for k, v in content.items() if k not in ("recipe", "photographs")}, saved)
    caplog.clear()
    run(path, "optim.iterations=9", "optim.milestones=[20]")
    (message,) = caplog.messages
    assert message.startswith(f"{path.parent / 'run'}: goes on after 5 iterations, saved by an old")
    assert rows(path.parent / "run") == rows(path.parent / "whole")
    ours, whole = (load_newest(path.parent / each / "states")[0] for each in ("run", "whole"))
    assert ours is not None
    assert whole is not None
    assert ours.recipe is not None
    assert ours.photographs == whole.photographs
    assert all(torch.equal(ours.network[name], value) for name, value in whole.network.items())


def test_a_second_run_in_the_folder_is_refused_and_the_first_goes_on(path: Path) -> None:
    refusals: list[str] = []

    def second() -> bool:
        if not refusals and (path.parent / "run" / "losses.csv").exists():
            with pytest.raises(ValueError, match="another run is at work") as refusal:
                run(path)
            refusals.append(str(refusal.value))
        return False

    recipe = load_recipe(path, SHORT)
    assert train(recipe, path.parent / "run", device=CPU, stop=second).iterations == 3
    (refusal,) = refusals
    assert refusal.startswith(f"{path.parent / 'run'}: ")
    assert "\n" not in refusal
    assert len(rows(path.parent / "run")) == 3


def test_a_run_stopped_while_photographs_are_read_leaves_nothing(path: Path) -> None:
    with pytest.raises(Stopped, match="stopped after reading 1 of 6 photographs"):
        train(load_recipe(path), path.parent / "run", device=CPU, stop=lambda: True)
    assert not (path.parent / "run").exists()


LONG = ["optim.iterations=90", "optim.milestones=[]", "log.save_every=10"]


@pytest.fixture
def quick_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RECENT": 4, "BEFORE": 20, "STREAK": 4}.items():
        monkeypatch.setattr(guard, name, value)


def breaking(monkeypatch: pytest.MonkeyPatch, times: int, spoil: float) -> list[int]:
    """Spoils the weights before the steps 50, 51 ...; returns where a step was taken from."""
    step, left = Learner.step, [times]
    taken: list[int] = []

    def broken(self: Learner, batches: Sequence[Batch], at: int, watch: guard.Guard) -> Step:
        taken.append(at)
        if at >= 50 and left[0]:
            left[0] -= 1
            with torch.no_grad():
                self.network.conv_after_body.weight.fill_(spoil)
        return step(self, batches, at, watch)

    monkeypatch.setattr(Learner, "step", broken)
    return taken


@pytest.mark.usefixtures("quick_guard")
@pytest.mark.parametrize("spoil", [5.0, float("nan")], ids=["a spike", "no number"])
def test_a_run_that_leaves_its_course_goes_back_and_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, spoil: float
) -> None:
    taken = breaking(monkeypatch, 1, spoil)
    outcome = train(load_recipe(path, LONG), path.parent / "run", device=CPU)
    assert outcome.iterations == 90
    assert outcome.rollbacks == 1
    back = taken.index(next(at for at, after in pairwise(taken) if after <= at)) + 1
    assert taken[:back] == list(range(back))
    assert back >= 52
    assert taken[back:] == list(range(taken[back], 90))
    assert taken[back] <= 50
    assert taken[back] % 10 == 0
    (message,) = caplog.messages
    assert message.startswith(f"the loss has left its course at iteration {back} (loss ")
    assert message.endswith(f"; back to {taken[back]}")
    numbers = [int(row.split(",")[0]) for row in rows(path.parent / "run")]
    assert numbers == list(range(1, 91))
    assert all(parameter.isfinite().all() for parameter in outcome.network.parameters())
    events = (path.parent / "run" / "events.log").read_text()
    assert events.count("goes on from here") == 1
    state, _ = load_newest(path.parent / "run" / "states")
    assert state is not None
    # What was seen on the way to the spike is not seen again.
    assert state.ahead == back - taken[back]


@pytest.mark.usefixtures("quick_guard")
def test_a_run_killed_after_going_back_ends_as_one_that_was_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        breaking(patch, 1, 5.0)
        train(load_recipe(path, LONG), path.parent / "whole", device=CPU)
    with monkeypatch.context() as patch:
        taken = breaking(patch, 1, 5.0)
        late: Callable[[], bool] = lambda: len(taken) > 60  # noqa: E731
        train(load_recipe(path, LONG), path.parent / "run", device=CPU, stop=late)
    train(load_recipe(path, LONG), path.parent / "run", device=CPU)
    assert rows(path.parent / "run") == rows(path.parent / "whole")


@pytest.mark.usefixtures("quick_guard")
def test_a_run_that_never_keeps_its_course_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(monkeypatch, 1000, float("nan"))
    with pytest.raises(ValueError, match=r"diverged at iteration \d+ \(loss nan, gradient nan\)"):
        train(load_recipe(path, LONG), path.parent / "run", device=CPU)
    state, _ = load_newest(path.parent / "run" / "states")
    assert state is not None
    assert state.rollbacks == MOST_ROLLBACKS
    assert all(value.isfinite().all() for value in state.network.values())


def test_a_step_that_is_no_number_is_left_out_and_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored = Learner._pass

    def broken(self: Learner, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, Terms]:
        image, truth, terms = restored(self, batch)
        spoilt = {name: term * float("nan") for name, term in terms.items()}
        return image, truth, spoilt if self.optimizer.param_groups[0]["lr"] == 4e-4 else terms

    monkeypatch.setattr(Learner, "_pass", broken)
    outcome = run(path, "optim.iterations=4")
    assert outcome.skipped == 1
    assert outcome.iterations == 4
    assert "nan" in rows(path.parent / "run")[1]
    events = (path.parent / "run" / "events.log").read_text()
    assert "2 step not taken: loss nan, gradient nan" in events
    state, _ = load_newest(path.parent / "run" / "states")
    assert state is not None
    assert state.skipped == 1
    assert {moments["step"].item() for moments in state.optimizer["state"].values()} == {3}


GAN = ["loss.l1=1", "loss.gan=0.1", "adversary.width=4", "data.patch=8"]


def test_a_discriminator_learns_along_and_goes_on_to_the_bit(path: Path) -> None:
    run(path, *GAN, "optim.iterations=6", folder="whole")
    run(path, *GAN, "optim.iterations=4")
    run(path, *GAN, "optim.iterations=6")
    ours, whole = (load_newest(path.parent / each / "states")[0] for each in ("run", "whole"))
    assert ours is not None
    assert whole is not None
    assert ours.adversary is not None
    assert whole.adversary is not None
    for name, value in whole.adversary["network"].items():
        assert torch.equal(ours.adversary["network"][name], value), name
    assert rows(path.parent / "run") == rows(path.parent / "whole")
    run(path, folder="plain")
    assert rows(path.parent / "plain")[0] != rows(path.parent / "whole")[0]


def test_accumulated_batches_learn_as_one_of_their_size(path: Path) -> None:
    still = ["network.drop_path=0", "log.save_every=100"]
    run(path, *still, "optim.batch_size=4", folder="one")
    run(path, *still, "optim.batch_size=2", "optim.accumulate=2", folder="two")
    one, two = (load_newest(path.parent / each / "states")[0] for each in ("one", "two"))
    assert one is not None
    assert two is not None
    for name, value in one.network.items():
        assert torch.allclose(two.network[name], value, atol=1e-6), name


def test_checkpointed_blocks_learn_the_same(path: Path) -> None:
    run(path, folder="plain")
    run(path, "optim.checkpointing=true")
    assert rows(path.parent / "run") == rows(path.parent / "plain")


@pytest.mark.slow
# What the compiler imports of torch is deprecated by torch.
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_a_compiled_network_learns_the_same(path: Path) -> None:
    still = ["network.drop_path=0", "optim.precision=fp32"]
    run(path, *still, folder="plain")
    run(path, *still, "optim.compile=true")
    ours, plain = (
        [float(row.split(",")[1]) for row in rows(path.parent / each)] for each in ("run", "plain")
    )
    assert ours == pytest.approx(plain, rel=1e-4)
    state, _ = load_newest(path.parent / "run" / "states")
    assert state is not None
    assert "conv_first.weight" in state.network


def test_worker_processes_draw_the_same_crops(path: Path) -> None:
    run(path, folder="plain")
    run(path, "data.workers=2")
    assert rows(path.parent / "run") == rows(path.parent / "plain")


def test_the_best_average_is_kept_apart(path: Path) -> None:
    photographs = load_recipe(path).data.train
    outcome = run(path, f"data.validation={photographs}", "log.validate_every=1")
    scores = (path.parent / "run" / "scores.csv").read_text().splitlines()[1:]
    best = max((float(row.split(",")[1]), int(row.split(",")[0])) for row in scores)
    assert (outcome.best, outcome.best_iteration) == best
    network, _ = load_file(path.parent / "run" / "best.safetensors")
    again = validate(network, load_pairs(photographs, 2), join(CPU, "fp32"))
    assert again.psnr == outcome.best


def test_the_end_is_scored_whenever_it_comes(path: Path) -> None:
    photographs = load_recipe(path).data.train
    run(path, f"data.validation={photographs}", "log.validate_every=1000")
    scores = (path.parent / "run" / "scores.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in scores] == [3]
