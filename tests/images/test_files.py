"""Round trips through files, and what becomes of the kinds of pictures that others make."""

import errno
import inspect
import io
import os
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from swinir.images import png
from swinir.images.files import SUFFIXES, WRITABLE, Picture, check_size, find_images, read, write
from swinir.images.picture import UnreadableImage

LOSSLESS = [
    *((".png", depth, count) for depth in (8, 16) for count in (1, 2, 3, 4)),
    *((".tif", depth, count) for depth in (8, 16) for count in (1, 2, 3, 4)),
    (".webp", 8, 3),
    (".webp", 8, 4),
    (".bmp", 8, 1),
    (".bmp", 8, 3),
]


def picture_of(samples: NDArray[np.generic]) -> Picture:
    top = np.iinfo(samples.dtype).max
    floats = samples.astype(np.float32) / top
    colours = 1 if samples.shape[2] < 3 else 3
    alpha = floats[..., colours] if samples.shape[2] > colours else None
    return Picture(floats[..., :colours], alpha, samples.dtype.itemsize * 8)


def samples_of(picture: Picture) -> NDArray[np.generic]:
    floats = picture.pixels
    if picture.alpha is not None:
        floats = np.concatenate([floats, picture.alpha[..., None]], 2)
    dtype = np.uint8 if picture.depth == 8 else np.uint16
    return np.rint(floats.astype(np.float64) * np.iinfo(dtype).max).astype(dtype)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def noise(shape: tuple[int, ...], dtype: type[np.generic] = np.uint8, seed: int = 0) -> NDArray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.mark.parametrize(("suffix", "depth", "count"), LOSSLESS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 9))
