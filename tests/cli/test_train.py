"""``train.py`` as a user meets it: stopped, killed, misused, done."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file as safetensors

from swinir.checkpoints import load_file
from swinir.cli.train import main
from swinir.data import datasets
from swinir.data.datasets import load_levels
from swinir.images.files import read
from swinir.training import loop
from swinir.training.feed import Batch
from swinir.training.learner import Step
from swinir.training.lock import alone_in
from swinir.training.state import load_newest
from tests.training.runs import ITERATIONS, write_photographs, write_recipe

ROOT = Path(__file__).parents[2]

KILLED_IN_A_STEP = """
import os, signal, sys
from swinir.cli.train import main
from swinir.training.loop import Trainer
step = Trainer.step
def dying(self, batches):
    if self.iteration == 17:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batches)
Trainer.step = dying
main(sys.argv[1:])
"""

KILLED_AT_ANY_TIME = """
import os, random, signal, sys, threading, time
from swinir.cli.train import main
from swinir.training.loop import Trainer
step, left = Trainer.step, random.Random(int(sys.argv.pop(1))).randrange(2, 9)
began = time.monotonic()
def dying(self, batches):
    global left, began
    left -= 1
    # From step to step: that is how long whatever follows takes, too.
    took, began = time.monotonic() - began, time.monotonic()
    if left == 0:
        # In the midst of it: this step, its record, or a state.
        threading.Timer(random.random() * took, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return step(self, batches)
Trainer.step = dying
main(sys.argv[1:])
"""

KILLED_WHILE_SAVING = """
import os, signal, sys
from swinir.cli.train import main
fsync = os.fsync
def dying(handle):
    states = os.path.join(sys.argv[-1], "states")
    names = os.listdir(states)
    if "state_00000014.pt" in names and any(name.startswith(".unfinished-") for name in names):
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(handle)
os.fsync = dying
main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def _signals_and_threads_as_before() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe"), validation=True)


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert main([str(recipe), "--device", "cpu", "--output", str(folder)]) == 0
    torch.set_num_threads(threads)
    return folder


def rows(folder: Path) -> int:
    return len((folder / "losses.csv").read_text().splitlines()) - 1


def assert_bitwise_equal(folder: Path, whole: Path) -> None:
    assert rows(whole) == ITERATIONS
    for name in ("losses.csv", "scores.csv"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    exported, expected = (safetensors(each / "tiny.safetensors") for each in (folder, whole))
    assert exported.keys() == expected.keys()
    assert all(torch.equal(exported[name], expected[name]) for name in expected)
    (ours, _), (theirs, _) = (load_newest(each / "states") for each in (folder, whole))
    assert ours is not None
    assert theirs is not None
    assert ours.iteration == theirs.iteration == ITERATIONS
    assert torch.equal(ours.rng, theirs.rng)
    for name, value in theirs.network.items():
        assert torch.equal(ours.network[name], value), name
    for number, moments in theirs.optimizer["state"].items():
        for name, value in moments.items():
            assert torch.equal(ours.optimizer["state"][number][name], value), (number, name)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("program", "recorded", "saved"),
    [(KILLED_IN_A_STEP, 17, 14), (KILLED_WHILE_SAVING, 21, 14)],
    ids=["in a step", "while saving"],
)
def test_after_a_kill_the_same_command_continues_to_the_bit(
    recipe: Path, whole: Path, tmp_path: Path, program: str, recorded: int, saved: int
) -> None:
    command = [str(recipe), "--device", "cpu", "--output", str(tmp_path)]
    killed = subprocess.run(
        [sys.executable, "-c", program, *command],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=1200,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert rows(tmp_path) == recorded
    state, complaints = load_newest(tmp_path / "states")
    assert complaints == []
    assert state is not None
    assert state.iteration == saved
    assert main(command) == 0
    assert_bitwise_equal(tmp_path, whole)
    assert not list((tmp_path / "states").glob(".*"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_five_kills_at_random_change_no_bit(recipe: Path, whole: Path, tmp_path: Path) -> None:
    command = [str(recipe), "--device", "cpu", "--output", str(tmp_path)]
    # A state after every step, or a run that dies young would never get on.
    often = ["--set", "log.save_every=1"]
    killed = 0
    for seed in range(5):
        ended = subprocess.run(
            [sys.executable, "-c", KILLED_AT_ANY_TIME, str(seed), *command, *often],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            timeout=1200,
            check=False,
        )
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
        killed += ended.returncode != 0
    assert killed == 5
    assert main(command) == 0
    assert_bitwise_equal(tmp_path, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_ctrl_c_finishes_the_step_and_the_same_command_goes_on(
    recipe: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    step = loop.Trainer.step

    def interrupted(self: loop.Trainer, batches: Sequence[Batch]) -> Step:
        if self.iteration == 17:
            signal.raise_signal(number)
        return step(self, batches)

    command = [str(recipe), "--device", "cpu", "--output", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "step", interrupted)
        assert main(command) == 130
    out, err = capsys.readouterr()
    assert "stopping after this step; the same command goes on from there" in err
    assert out == f"stopped after 18 of {ITERATIONS} iterations\n"
    assert rows(tmp_path) == 18
    assert (tmp_path / "states" / "state_00000018.pt").exists()
    assert main(command) == 0
    assert_bitwise_equal(tmp_path, whole)


def test_a_second_ctrl_c_stops_at_once(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: loop.Trainer, batches: Sequence[Batch]) -> Step:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second one did not stop the run")

    monkeypatch.setattr(loop.Trainer, "step", interrupted)
    assert main([str(recipe), "--device", "cpu", "--output", str(tmp_path)]) == 130
    assert not list((tmp_path / "states").glob("*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_ctrl_c_while_photographs_are_read_stops_without_reading_the_rest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    recipe = write_recipe(tmp_path)
    write_photographs(tmp_path / "photos", count=40)
    begun: list[Path] = []

    def interrupted(path: Path, channels: int) -> torch.Tensor:
        begun.append(path)
        if len(begun) == 3:
            signal.raise_signal(number)
        time.sleep(0.02)
        return load_levels(path, channels)

    monkeypatch.setattr(datasets, "load_levels", interrupted)
    assert main(short(recipe, tmp_path / "run")) == 130
    assert 3 <= len(begun) < 20
    out, err = capsys.readouterr()
    assert re.fullmatch(r"stopped after reading \d+ of 40 photographs\n", out)
    assert "\nstopping\n" in err
    assert not (tmp_path / "run").exists()


def short(recipe: Path, folder: Path, *more: str) -> list[str]:
    words = [str(recipe), "--device", "cpu", "--output", str(folder)]
    return [*words, "--set", "optim.iterations=2", *more]


def test_the_end_is_told_with_files_and_figures(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, exported = tmp_path / "run", tmp_path / "new" / "weights.safetensors"
    assert (
        main(short(recipe, folder, "--set", "log.validate_every=2", "--export", str(exported))) == 0
    )
    out, err = capsys.readouterr()
    *written, last = out.splitlines()
    names = [folder / name for name in ("tiny.safetensors", "tiny.md", "curve.png")]
    assert written == [f"wrote {each}" for each in (*names, exported)]
    assert read(folder / "curve.png").pixels.std() > 0.05
    assert "| validation | " in (folder / "tiny.md").read_text("utf-8")
    assert last.startswith("2 iterations in 0.00 h, best ")
    assert last.endswith(" dB")
    assert "\rreading photographs 6/6\n" in err
    assert "tiny: 100%" in err
    assert "loss=" in err
    network, _ = load_file(exported)
    assert network.config.scale == 2


def test_without_validation_there_is_no_word_of_a_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(short(write_recipe(tmp_path), tmp_path / "run")) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "2 iterations in 0.00 h"
    assert "inf" not in out + err
    assert "psnr" not in out + err


def test_a_photograph_that_cannot_be_read_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = write_recipe(tmp_path)
    broken = tmp_path / "photos" / "broken.png"
    broken.write_bytes((tmp_path / "photos" / "0.png").read_bytes()[:500])
    assert main(short(recipe, tmp_path / "run")) == 0
    (message,) = caplog.messages
    assert message.startswith(f"skipped: {broken}: ")
    assert "\n" not in message


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    line = err.splitlines()[-1]
    assert line.startswith("train.py: ")
    assert "Traceback" not in err
    return line.removeprefix("train.py: ")


def test_a_recipe_that_does_not_exist_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nosuch.toml"]) == 2
    err = capsys.readouterr().err
    assert err == (
        "train.py: nosuch.toml: a recipe is a readable TOML file (No such file or directory)\n"
    )


def test_a_mistyped_option_is_one_line(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused([str(recipe), "--set", "optim.itertions=5"], capsys)
    assert line == f"{recipe}: no option 'optim.itertions'; did you mean 'iterations'?"


def refused_photographs(
    folder: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> str:
    return refused(short(recipe, tmp_path / "run", "--set", f"data.train={folder}"), capsys)


def test_a_folder_that_does_not_exist_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nosuch"
    line = refused_photographs(missing, recipe, tmp_path, capsys)
    assert line == f"{missing}: a folder of photographs is needed, there is none"
    assert not (tmp_path / "run").exists()


def test_a_folder_without_images_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("none")
    line = refused_photographs(tmp_path / "empty", recipe, tmp_path, capsys)
    assert "needs photographs of at least 16x16 pixels, found none among 0 image files" in line


def test_a_folder_of_images_too_small_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photographs(tmp_path / "small", count=2, side=15)
    line = refused_photographs(tmp_path / "small", recipe, tmp_path, capsys)
    assert "at least 16x16 pixels, found none among 2 image files" in line


def test_a_folder_of_damaged_images_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "a.png").write_bytes(b"")
    line = refused_photographs(tmp_path / "damaged", recipe, tmp_path, capsys)
    assert "found none among 1 image files" in line


def test_an_export_that_cannot_be_written_is_refused_before_training(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(short(recipe, tmp_path / "run", "--export", "weights.onnx"), capsys)
    assert line == "--export writes a .safetensors file, got 'weights.onnx'"
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_network_is_one_line(
    recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(short(recipe, whole, "--set", "network.embed_dim=16"), capsys)
    assert line.startswith(f"{whole}: holds a run of another network than the recipe's")


def test_a_second_run_in_the_folder_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone_in(tmp_path / "run"):
        line = refused(short(recipe, tmp_path / "run"), capsys)
    assert line.startswith(f"{tmp_path / 'run'}: another run is at work in this folder; wait until")


def test_a_folder_of_another_seed_is_one_line(
    recipe: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(short(recipe, whole, "--set", "seed=4"), capsys)
    assert line.startswith(
        f"{whole}: holds a run that began with another recipe (seed from 3 to 4)"
    )


@pytest.mark.parametrize(
    ("validation", "told"),
    [
        (False, "the run is not saved, earlier states are kept (No space left on device)"),
        (True, "the best weights are not saved, states are kept (No space left on device)"),
    ],
)
def test_a_full_disk_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    validation: bool,  # noqa: FBT001
    told: str,
) -> None:
    recipe = write_recipe(tmp_path, validation=validation)

    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    line = refused(short(recipe, tmp_path / "run"), capsys)
    assert told in line
    assert not list((tmp_path / "run").glob("states/*"))
    assert not list((tmp_path / "run").glob("*.safetensors"))


def test_a_device_that_is_not_there_is_one_line(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this machine has the device that must be missing")
    assert "mps" in refused([str(recipe), "--device", "mps"], capsys)


def test_a_grey_photograph_is_learned_from(recipe: Path, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    (tmp_path / "grey").mkdir()
    cv2.imwrite(str(tmp_path / "grey" / "a.png"), grey)
    words = short(recipe, tmp_path / "run", "--set", f"data.train={tmp_path / 'grey'}")
    assert main(words) == 0


def test_a_preview_shows_crops_and_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main([*short(write_recipe(tmp_path), run), "--preview"]) == 0
    assert capsys.readouterr().out == f"wrote {run / 'preview.png'}\n"
    assert [path.name for path in run.iterdir()] == ["preview.png"]
    sheet = read(run / "preview.png").pixels
    # Six rows of three pairs; a crop of 8 pixels, 16 of the truth, is shown at 192.
    assert sheet.shape == (12 + 6 * (192 + 26 + 12), 12 + 6 * (192 + 12), 3)
    small, truth = sheet[38 : 38 + 192, 12 : 12 + 192], sheet[38 : 38 + 192, 216 : 216 + 192]
    assert np.abs(small - truth).mean() < 0.15
    assert len(np.unique(truth.reshape(-1, 3), axis=0)) > 20


def test_a_warm_start_says_what_it_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = write_recipe(tmp_path)
    first = tmp_path / "x2.safetensors"
    assert main([*short(recipe, tmp_path / "first"), "--export", str(first)]) == 0
    words = ["--set", f"warm_start={first}", "--set", "network.scale=4"]
    assert main([*short(recipe, tmp_path / "second"), *words]) == 0
    lines = [line for line in caplog.messages if line.startswith("warm start without ")]
    assert [line.split()[3] for line in lines] == ["upsample.0.weight", "upsample.0.bias"]
    missing = ["--set", f"warm_start={tmp_path / 'nosuch.pth'}"]
    assert main([*short(recipe, tmp_path / "third"), *missing]) == 2


def test_checking_the_data_names_what_is_wrong_and_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = short(write_recipe(tmp_path), tmp_path / "run")
    main([*words, "--check-data"])
    assert "6 photographs looked at" in capsys.readouterr().out
    (tmp_path / "photos" / "broken.png").write_bytes(b"")
    assert main([*words, "--check-data", str(tmp_path / "photos")]) == 1
    out = capsys.readouterr().out
    assert "unreadable: " in out
    assert "in a benchmark: " in out
    assert "7 photographs looked at" in out
    assert not (tmp_path / "run").exists()
