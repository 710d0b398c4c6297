"""A TIFF that grows is in the end what would have been written at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from swinir.images import strips, tiff
from swinir.images.files import Metadata, Picture, UnreadableImage, read, write
from swinir.images.strips import Strips, must_be_big

METADATA = Metadata(
    icc=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    xmp=b"<x:xmpmeta/>",
    dpi=(300.0, 200.0),
)


@pytest.fixture(autouse=True)
def _small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "STRIP", 1 << 8)


def picture(channels: int, depth: int) -> Picture:
    pixels = np.random.default_rng(0).random((31, 21, channels), np.float32)
    metadata = METADATA if channels == 3 else replace(METADATA, icc=None)
    return Picture(pixels, depth=depth, metadata=metadata)


def grow(path: Path, whole: Picture, pixels: NDArray[np.float32], sizes: list[int]) -> list[int]:
    """Go on after strips of some sizes; those of all strips then."""
    path.touch()
    shape = (31, 21, whole.pixels.shape[2])
    with path.open("r+b") as file:
        growing = Strips(file, shape, whole.depth, whole.metadata)
        assert growing.go_on(sizes)
        growing.append(pixels[growing.written :])
        growing.flush()
        if growing.written == 31:
            growing.finish()
        return growing.sizes


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_rows_of_two_runs_make_the_file_of_one(tmp_path: Path, channels: int, depth: int) -> None:
    whole = picture(channels, depth)
    rows = tiff.rows_of_strip(21, channels, depth)
    # What an earlier run of another picture left.
    (tmp_path / "x.tif").write_bytes(b"II*\0" * 10000)
    known = grow(tmp_path / "x.tif", whole, whole.pixels[:rows], [])
    # Rows that a killed run wrote and did not record.
    grow(tmp_path / "x.tif", whole, whole.pixels[: 2 * rows] * 0, known)
    with pytest.raises(UnreadableImage):
        read(tmp_path / "x.tif")
    grow(tmp_path / "x.tif", whole, whole.pixels, known)
    write(tmp_path / "y.tif", whole)
    assert (tmp_path / "x.tif").read_bytes() == (tmp_path / "y.tif").read_bytes()


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_beyond_4_gib_it_is_a_bigtiff_that_others_read(
    tmp_path: Path, channels: int, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "must_be_big", lambda *_: True)
    whole, path = picture(channels, depth), tmp_path / "x.tif"
    grow(path, whole, whole.pixels, [])
    write(tmp_path / "y.tif", whole)
    ours, plain = read(path), read(tmp_path / "y.tif")
    np.testing.assert_array_equal(ours.pixels, plain.pixels)
    assert ours.metadata == plain.metadata
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
    with Image.open(path) as image:
        image.load()


def test_a_file_with_fewer_rows_than_are_known_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.tif").write_bytes(b"short")
    with (tmp_path / "x.tif").open("r+b") as file:
        growing = Strips(file, (31, 21, 3), 8, METADATA)
        assert not growing.go_on([1 << 20])
        assert growing.written == 0
    assert (tmp_path / "x.tif").read_bytes() == b"short"


def test_four_gib_of_samples_are_too_many_for_a_classic_tiff() -> None:
    assert not must_be_big((20000, 30000, 3), 8)
    assert must_be_big((40000, 60000, 3), 8)
    assert must_be_big((40000, 30000, 3), 16)
