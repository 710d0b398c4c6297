"""Whatever lies in a folder ends as a result or as one line, and the rest is done."""

import errno
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from swinir.images import png
from swinir.images.files import Picture, find_images, read, write
from tests.cli.conftest import Command, Save

Names = Callable[[], list[str]]
FRAMES = [Image.new("RGB", (9, 7), colour) for colour in ("red", "green", "blue")]


def _png_header(side: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return png.SIGNATURE + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


@pytest.fixture
def hostile(tmp_path: Path, save: Save) -> Path:
    folder = tmp_path / "in"
    whole = save(folder / "sub folder" / "Äpfel & 梨  'x'.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("these are no pixels\nat all\n")
    (folder / "absurd.png").write_bytes(_png_header(60000))
    (folder / "notes.txt").write_text("no picture, and not called one")
    (folder / "folder.png").mkdir()
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "pipe.png")
    FRAMES[0].convert("CMYK").save(folder / "cmyk.jpg")
    FRAMES[0].save(folder / "film.gif", save_all=True, append_images=FRAMES[1:])
    FRAMES[0].save(folder / "movie.webp", save_all=True, append_images=FRAMES[1:])
    save(folder / "one.png", 1, 1)
    alpha = np.linspace(0, 1, 63, dtype=np.float32).reshape(7, 9)
    deep = np.full((7, 9, 3), 300 / 65535, np.float32)
    write(folder / "deep.png", Picture(deep, alpha=alpha, depth=16))
    return folder


REFUSED = {
    "truncated.png": "ends before its IEND",
    "empty.jpg": "empty (0 bytes)",
    "text.png": "an image is PNG, JPEG, WebP",
    "absurd.png": "got 60000x60000",
    "dangling.png": "no such file",
    "loop.png": "the file cannot be read",
    "pipe.png": "a device or a pipe",
}
RESTORED = {
    "cmyk.png": (28, 36),
    "deep.png": (28, 36),
    "film.png": (28, 36),
    "movie.png": (28, 36),
    "one.png": (4, 4),
    "sub folder/Äpfel & 梨  'x'.png": (48, 64),
}


def test_a_hostile_folder_ends_in_results_and_clear_lines(
    hostile: Path, restore: Command, results: Names, tmp_path: Path
) -> None:
    code, out, err = restore()
    assert code == 1
    assert results() == sorted(RESTORED)
    for name, size in RESTORED.items():
        assert read(tmp_path / "out" / name).pixels.shape[:2] == size
    deep = read(tmp_path / "out" / "deep.png")
    assert deep.depth == 16
    assert deep.alpha is not None
    said = [line for line in out.splitlines() if line.startswith("skipped: ")]
    assert err == "", "where nobody watches, it is said once, at the end"
    assert len(said) == len(REFUSED)
    for name, reason in REFUSED.items():
        (line,) = (line for line in said if line.startswith(f"skipped: {hostile / name}: "))
        assert reason in line
        assert line.count(name) == 1
    assert f"restored {len(RESTORED)} of {len(RESTORED) + len(REFUSED)} pictures" in out
    assert out.count("the first of 3 frames") == 2
    assert "Traceback" not in out + err


@pytest.mark.parametrize("name", [b"broken \xff.png", b"two\nlines.png", b"bell\x07\x1b[2J.png"])
@pytest.mark.parametrize("content", [None, b""])
def test_a_name_that_no_terminal_should_see_is_escaped(
    tmp_path: Path, restore: Command, save: Save, name: bytes, content: bytes | None
) -> None:
    path = save(tmp_path / "in" / "x.png")
    try:
        path = path.rename(tmp_path / "in" / os.fsdecode(name))
    except OSError:
        pytest.skip("this file system refuses the name")
    if content is not None:
        path.write_bytes(content)
    code, out, err = restore("--sheet", "--gt", path.parent)
    assert code == 1
    assert len(out.splitlines()) == 2
    assert all(line.isprintable() for line in (out + err).splitlines())
    assert (tmp_path / "out" / path.name).exists() is (content is None)


def test_a_folder_that_may_not_be_written_to_is_one_line_a_picture(
    tmp_path: Path,
    restore: Command,
    save: Save,
    results: Names,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = Path.open

    def guarded(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "w" in mode and "locked" in self.parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, mode, *rest, **more)

    locked = [save(tmp_path / "in" / "locked" / name) for name in ("a.png", "b.png")]
    save(tmp_path / "in" / "free.png")
    monkeypatch.setattr(Path, "open", guarded)
    code, out, _ = restore()
    assert code == 1
    assert results() == ["free.png"]
    for path in locked:
        assert f"skipped: {path}: {tmp_path / 'out' / 'locked'}: Permission denied\n" in out


def test_a_file_where_a_folder_of_results_should_be_is_one_line(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    source = save(tmp_path / "in" / "sub" / "a.png")
    save(tmp_path / "in" / "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").write_text("a file")
    code, out, _ = restore()
    assert code == 1
    assert results() == ["b.png", "sub"]
    place = tmp_path / "out" / "sub"
    assert f"skipped: {source}: {place}: a file, where a folder is needed\n" in out


def test_a_folder_that_may_not_be_listed_is_one_line_and_the_rest_is_done(
    tmp_path: Path,
    restore: Command,
    save: Save,
    results: Names,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scandir = os.scandir

    def guarded(path: Path) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "closed" / "b.png")
    monkeypatch.setattr(os, "scandir", guarded)
    code, out, err = restore()
    assert (code, err) == (1, "")
    assert results() == ["a.png"]
    closed = tmp_path / "in" / "closed"
    reason = "the folder cannot be listed (Permission denied)"
    assert out.endswith(f"skipped: {closed}: {reason}\n")
    code, out, _ = restore("--json", "--sheet")
    record = json.loads(out)
    assert code == 1
    assert record["skipped"] == 1
    assert record["files"][-1]["source"] == str(closed)
    assert record["files"][-1]["reason"] == reason


def test_a_defect_in_one_picture_is_one_line_and_the_rest_is_done(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_truth(source: Path, *_: Any) -> Path:
        raise TypeError("a mistake")

    save(tmp_path / "in" / "a.png")
    save(tmp_path / "gt" / "a.png", 48, 64)
    monkeypatch.setattr("swinir.evaluation.pairing.find_truth", find_truth)
    code, out, err = restore("--gt", tmp_path / "gt", "--json")
    (file,) = json.loads(out)["files"]
    assert (code, err) == (1, "")
    assert file["state"] == "restored"
    assert file["unscored"].startswith("a defect of the program: TypeError: a mistake; ")


def test_an_output_below_a_file_costs_no_restoring(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore_picture(*_: Any, **__: Any) -> None:
        pytest.fail("restored what cannot be written")

    monkeypatch.setattr("swinir.restoration.restorer.Restorer.restore_picture", restore_picture)
    save(tmp_path / "in" / "a.png")
    (tmp_path / "file").write_text("a file")
    code, out, _ = restore("--output", tmp_path / "file" / "results")
    assert code == 1
    assert "Not a directory" in out
    assert (tmp_path / "file").read_text() == "a file"


def test_what_the_format_cannot_hold_is_one_line_and_leaves_nothing(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    save(tmp_path / "in" / "long.png", 1, 4100)
    save(tmp_path / "in" / "short.png")
    code, out, _ = restore("--format", "webp")
    assert code == 1
    assert results() == ["short.webp"]
    assert "at most 16383 pixels a side, got 16400x4" in out


def test_a_picture_for_which_memory_is_short_is_one_line(
    tmp_path: Path, restore: Command, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore_picture(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("swinir.restoration.restorer.Restorer.restore_picture", restore_picture)
    source = save(tmp_path / "in" / "a.png")
    code, out, _ = restore()
    assert code == 1
    assert f"skipped: {source}: not enough memory" in out


def test_an_existing_result_stays_when_a_new_one_fails(
    tmp_path: Path, restore: Command, save: Save, results: Names
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"")
    old = save(tmp_path / "out" / "a.png").read_bytes()
    assert restore().code == 1
    assert (tmp_path / "out" / "a.png").read_bytes() == old
    assert results() == ["a.png"]


def test_hidden_leftovers_are_no_input(tmp_path: Path, restore: Command, save: Save) -> None:
    save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / ".unfinished-0123.png").write_bytes(b"half a pict")
    assert restore().code == 0
    assert len(find_images(tmp_path / "out")) == 1
