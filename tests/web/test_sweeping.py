"""What visitors left is removed in time."""

import time
from pathlib import Path

from swinir.web.sweeping import Sweeper


def test_old_files_go_and_new_ones_and_the_first_ones_stay(tmp_path: Path) -> None:
    sample = tmp_path / "samples" / "cat.png"
    sample.parent.mkdir()
    sample.touch()
    sweeper = Sweeper(tmp_path, age=0.2)
    old = tmp_path / "visit" / "deep" / "old.png"
    old.parent.mkdir(parents=True)
    old.touch()
    time.sleep(0.3)
    new = tmp_path / "visit" / "new.png"
    new.touch()
    sweeper.sweep()
    assert not old.exists()
    assert not old.parent.exists()
    assert new.exists()
    assert sample.exists()


def test_a_link_is_removed_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    sweeper = Sweeper(inside, age=0.0)
    (inside / "link").symlink_to(outside)
    time.sleep(0.05)
    sweeper.sweep()
    assert not (inside / "link").is_symlink()
    assert outside.exists()


def test_it_looks_by_itself(tmp_path: Path) -> None:
    sweeper = Sweeper(tmp_path, age=0.05)
    sweeper.start()
    (tmp_path / "a").touch()
    deadline = time.monotonic() + 10
    while (tmp_path / "a").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    sweeper.stop()
    assert not (tmp_path / "a").exists()