def test_lossless_formats_give_back_every_sample(
    tmp_path: Path, suffix: str, depth: int, count: int, height: int, width: int, seed: int
) -> None:
    samples = noise((height, width, count), np.uint8 if depth == 8 else np.uint16, seed)
    path = tmp_path / f"x{suffix}"
    write(path, picture_of(samples))
    again = read(path)
    assert again.depth == depth
    assert again.pixels.dtype == np.float32
    np.testing.assert_array_equal(samples_of(again), samples)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_large_smooth_pictures_pass_every_filter_and_strip(
    tmp_path: Path, suffix: str, dtype: type[np.generic]
) -> None:
    top = np.iinfo(dtype).max
    y, x = np.mgrid[0:900, 0:700] / 900
    waves = np.stack([x, y, np.sin(7 * x * y) ** 2], 2) * top
    samples = (waves + noise((900, 700, 3)) / 50).clip(0, top).astype(dtype)
    path = tmp_path / f"x{suffix}"
    write(path, picture_of(samples))
    np.testing.assert_array_equal(samples_of(read(path)), samples)
    assert path.stat().st_size < 0.8 * samples.nbytes


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize("count", [1, 3])
def test_other_programs_read_what_we_write(tmp_path: Path, suffix: str, count: int) -> None:
    samples = noise((9, 14, count))
    path = tmp_path / f"x{suffix}"
    write(path, picture_of(samples))
    with Image.open(path) as image:
        image.load()
        mode = "RGB" if suffix == ".webp" or count == 3 else "L"
        assert image.mode == mode
        expected = np.broadcast_to(samples, (9, 14, 3 if mode == "RGB" else 1))
        np.testing.assert_array_equal(np.asarray(image).reshape(expected.shape), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_16_bit_tiff_is_what_tifffile_reads(tmp_path: Path, count: int) -> None:
    samples = noise((9, 14, count), np.uint16)
    path = tmp_path / "x.tiff"
    write(path, picture_of(samples))
    np.testing.assert_array_equal(tifffile.imread(path).reshape(samples.shape), samples)


@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_tiff_of_any_layout_is_read(
    tmp_path: Path, compression: str | None, count: int, byteorder: str, planar: str
) -> None:
    samples = noise((20, 33, count), np.uint16)
    if planar == "separate" and count == 1:
        stored = samples[..., 0]
    else:
        stored = np.moveaxis(samples, 2, 0) if planar == "separate" else samples
    path = tmp_path / "x.tif"
    tifffile.imwrite(
        path,
        stored,
        photometric="rgb" if count > 2 else "minisblack",
        planarconfig=None if count == 1 else planar,
        extrasamples=["unassalpha"] if count in (2, 4) else None,
        compression=compression,
        byteorder=byteorder,
        tile=(16, 16) if compression else None,
    )
    again = read(path)
    assert again.depth == 16
    np.testing.assert_array_equal(samples_of(again), samples)


def lzw_tiff(samples: NDArray[np.uint16]) -> bytes:
    """A 16-bit TIFF that tifffile alone cannot unpack."""
    import cv2

    order = [0] if samples.shape[2] == 1 else [2, 1, 0, 3][: samples.shape[2]]
    flags = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
    return cv2.imencode(".tif", np.ascontiguousarray(samples[..., order]), flags)[1].tobytes()


@pytest.mark.parametrize("count", [1, 3])
def test_16_bit_lzw_tiff_is_read(tmp_path: Path, count: int) -> None:
    samples = noise((20, 33, count), np.uint16)
    (tmp_path / "x.tif").write_bytes(lzw_tiff(samples))
    np.testing.assert_array_equal(samples_of(read(tmp_path / "x.tif")), samples)


def test_white_is_zero_is_turned_over(tmp_path: Path) -> None:
    samples = noise((5, 6, 1), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", samples[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(samples_of(read(tmp_path / "x.tif")), 65535 - samples)


def test_premultiplied_16_bit_alpha_is_divided_out(tmp_path: Path) -> None:
    samples = noise((5, 6, 4), np.uint16)
    samples[..., 3] = 32768
    samples[..., :3] //= 4
    samples[0, 0] = 0
    tifffile.imwrite(tmp_path / "x.tif", samples, photometric="rgb", extrasamples=["assocalpha"])
    again = read(tmp_path / "x.tif")
    expected = samples[..., :3] / 32768
    np.testing.assert_allclose(again.pixels, expected, atol=1e-4)
    assert again.alpha is not None and again.alpha[0, 0] == 0


def test_16_bits_become_8_where_the_format_has_no_more(tmp_path: Path) -> None:
    samples = np.array([[[0, 128, 129], [65535, 33153, 33152]]], np.uint16)
    for suffix in (".webp", ".bmp"):
        write(tmp_path / f"x{suffix}", picture_of(samples))
        again = read(tmp_path / f"x{suffix}")
        assert again.depth == 8
        np.testing.assert_array_equal(samples_of(again), [[[0, 0, 1], [255, 129, 129]]])


def test_values_are_rounded_half_up_and_clipped(tmp_path: Path) -> None:
    values = np.array([-0.5, 0.4999 / 255, 0.5001 / 255, 0.5, 1.7, np.inf], np.float32)
    write(tmp_path / "x.png", Picture(values.reshape(1, -1, 1)))
    assert samples_of(read(tmp_path / "x.png")).ravel().tolist() == [0, 0, 1, 128, 255, 255]


def test_a_pixel_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NaN"):
        write(tmp_path / "x.png", Picture(np.full((2, 2, 3), np.nan, np.float32)))
    assert list(tmp_path.iterdir()) == []


def test_jpeg_is_close_and_of_full_chroma(tmp_path: Path) -> None:
    samples = noise((16, 16, 3))
    for count in (1, 3):
        write(tmp_path / "x.jpg", picture_of(samples[..., :count]), quality=100)
        error = samples_of(read(tmp_path / "x.jpg")) - samples[..., :count].astype(float)
        assert np.abs(error).mean() < 2
    with Image.open(tmp_path / "x.jpg") as image:
        assert {layer[1:3] for layer in image.layer} == {(1, 1)}


def test_lower_quality_makes_a_smaller_jpeg(tmp_path: Path) -> None:
    sizes = []
    for quality in (30, 95):
        write(tmp_path / "x.jpg", picture_of(noise((64, 64, 3))), quality=quality)
        sizes.append((tmp_path / "x.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_alpha_is_laid_on_white_where_the_format_has_none(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((8, 16, 3), np.float32)
    alpha = np.zeros((8, 16), np.float32)
    alpha[:, 8:] = 1
    write(tmp_path / f"x{suffix}", Picture(pixels, alpha), quality=100)
    again = read(tmp_path / f"x{suffix}")
    assert again.alpha is None
    np.testing.assert_allclose(again.pixels[:, :8], 1, atol=0.01)
    np.testing.assert_allclose(again.pixels[:, 8:], 0, atol=0.01)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_laying_on_white_takes_no_second_picture(tmp_path: Path, suffix: str) -> None:
    picture = Picture(np.zeros((1500, 800, 3), np.float32), np.zeros((1500, 800), np.float32))
    tracemalloc.start()
    try:
        write(tmp_path / f"x{suffix}", picture)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The samples take a quarter, and to the encoder they may be given once more.
    assert peak < 0.75 * picture.pixels.nbytes


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_palette_becomes_its_colours(tmp_path: Path, suffix: str) -> None:
    image = Image.fromarray(noise((6, 7, 3))).quantize(16)
    image.save(tmp_path / f"x{suffix}")
    again = read(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(samples_of(again), np.asarray(image.convert("RGB")))


def test_a_palette_with_transparency_becomes_colours_and_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(noise((6, 7, 3))).quantize(4)
    image.save(tmp_path / "x.png", transparency=bytes([0, 100, 200, 255]))
    again = read(tmp_path / "x.png")
    expected = np.array([0, 100, 200, 255])[np.asarray(image)]
    np.testing.assert_array_equal(samples_of(again)[..., 3], expected)
    np.testing.assert_array_equal(samples_of(again)[..., :3], np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_one_bit_becomes_grey(tmp_path: Path, suffix: str) -> None:
    bits = noise((6, 11)) > 127
    Image.fromarray(bits).save(tmp_path / f"x{suffix}")
    again = read(tmp_path / f"x{suffix}")
    assert again.depth == 8
    np.testing.assert_array_equal(again.pixels[..., 0], bits)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    for suffix in (".jpg", ".tif"):
        ink = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
        ink.save(tmp_path / f"x{suffix}")
        again = read(tmp_path / f"x{suffix}")
        np.testing.assert_allclose(again.pixels[3, 3], [0, 1, 1], atol=0.02)


@pytest.mark.parametrize("suffix", [".webp", ".png", ".tif", ".gif"])
def test_of_several_frames_the_first_is_read_and_all_are_counted(
    tmp_path: Path, suffix: str
) -> None:
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "lime", "blue")]
    options = {".webp": {"lossless": True}}.get(suffix, {})
    path = tmp_path / f"x{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as image:
        assert len(list(ImageSequence.Iterator(image))) == 3
    again = read(path)
    assert again.frames == 3
    np.testing.assert_array_equal(again.pixels[..., :3], np.broadcast_to([1, 0, 0], (4, 5, 3)))


def test_a_single_picture_is_one_frame(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"):
        Image.new("RGB", (5, 4)).save(tmp_path / f"x{suffix}")
        assert read(tmp_path / f"x{suffix}").frames == 1


def test_content_decides_the_format_not_the_suffix(tmp_path: Path) -> None:
    kinds = {".jpg": "PNG", ".png": "JPEG", ".bmp": "TIFF", ".tif": "WEBP", ".webp": "BMP"}
    for suffix, kind in kinds.items():
        buffer = io.BytesIO()
        Image.new("RGB", (3, 3)).save(buffer, kind)
        (tmp_path / f"x{suffix}").write_bytes(buffer.getvalue())
        assert read(tmp_path / f"x{suffix}").format == kind


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_transparent_grey_level_becomes_alpha(tmp_path: Path, depth: int) -> None:
    top = 2**depth - 1
    row = np.array([0, top, top, 0, top, 0, 0, top])
    packed = np.unpackbits(row.astype(">u2").view(np.uint8)).reshape(8, 16)[:, 16 - depth :]
    line = b"\0" + np.packbits(packed.ravel()).tobytes()
    (tmp_path / "x.png").write_bytes(
        png.SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, depth, 0, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(">H", top))
        + chunk(b"IDAT", zlib.compress(line))
        + chunk(b"IEND", b"")
    )
    again = read(tmp_path / "x.png")
    assert again.alpha is not None
    np.testing.assert_array_equal(again.pixels[0, :, 0], row / top)
    np.testing.assert_array_equal(again.alpha[0], row == 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_transparent_colour_becomes_alpha(tmp_path: Path, dtype: type[np.generic]) -> None:
    samples = noise((4, 5, 3), dtype)
    write(tmp_path / "x.png", picture_of(samples))
    data = (tmp_path / "x.png").read_bytes()
    key = struct.pack(">3H", *(int(v) for v in samples[2, 3]))
    (tmp_path / "x.png").write_bytes(data[:33] + chunk(b"tRNS", key) + data[33:])
    again = read(tmp_path / "x.png")
    assert again.alpha is not None
    assert np.argwhere(again.alpha == 0).tolist() == [[2, 3]]
    np.testing.assert_array_equal(samples_of(again)[..., :3], samples)


def test_unknown_suffix_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.jpg.*got '\.gif'"):
        write(tmp_path / "x.gif", picture_of(noise((2, 2, 3))))


def test_quality_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 to 100, got 101"):
        write(tmp_path / "x.jpg", picture_of(noise((2, 2, 3))), quality=101)


def test_a_side_too_long_for_the_format_is_refused(tmp_path: Path) -> None:
    strip = Picture(np.zeros((1, 16384, 1), np.float32))
    with pytest.raises(ValueError, match="WEBP holds at most 16383 pixels a side, got 16384x1"):
        write(tmp_path / "x.webp", strip)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "height", "width"),
    [("x.webp", 1, 16384), ("x.JPG", 65501, 1), ("x.jfif", 1, 65501), ("x.bmp", 1, 1048577)],
)
def test_a_size_is_refused_before_the_work_as_it_would_be_after_it(
    tmp_path: Path, name: str, height: int, width: int
) -> None:
    with pytest.raises(ValueError) as after:
        write(tmp_path / name, Picture(np.zeros((height, width, 1), np.float32)))
    with pytest.raises(ValueError) as before:
        check_size(tmp_path / name, height, width)
    assert str(before.value) == str(after.value)
    assert f"got {width}x{height}" in str(before.value)
    check_size(tmp_path / name, height - (height > 1), width - (width > 1))


def test_a_suffix_that_is_not_written_has_no_size() -> None:
    for suffix in WRITABLE:
        check_size(Path(f"x{suffix}"), 16383, 16383)
    with pytest.raises(ValueError, match=r"got '\.gif'"):
        check_size(Path("x.gif"), 1, 1)


@pytest.mark.parametrize(
    ("pixels", "alpha", "depth", "reason"),
    [
        (np.zeros((2, 2), np.float32), None, 8, "H, W, 1"),
        (np.zeros((2, 2, 4), np.float32), None, 8, "H, W, 1"),
        (np.zeros((0, 2, 3), np.float32), None, 8, "not empty"),
        (np.zeros((2, 2, 3), np.uint8), None, 8, "floats"),
        (np.zeros((2, 2, 3), np.float32), np.zeros((3, 2), np.float32), 8, "alpha"),
        (np.zeros((2, 2, 3), np.float32), None, 12, "depth"),
    ],
)
def test_a_picture_refuses_what_it_cannot_be(
    pixels: NDArray, alpha: NDArray | None, depth: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Picture(pixels, alpha, depth)


def test_find_images_goes_into_folders_in_natural_order(tmp_path: Path) -> None:
    names = ["b10.PNG", "b2.png", "a/z.jpg", "A1.tif", "a/é b.webp", "x.gif", "b02.png"]
    for name in [*names, "notes.txt", ".hidden.png", ".git/x.png", "~x.png", "._b2.png", "png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "in.png").touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == [
        "a/z.jpg", "a/é b.webp", "A1.tif", "b02.png", "b2.png", "b10.PNG", "folder.png/in.png",
        "x.gif",
    ]  # fmt: skip
    assert {Path(name).suffix for name in found} >= {".gif"} & SUFFIXES


def test_find_images_does_not_run_in_circles(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "gone.png").symlink_to("nowhere")
    assert tmp_path / "a" / "x.png" in find_images(tmp_path)
    assert len(find_images(tmp_path)) == 2
    with pytest.raises(UnreadableImage, match="no such file"):
        read(tmp_path / "gone.png")
    with pytest.raises(UnreadableImage, match="symbolic links"):
        read(link_to_itself(tmp_path / "loop.png"))
    assert tmp_path / "loop.png" in find_images(tmp_path)


def link_to_itself(path: Path) -> Path:
    path.symlink_to(path.name)
    return path


def test_a_folder_that_cannot_be_listed_is_told_and_the_others_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(folder: Path) -> Any:
        if Path(folder).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    for name in ("a.png", "closed/b.png", "open/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", scan)
    told: list[tuple[Path, OSError]] = []
    found = find_images(tmp_path, unreadable=lambda *both: told.append(both))
    assert found == [tmp_path / "a.png", tmp_path / "open" / "c.png"]
    ((folder, error),) = told
    assert folder == tmp_path / "closed"
    assert error.strerror == "Permission denied"
    with pytest.raises(PermissionError):
        find_images(tmp_path)


def test_a_folder_that_is_not_there_is_told_or_raised(tmp_path: Path) -> None:
    told: list[Path] = []
    assert find_images(tmp_path / "x", unreadable=lambda path, _: told.append(path)) == []
    assert told == [tmp_path / "x"]
    with pytest.raises(FileNotFoundError):
        find_images(tmp_path / "x")


def test_folders_are_nested_as_deep_as_they_like(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "a"
        folder.mkdir()
    (folder / "x.png").touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert find_images(tmp_path) == [folder / "x.png"]
    finally:
        sys.setrecursionlimit(limit)
