"""Bands of a TIFF are those rows of the whole picture; what cannot be had so is said."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from swinir.images import bands
from swinir.images.bands import Bands, look
from swinir.images.files import UnreadableImage, read

LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip, mapped": {},
    "BigTIFF": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "strips": {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
    "big-endian strips": {"rowsperstrip": 7, "byteorder": ">", "compression": 8},
    "tiles": {"tile": (16, 32)},
    "deflated tiles": {"tile": (32, 16), "compression": 32946},
    "LZMA": {"rowsperstrip": 9, "compression": "lzma"},
}


def samples(channels: int = 3, depth: int = 8) -> NDArray[Any]:
    levels = np.random.default_rng(0).integers(0, 2**depth, (61, 43, channels))
    return levels.astype(f"u{depth // 8}").squeeze()


def save(path: Path, stored: NDArray[Any], **options: Any) -> Path:
    kind = "rgb" if stored.ndim == 3 else "minisblack"
    tifffile.imwrite(path, stored, **{"photometric": kind, **options})
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (3, 8), (1, 16), (3, 16)])
def test_a_band_is_those_rows_of_the_whole_picture(
    tmp_path: Path, layout: str, channels: int, depth: int
) -> None:
    path = save(tmp_path / "x.tif", samples(channels, depth), **LAYOUTS[layout])
    opened, whole = Bands(path), read(path).pixels
    assert (opened.shape, opened.depth, opened.frames) == (whole.shape, depth, 1)
    for start, stop in ((0, 61), (0, 1), (5, 20), (6, 7), (31, 50), (60, 61)):
        band = opened.read(start, stop)
        assert band.dtype == np.float32
        np.testing.assert_array_equal(band, whole[start:stop])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_white_may_be_zero(tmp_path: Path, depth: int, tile: tuple[int, int] | None) -> None:
    path = save(tmp_path / "x.tif", samples(1, depth), photometric="miniswhite", tile=tile)
    np.testing.assert_array_equal(Bands(path).read(20, 50), read(path).pixels[20:50])


def test_what_travels_with_the_pixels_is_that_of_the_whole_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "x.tif", samples(), resolution=(300, 200), description="a map")
    with tifffile.TiffWriter(path, append=True) as pages:
        pages.write(samples())
    whole, opened = read(path), Bands(path)
    assert opened.metadata == whole.metadata
    assert opened.metadata.dpi == (300, 200)
    assert opened.frames == whole.frames == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"planarconfig": "separate"}, "a plane for each colour"),
        ({"extratags": [(274, 3, 1, 6, True)]}, "orientation 6"),
    ],
)
def test_a_kind_that_has_to_be_held_is_refused(
    tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    stored = samples()
    if "planarconfig" in options:
        stored = np.moveaxis(stored, 2, 0)
    path = save(tmp_path / "x.tif", stored, **options)
    with pytest.raises(UnreadableImage, match=f"small, deflated or plain; got {reason}; save it"):
        Bands(path)


def test_transparency_and_packed_bits_and_codecs_are_refused(tmp_path: Path) -> None:
    alpha = np.zeros((5, 4, 4), np.uint8)
    path = save(tmp_path / "x.tif", alpha, extrasamples=["unassalpha"])
    with pytest.raises(UnreadableImage, match="got 4 samples a pixel"):
        Bands(path)
    save(path, np.zeros((5, 4), bool))
    with pytest.raises(UnreadableImage, match="got 1 bits a sample"):
        Bands(path)
    photo = Image.fromarray(samples())
    photo.save(path, compression="tiff_lzw")
    with pytest.raises(UnreadableImage, match="got LZW compression"):
        Bands(path)
    photo.quantize(8).save(path)
    with pytest.raises(UnreadableImage, match="got other colours"):
        Bands(path)


def test_a_strip_that_is_nearly_the_picture_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "LARGEST_PIECE", 4000)
    path = save(tmp_path / "x.tif", samples(), compression="zlib", rowsperstrip=61)
    with pytest.raises(UnreadableImage, match="got strips or tiles of 0 MiB"):
        Bands(path)
    assert Bands(save(path, samples())).shape == (61, 43, 3), "what is mapped may be one strip"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_ends_too_early_is_refused_at_once(tmp_path: Path, layout: str) -> None:
    path = save(tmp_path / "x.tif", samples(), **LAYOUTS[layout])
    os.truncate(path, path.stat().st_size - 10)
    with pytest.raises(UnreadableImage, match=r"x\.tif: the TIFF .*copy or download it again"):
        Bands(path)


def test_damaged_pixels_are_told_when_their_rows_are_read(tmp_path: Path) -> None:
    path = save(tmp_path / "x.tif", samples(), compression="zlib", rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        at = file.pages.first.dataoffsets[3]
    data = bytearray(path.read_bytes())
    data[at : at + 8] = bytes(8)
    path.write_bytes(data)
    opened = Bands(path)
    assert opened.read(0, 30).shape == (30, 43, 3)
    with pytest.raises(UnreadableImage, match="TIFF data is damaged"):
        opened.read(25, 31)


def test_a_file_that_changes_or_goes_is_no_longer_read(tmp_path: Path) -> None:
    path = save(tmp_path / "x.tif", samples())
    opened = Bands(path)
    os.truncate(path, 200)
    with pytest.raises(UnreadableImage, match="changed since its restoration began"):
        opened.read(0, 60)
    path.unlink()
    with pytest.raises(UnreadableImage, match="no such file"):
        opened.read(0, 1)


def test_a_look_tells_a_tiff_whatever_its_name(tmp_path: Path) -> None:
    found = look(save(tmp_path / "x.png", samples()))
    assert found
    assert (found.height, found.width, found.bits) == (61, 43, (8, 8, 8))
    (tmp_path / "x.tif").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert look(tmp_path / "x.tif") is None
    (tmp_path / "x.tif").write_bytes(b"II*\0")
    assert look(tmp_path / "x.tif") is None
    assert look(tmp_path / "none") is None
