"""The record of a run reads as if it had never been interrupted."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from swinir.training.journal import COLUMNS, Journal


def record(folder: Path, resumed: int, last: int) -> None:
    with Journal(folder, resumed) as journal:
        for iteration in range(resumed + 1, last + 1):
            journal.step(iteration, 1 / iteration, 1e-3, 0.5)
            if iteration % 5 == 0:
                journal.score(iteration, 20.0 + iteration)


def test_every_step_and_score_is_one_row(tmp_path: Path) -> None:
    record(tmp_path / "run", 0, 5)
    losses = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    assert losses[0] == COLUMNS
    assert losses[3] == f"3,{1 / 3!r},0.001,0.5"
    assert (tmp_path / "run" / "scores.csv").read_text() == "iteration,psnr\n5,25.0\n"


def test_rows_are_on_disk_as_soon_as_a_step_is_done(tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as journal:
        journal.step(1, 0.5, 1e-3, 0.5)
        assert (tmp_path / "losses.csv").read_text().endswith("1,0.5,0.001,0.5\n")


def test_rows_beyond_the_state_that_is_resumed_are_taken_back(tmp_path: Path) -> None:
    record(tmp_path / "whole", 0, 20)
    record(tmp_path / "cut", 0, 17)
    record(tmp_path / "cut", 14, 20)
    for name in ("losses.csv", "scores.csv"):
        assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == [
        "losses.csv",
        "scores.csv",
        "tensorboard",
    ]


def test_a_half_written_last_row_is_taken_back(tmp_path: Path) -> None:
    record(tmp_path / "whole", 0, 16)
    for rest in ("15", "15,0.06", "15,0.06,0.001,", "15,0.06,0.001,0.4"):
        folder = tmp_path / str(len(rest))
        record(folder, 0, 14)
        with (folder / "losses.csv").open("a") as file:
            file.write(rest)
        record(folder, 14, 16)
        ours, whole = (each / "losses.csv" for each in (folder, tmp_path / "whole"))
        assert ours.read_text() == whole.read_text(), rest


def test_a_row_cut_short_within_the_resumed_part_is_not_mistaken_for_a_whole_one(
    tmp_path: Path,
) -> None:
    record(tmp_path, 0, 3)
    path = tmp_path / "losses.csv"
    path.write_text(path.read_text()[:-2])
    with Journal(tmp_path, 3):
        assert path.read_text().splitlines()[-1].startswith("2,")


@pytest.mark.parametrize(
    "damage",
    [
        b"\0" * 20,
        b"\xff\xfe7,1,1,1",
        b"7,x,0.001,0.5",
        b"7,0.1,0.001",
        b"9" * 5000 + b",1,1,1",
        b"",
    ],
    ids=["zeros", "not text", "no number", "a column less", "no iteration", "empty"],
)
def test_a_damaged_row_is_told_with_its_file_and_line_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    record(tmp_path, 0, 10)
    path = tmp_path / "losses.csv"
    rows = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*rows[:7], damage, *rows[8:]]))
    record(tmp_path, 9, 10)
    assert caplog.messages == [f"{path}: line 8: a damaged row is left out of the record"]
    assert path.read_bytes() == b"\n".join([*rows[:7], *rows[8:]])


def test_many_damaged_rows_are_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(tmp_path, 0, 10)
    path = tmp_path / "scores.csv"
    path.write_bytes(b"\0\n\0\n10,30.0\n")
    record(tmp_path, 10, 10)
    assert caplog.messages == [f"{path}: line 1: 2 damaged rows are left out of the record"]
    assert path.read_text() == "iteration,psnr\n10,30.0\n"


def test_a_record_whose_end_the_disk_lost_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(tmp_path, 0, 10)
    path = tmp_path / "losses.csv"
    content = path.read_bytes()
    path.write_bytes(content[:-80] + b"\0" * 80)
    lines = content[:-80].count(b"\n")
    record(tmp_path, 10, 12)
    assert caplog.messages == [f"{path}: line {lines + 1}: a damaged row is left out of the record"]
    iterations = [int(row.partition(",")[0]) for row in path.read_text().splitlines()[1:]]
    assert iterations == [*range(1, lines), 11, 12]


def test_a_row_that_a_kill_cut_short_is_taken_back_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(tmp_path, 0, 14)
    with (tmp_path / "losses.csv").open("a") as file:
        file.write("15,0.0")
    record(tmp_path, 14, 16)
    assert caplog.messages == []


def test_tensorboard_shows_each_iteration_once_after_a_resumption(tmp_path: Path) -> None:
    record(tmp_path, 0, 27)
    record(tmp_path, 14, 40)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [10, 20, 30, 40]
    assert [event.step for event in events.Scalars("validation/psnr")] == list(range(5, 41, 5))


def test_tensorboard_is_told_how_long_steps_take_where_that_is_known(tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as journal:
        for iteration in range(1, 21):
            journal.step(iteration, 1.0, 1e-3, 0.5, seconds=0.25 if iteration > 10 else None)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(it.step, it.value) for it in events.Scalars("train/seconds_per_step")] == [(20, 0.25)]
    assert (tmp_path / "losses.csv").read_text().splitlines()[-1] == "20,1.0,0.001,0.5"


def shown(folder: Path, tag: str) -> dict[int, NDArray[np.uint8]]:
    """Pixels of a picture in TensorBoard, by iteration."""
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return {
        each.step: np.asarray(Image.open(io.BytesIO(each.encoded_image_string)))
        for each in events.Images(tag)
    }


def test_pictures_are_shown_level_for_level_grey_and_colour(tmp_path: Path) -> None:
    levels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    image = levels.astype(np.float32) / 255
    with Journal(tmp_path, 0) as journal:
        journal.pictures(10, [("colour", image), ("grey", image[..., :1])])
        journal.pictures(20, [("colour", image * 9 - 1)])
    colour = shown(tmp_path, "validation/colour")
    assert list(colour) == [10, 20]
    np.testing.assert_array_equal(colour[10], levels)
    assert (colour[20].min(), colour[20].max()) == (0, 255)
    grey = shown(tmp_path, "validation/grey")[10]
    np.testing.assert_array_equal(np.atleast_3d(grey)[..., 0], levels[..., 0])


def test_pictures_beyond_the_state_that_is_resumed_are_taken_back(tmp_path: Path) -> None:
    for resumed, value in ((0, 0.0), (10, 1.0)):
        with Journal(tmp_path, resumed) as journal:
            for iteration in range(resumed + 5, 21, 5):
                journal.pictures(iteration, [("a", np.full((2, 2, 3), value, np.float32))])
    pictures = shown(tmp_path, "validation/a")
    assert {step: int(pixels.max()) for step, pixels in pictures.items()} == {
        5: 0,
        10: 0,
        15: 255,
        20: 255,
    }


def test_events_stay_when_a_run_is_resumed(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with Journal(tmp_path, 0) as journal:
        journal.event(17, "step skipped: the gradient is not finite")
    with Journal(tmp_path, 10) as journal:
        journal.event(10, "resumed")
    lines = (tmp_path / "events.log").read_text("utf-8").splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "17 step skipped: the gradient is not finite",
        "10 resumed",
    ]
    times = [datetime.fromisoformat(line.partition(" ")[0]) for line in lines]
    assert before <= times[0] <= times[1] <= datetime.now(UTC)


def test_an_event_is_one_line_and_on_disk_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as journal:
        journal.event(1, "first\nsecond \x1b[31m für \udcff")
        content = (tmp_path / "events.log").read_text("utf-8")
    assert content.endswith("1 first second \\x1b[31m für \\udcff\n")
    assert content.count("\n") == 1


def test_an_event_after_a_line_that_a_kill_cut_short_begins_on_a_line_of_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "events.log").write_text("2031-01-01T00:00:00+00:00 3 step ski")
    with Journal(tmp_path, 0) as journal:
        journal.event(4, "resumed")
        journal.event(5, "rollback")
    cut, *lines = (tmp_path / "events.log").read_text().splitlines()
    assert cut.endswith("3 step ski")
    assert [line.partition(" ")[2] for line in lines] == ["4 resumed", "5 rollback"]
