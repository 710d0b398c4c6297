"""Decoded photographs on disk: read once, mapped afterwards, never half there."""

import os
import pickle
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from swinir.data import datasets
from swinir.data.datasets import Pair, fingerprint, load_levels, load_pairs
from swinir.data.onthefly import OnTheFly, jpeg, noise, pipeline
from swinir.data.realworld import bsrgan
from swinir.data.textured import TexturedCrops

ROOT = Path(__file__).parents[2]


def photographs(folder: Path, count: int = 3) -> Path:
    """Noise of different sizes, none a multiple of anything; the last one is grey."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(count):
        shape = (61 + number, 77 - number, *((3,) if number < count - 1 else ()))
        assert cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, shape, np.uint8))
    return folder


def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded from now on."""
    names: list[str] = []

    def noted(path: Path, channels: int) -> torch.Tensor:
        names.append(path.stem)
        return load_levels(path, channels)

    monkeypatch.setattr(datasets, "load_levels", noted)
    return names


def alike(ours: list[Pair], theirs: list[Pair]) -> bool:
    return len(ours) == len(theirs) and all(
        one.name == other.name
        and torch.equal(one.truth, other.truth)
        and torch.equal(one.degraded, other.degraded)
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize(
    ("scale", "fly"),
    [(1, noise(5, 50)), (1, jpeg(10, 40)), (2, None), (3, None), (4, pipeline(bsrgan, 4))],
    ids=["noise", "jpeg", "x2", "x3", "bsrgan"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_crops_are_the_same_to_the_bit_with_a_cache_and_without(
    tmp_path: Path, scale: int, fly: OnTheFly | None, channels: int
) -> None:
    folder = photographs(tmp_path / "photos")
    sets = [
        load_pairs(folder, scale, channels=channels, cache=cache)
        for cache in (None, tmp_path / "cache", tmp_path / "cache")
    ]
    assert len({fingerprint(pairs) for pairs in sets}) == 1
    plain, *cached = (
        TexturedCrops(pairs, patch=6, scale=scale, seed=1, on_the_fly=fly) for pairs in sets
    )
    for crops in (
        *cached,
        pickle.loads(pickle.dumps(cached[1])),
        pickle.loads(pickle.dumps(plain)),
    ):
        assert np.array_equal(crops.cumulated, plain.cumulated)
        for iteration in range(12):
            for ours, wanted in zip(crops[iteration, 2], plain.crop(iteration, 2), strict=True):
                assert torch.equal(ours, wanted)


def test_a_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cache = photographs(tmp_path / "photos"), tmp_path / "cache"
    names = decoded(monkeypatch)
    first = load_pairs(folder, 2, cache=cache)
    assert sorted(names) == ["0", "1", "2"]
    assert alike(load_pairs(folder, 2, cache=cache), first)
    assert len(names) == 3
    assert alike(first, load_pairs(folder, 2))


@pytest.mark.parametrize("other", [{"scale": 3}, {"channels": 1}, {"side": 20}])
def test_what_is_made_otherwise_has_entries_of_its_own(
    tmp_path: Path, other: dict[str, int]
) -> None:
    folder, cache = photographs(tmp_path / "photos"), tmp_path / "cache"
    one, two = {"scale": 2}, {"scale": 2, **other}
    before = load_pairs(folder, **one, cache=cache)
    assert alike(load_pairs(folder, **two, cache=cache), load_pairs(folder, **two))
    assert alike(before, load_pairs(folder, **one))


def test_photographs_too_small_for_one_recipe_are_there_for_another(tmp_path: Path) -> None:
    folder, cache = photographs(tmp_path / "photos"), tmp_path / "cache"
    cv2.imwrite(str(folder / "tiny.png"), np.zeros((3, 90, 3), np.uint8))
    large = load_pairs(folder, 4, smallest=15, cache=cache)
    assert alike(large, load_pairs(folder, 4, smallest=15))
    assert len(load_pairs(folder, 3, cache=cache)) == 4
    assert len(load_pairs(folder, 4, cache=cache)) == 3


def test_a_changed_photograph_is_read_anew_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, cache = photographs(tmp_path / "photos"), tmp_path / "cache"
    crops = TexturedCrops(load_pairs(folder, 1, cache=cache), patch=8, scale=1, seed=0)
    path = folder / "1.png"
    flat = np.full((40, 40, 3), 9, np.uint8)
    assert cv2.imwrite(str(path), flat)
    names = decoded(monkeypatch)
    pairs = load_pairs(folder, 1, cache=cache)
    assert names == ["1"]
    (message,) = caplog.messages
    assert re.fullmatch(
        r"1 entries of the cache were made anew: .*: made from another version of its file", message
    )
    assert alike(pairs, load_pairs(folder, 1))
    anew = TexturedCrops(pairs, patch=8, scale=1, seed=0)
    wanted = TexturedCrops(load_pairs(folder, 1), patch=8, scale=1, seed=0)
    assert np.array_equal(anew.cumulated, wanted.cumulated)
    assert not np.array_equal(anew.cumulated, crops.cumulated)


DAMAGES = {
    "empty": lambda content: b"",
    "no header": lambda content: b"?" * len(content),
    "half": lambda content: content[: len(content) // 2],
    "no end": lambda content: content[:-20],
    "zeros": lambda content: bytes(len(content)),
    "more": lambda content: content + b"x",
    "objects": lambda content: content.replace(b"'|u1'", b"'|O8'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew_with_a_warning(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder, cache = photographs(tmp_path / "photos"), tmp_path / "cache"
    load_pairs(folder, 2, cache=cache)
    (hurt,) = cache.rglob("0-*.degraded.npy")
    content = hurt.read_bytes()
    hurt.write_bytes(DAMAGES[damage](content))
    assert alike(load_pairs(folder, 2, cache=cache), load_pairs(folder, 2))
    (message,) = caplog.messages
    assert message.startswith(f"1 entries of the cache were made anew: {hurt}: damaged (")
    assert "\n" not in message
    assert hurt.read_bytes() == content


@pytest.mark.parametrize("name", ["state", "new"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    folder, cache = photographs(tmp_path / "photos"), tmp_path / name
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(OSError, match="cache of decoded photographs cannot be written") as told:
            load_pairs(folder, 1, cache=cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told.value.filename == str(cache)
    assert "data.cache" in told.value.strerror
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    assert alike(load_pairs(folder, 1, cache=cache), load_pairs(folder, 1))


def test_a_cache_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("mine")
    with pytest.raises(OSError, match="cache of decoded photographs cannot be written"):
        load_pairs(photographs(tmp_path / "photos"), 1, cache=tmp_path / "cache")


def test_an_unreadable_photograph_is_left_out_at_each_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = photographs(tmp_path / "photos")
    (folder / "bad.png").write_bytes((folder / "0.png").read_bytes()[:300])
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    for start in (1, 2):
        assert len(load_pairs(folder, 1, cache=tmp_path / "cache")) == 3
        assert len([line for line in caplog.messages if line.startswith("skipped: ")]) == 2 * start


RUN = """
import sys
from pathlib import Path
from swinir.data.datasets import fingerprint, load_pairs
print(fingerprint(load_pairs(Path(sys.argv[1]), 2, cache=Path(sys.argv[2]))))
"""

KILLED = """
import os, signal
fsync, left = os.fsync, [5]
def dying(handle):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(handle)
os.fsync = dying
"""


def start(program: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_costs_the_photographs_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = photographs(tmp_path / "photos", 8), tmp_path / "cache"
    killed = start(KILLED + RUN, folder, cache)
    killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL
    names = decoded(monkeypatch)
    assert alike(load_pairs(folder, 2, cache=cache), load_pairs(folder, 2, channels=3))
    # Two files a photograph; two of them were in hand. Without a cache all are read again.
    assert 6 <= len(names) - 8 <= 8
    assert not list(cache.rglob(".*"))


def test_processes_that_begin_together_get_the_same(tmp_path: Path) -> None:
    folder, cache = photographs(tmp_path / "photos", 8), tmp_path / "cache"
    both = [start(RUN, folder, cache) for _ in range(2)]
    told = {process.communicate(timeout=300)[0].strip() for process in both}
    assert told == {fingerprint(load_pairs(folder, 2))}
    assert not list(cache.rglob(".*"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_photographs_in_a_cache_are_neither_held_open_nor_sent_along(tmp_path: Path) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    pairs = load_pairs(photographs(tmp_path / "photos", 8), 1, cache=tmp_path / "cache")
    before = open_files()
    crops = TexturedCrops(pairs, patch=8, scale=1, seed=0)
    for place in range(16):
        crops.crop(0, place)
    assert open_files() == before
    assert len(pickle.dumps(pairs)) < 8 * 500


MEASURE = """
import sys
from pathlib import Path
from swinir.data.textured import TexturedCrops
from swinir.data.datasets import load_pairs

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

folder, few, cache = map(Path, sys.argv[1:])
TexturedCrops(load_pairs(few, 1), patch=32, scale=1, seed=0).crop(0, 8)
before = peak()
crops = TexturedCrops(load_pairs(folder, 1, cache=cache), patch=32, scale=1, seed=0)
for place in range(400):
    crops.crop(0, place)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads its memory in /proc")
def test_the_memory_needed_does_not_grow_with_the_photographs(tmp_path: Path) -> None:
    few, many, height, width, count = tmp_path / "few", tmp_path / "many", 400, 600, 150
    for folder in (few, many):
        folder.mkdir()
    rows = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3)
    assert cv2.imwrite(str(few / "0.png"), (rows // 64 % 256).astype(np.uint8))
    for number in range(count):
        (many / f"{number}.png").hardlink_to(few / "0.png")
    grown = []
    for _ in range(2):
        told, _ = start(MEASURE, many, few, tmp_path / "cache").communicate(timeout=300)
        grown.append(int(told) * 1024)
    assert max(grown) < count * rows.size / 2
