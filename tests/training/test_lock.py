"""A run folder is one run's at a time."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from swinir.training.lock import LOCK, alone_in

ROOT = Path(__file__).parents[2]

HOLDING = """
import sys, time
from pathlib import Path
from swinir.training.lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        with pytest.raises(ValueError, match="another run is at work in this folder") as refusal:
            alone_in(tmp_path).__enter__()
        assert str(refusal.value).startswith(f"{tmp_path}: ")
        assert "\n" not in str(refusal.value)
    with alone_in(tmp_path):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_holds_its_folder_no_longer(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="another run is at work"):
            alone_in(tmp_path).__enter__()
        other.kill()
    with alone_in(tmp_path):
        pass


def test_a_folder_that_was_made_and_stayed_empty_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photographs"), alone_in(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
        raise ValueError("no photographs")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_was_there_or_holds_something_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with alone_in(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()
    with alone_in(tmp_path / "run"):
        (tmp_path / "run" / "losses.csv").touch()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {LOCK, "losses.csv"}


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="needs the locks of POSIX")

    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone_in(tmp_path):
        pass
    assert caplog.messages == [f"{tmp_path}: cannot be locked; see that no second run works in it"]


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(FileExistsError), alone_in(tmp_path / "run"):
        pass
