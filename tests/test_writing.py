"""Files that appear whole or not at all, whoever else writes or was killed."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from swinir import writing
from swinir.writing import UNFINISHED, replacing, temporary_folder

ROOT = Path(writing.__file__).parents[1]

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from swinir.writing import replacing

with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""

WAITS_WHILE_WRITING = """
import sys
from pathlib import Path
from swinir.writing import replacing

with replacing(Path(sys.argv[1])) as temporary:
    with temporary.open("w") as file:
        file.write("one ")
        file.flush()
        print("half", flush=True)
        sys.stdin.readline()
        file.write("whole")
"""


def kill_while_writing(path: Path) -> Path:
    """Leave an unfinished file in the folder of ``path``."""
    before = set(path.parent.iterdir())
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, path]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    (litter,) = set(path.parent.iterdir()) - before
    return litter


def test_the_target_is_there_at_the_end_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.txt"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.startswith(UNFINISHED)
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_it_has_the_rights_of_an_ordinary_file(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as temporary:
        temporary.write_text("whole")
    (tmp_path / "ordinary").touch()
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("x", "ordinary")]
    assert rights[0] == rights[1]


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_the_target_as_it_was_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    path = tmp_path / "x"
    path.write_text("older")
    with pytest.raises(type(failure)), replacing(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "older"


def test_two_writers_of_one_target_do_not_touch_each_other(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            assert second != first
            second.write_text("second")
        assert path.read_text() == "second"
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_another_process_that_is_still_writing_ends_undisturbed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    command = [sys.executable, "-c", WAITS_WHILE_WRITING, path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "half\n"
        with replacing(path) as temporary:
            temporary.write_text("ours")
        with pytest.raises(ValueError, match="no"), replacing(path) as temporary:
            raise ValueError("no")
        assert path.read_text() == "ours"
        other.communicate("\n", timeout=60)
    assert other.returncode == 0
    assert path.read_text() == "one whole"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_of_the_same_target_is_removed(tmp_path: Path) -> None:
    path, other = tmp_path / ("é" * 127), tmp_path / "other"
    litter, of_another = kill_while_writing(path), kill_while_writing(other)
    assert litter.name.startswith(UNFINISHED)
    assert litter.read_text() == "half"
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == {path, of_another}


def test_what_a_process_of_another_machine_writes_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    foreign = kill_while_writing(path)
    monkeypatch.setattr(writing.platform, "node", lambda: "elsewhere")
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == {path, foreign}


def test_a_process_of_another_user_counts_as_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    path = tmp_path / "x"
    theirs = kill_while_writing(path)
    monkeypatch.setattr(os, "kill", refuse)
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == {path, theirs}


KILLED_WITH_A_FOLDER = """
import os, signal, sys
from pathlib import Path
from swinir.writing import temporary_folder

with temporary_folder("ours", Path(sys.argv[1])) as folder:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_temporary_folder_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with temporary_folder("ours", tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").touch()
        with temporary_folder("ours", tmp_path) as other:
            assert other != folder
        assert folder.is_dir(), "that of a process that lives stays"
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", KILLED_WITH_A_FOLDER, str(tmp_path)], check=False, cwd=ROOT
    )
    (left,) = tmp_path.iterdir()
    (tmp_path / "theirs").mkdir()
    with temporary_folder("ours", tmp_path):
        assert not left.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]
