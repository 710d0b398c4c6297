"""Saved states survive kills, damage and a full disk."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from swinir.training.state import RunState, load_newest, save_state, saved_states
from swinir.writing import UNFINISHED


def state(iteration: int) -> RunState:
    weights = {"weight": torch.full((3,), float(iteration))}
    return RunState(
        iteration=iteration,
        network=weights,
        average=weights,
        optimizer={"state": {0: {"step": torch.tensor(4.0)}}, "param_groups": [{"params": [0]}]},
        rng=torch.get_rng_state(),
        cuda_rng=[],
        best=float("-inf"),
        seconds=1.5,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_saved_state_is_read_back_as_it_was(tmp_path: Path) -> None:
    saved = state(7)
    save_state(tmp_path / "new" / "states", saved)
    read, complaints = load_newest(tmp_path / "new" / "states")
    assert complaints == []
    assert read is not None
    assert (read.iteration, read.best, read.seconds) == (7, float("-inf"), 1.5)
    assert torch.equal(read.network["weight"], saved.network["weight"])
    assert torch.equal(read.rng, saved.rng)
    assert read.optimizer["param_groups"] == [{"params": [0]}]


def test_a_folder_without_states_holds_none(tmp_path: Path) -> None:
    assert load_newest(tmp_path / "states") == (None, [])


def test_the_newest_two_stay(tmp_path: Path) -> None:
    for iteration in (998, 999, 1000, 10_000):
        save_state(tmp_path, state(iteration))
    assert names(tmp_path) == ["state_00001000.pt", "state_00010000.pt"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_state_is_told_and_the_one_before_is_used(tmp_path: Path, share: float) -> None:
    save_state(tmp_path, state(7))
    newest = save_state(tmp_path, state(14))
    content = newest.read_bytes()
    newest.write_bytes(content[: int(share * len(content))])
    read, complaints = load_newest(tmp_path)
    assert read is not None
    assert read.iteration == 7
    (complaint,) = complaints
    assert complaint.startswith(f"{newest}: damaged, the state before it is used")
    assert "\n" not in complaint


def test_a_damaged_state_does_not_crowd_out_good_ones(tmp_path: Path) -> None:
    save_state(tmp_path, state(7))
    save_state(tmp_path, state(500)).write_bytes(b"")
    save_state(tmp_path, state(14))
    assert names(tmp_path) == ["state_00000007.pt", "state_00000014.pt"]


def test_a_run_whose_states_are_all_damaged_is_not_begun_anew_unasked(tmp_path: Path) -> None:
    for iteration in (7, 14):
        save_state(tmp_path, state(iteration)).write_bytes(b"not a state")
    with pytest.raises(
        ValueError, match=r"none of the 2 saved states can be read \(.+\); move"
    ) as refusal:
        load_newest(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_state_that_executes_code_is_not_read(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "executed"),))

    torch.save({"iteration": Attack()}, tmp_path / "state_00000001.pt")
    with pytest.raises(ValueError, match="none of the 1 saved states"):
        load_newest(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_a_disk_that_is_full_at_the_end_leaves_the_earlier_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, state(7))

    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=r"not saved, earlier .*No space left.*state_00000014\.pt"):
        save_state(tmp_path, state(14))
    assert names(tmp_path) == ["state_00000007.pt"]


def test_a_disk_that_takes_no_more_while_writing_leaves_the_earlier_state(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="needs a limit on the size of files")
    save_state(tmp_path, state(7))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"not saved, earlier .*state_00000014\.pt") as refusal:
            save_state(tmp_path, state(14))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refusal.value.errno == errno.EFBIG
    assert names(tmp_path) == ["state_00000007.pt"]


def test_what_a_killed_run_left_unfinished_is_dropped(tmp_path: Path) -> None:
    (tmp_path / f"{UNFINISHED}1234").touch()
    save_state(tmp_path, state(7))
    assert names(tmp_path) == ["state_00000007.pt"]


def test_the_recipe_and_the_photographs_are_kept(tmp_path: Path) -> None:
    save_state(tmp_path, replace(state(7), recipe={"seed": 3}, photographs="ab12"))
    read, _ = load_newest(tmp_path)
    assert read is not None
    assert (read.recipe, read.photographs) == ({"seed": 3}, "ab12")


def test_a_state_of_a_version_that_kept_no_recipe_is_read(tmp_path: Path) -> None:
    path = save_state(tmp_path, state(7))
    content = torch.load(path, weights_only=True)
    torch.save({k: v for k, v in content.items() if k not in ("recipe", "photographs")}, path)
    read, complaints = load_newest(tmp_path)
    assert complaints == []
    assert read is not None
    assert (read.iteration, read.recipe, read.photographs) == (7, None, None)


def test_an_interrupt_while_saving_leaves_the_earlier_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, state(7))

    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_state(tmp_path, state(14))
    assert names(tmp_path) == ["state_00000007.pt"]


def test_states_are_listed_newest_first_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("state_00000007.pt", "state_00000014.pt", f"{UNFINISHED}1", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in saved_states(tmp_path)] == [
        "state_00000014.pt",
        "state_00000007.pt",
    ]
