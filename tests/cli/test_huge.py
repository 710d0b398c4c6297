"""A TIFF that memory does not hold, from the command line: interrupted, killed, gone on with."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swinir.cli import restore as command_line
from swinir.restoration import Restorer, huge

Command = Callable[..., Any]
Save = Callable[..., Path]
Names = Callable[[], list[str]]

ROOT = Path(command_line.__file__).parents[2]
WORDS = ("--format", "same", "--tile", "16", "--overlap", "8", "--precision", "fp32")

KILLED = """
import os, runpy, signal, sys
from swinir.restoration import huge
from swinir.restoration.unfinished import Unfinished
huge.MAX_PIXELS, save, count = 500, Unfinished.save, []
def dying(self, state):
    save(self, state)
    count.append(state)
    if len(count) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Unfinished.save = dying
sys.argv[0] = "test.py"
runpy.run_path("test.py", run_name="__main__")
"""


@pytest.fixture
def _low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huge, "MAX_PIXELS", 500)


@pytest.fixture
def whole(tmp_path: Path, restore: Command, save: Save) -> bytes:
    """The result of ``in/a.tif`` where it is held, which lies there no more."""
    save(tmp_path / "in" / "a.tif", 41, 23)
    assert restore(*WORDS).code == 0
    made = tmp_path / "out" / "a.tif"
    content = made.read_bytes()
    made.unlink()
    return content


def test_killed_in_mid_picture_the_same_command_goes_on_to_the_same_bytes(
    tmp_path: Path,
    restore: Command,
    weights: Path,
    whole: bytes,
    results: Names,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders = ("--folder", tmp_path / "in", "--output", tmp_path / "out")
    words = ["--task", "sr_x4", "--weights", weights, *folders, *WORDS]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *words], cwd=ROOT, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert all(name.startswith(".unfinished-") for name in results())
    monkeypatch.setattr(huge, "MAX_PIXELS", 500)
    ran = restore(*WORDS)
    assert ran.code == 0
    assert re.search(r"note: .*a\.tif: went on where an earlier run had ended, at 40%", ran.out)
    assert (tmp_path / "out" / "a.tif").read_bytes() == whole
    assert results() == ["a.tif"]


@pytest.mark.usefixtures("_low")
@pytest.mark.parametrize("others", [False, True])
def test_an_interrupt_in_mid_picture_says_how_to_go_on(
    tmp_path: Path,
    restore: Command,
    save: Save,
    whole: bytes,
    monkeypatch: pytest.MonkeyPatch,
    *,
    others: bool,
) -> None:
    if others:
        save(tmp_path / "in" / "0.tif", 5, 4)
    passes = Restorer.passes

    def interrupted(self: Restorer, channels: int, watch: Any) -> Any:
        run, count = passes(self, channels, watch), []

        def stop(tile: Any) -> Any:
            count.append(tile)
            if len(count) == 4:
                raise KeyboardInterrupt
            return run(tile)

        return stop

    with monkeypatch.context() as patch:
        patch.setattr(Restorer, "passes", interrupted)
        ran = restore(*WORDS)
    assert ran.code == 130
    with_skip = " with --skip-existing" if others else ""
    assert ran.out.endswith(
        f"interrupted; the same command{with_skip} goes on from here, in the middle of a picture\n"
    )
    again = restore(*WORDS, *(["--skip-existing"] if others else []))
    assert "at 20%" in again.out
    assert (tmp_path / "out" / "a.tif").read_bytes() == whole


@pytest.mark.usefixtures("_low")
def test_what_is_too_large_needs_a_tiff_for_its_result(
    tmp_path: Path, restore: Command, save: Save
) -> None:
    save(tmp_path / "in" / "a.tif", 41, 23)
    ran = restore()
    assert ran.code == 1
    assert re.search(r"skipped: .*a\.tif: .* a result ending in \.png; give --format tiff", ran.out)
    ran = restore("--format", "tiff", "--max-megapixels", "1", "--sheet")
    assert ran.code == 0
    assert "not looked at for sheet or score" in ran.out


def test_a_limit_on_megapixels_refuses_rather_than_going_by_rows(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "in" / "a.tif", 1001, 1000)
    ran = restore("--format", "tiff", "--max-megapixels", "1")
    assert ran.code == 1
    assert "at most 1 megapixels here" in ran.out
