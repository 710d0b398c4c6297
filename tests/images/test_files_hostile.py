"""Files that must be refused in one line, and writing that must not leave half a file."""

import errno
import io
import os
import signal
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from swinir.images import encoding, files
from swinir.images.files import Picture, UnreadableImage, find_images, read, write
from swinir.images.metadata import Metadata
from swinir.images.png import SIGNATURE
from swinir.writing import UNFINISHED

PHOTO = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PHOTO).save(buffer, kind, **options)
    return buffer.getvalue()


def reason_for(path: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Why the file is refused: one line with its name, and not a word elsewhere."""
    with pytest.raises(UnreadableImage) as caught:
        read(path)
    reason = str(caught.value)
    assert reason.startswith(f"{path}: ")
    assert "\n" not in reason
    assert " at 0x" not in reason, "the address of an object helps nobody"
    assert capfd.readouterr() == ("", "")
    return reason.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"these are no pixels", "begins with b'these are no'"),
        (b"\0" * 500, "an image is PNG, JPEG, WebP"),
        (SIGNATURE, "ends before its header"),
        (b"\xff\xd8\xff\xe0", "JPEG data is damaged"),
        (b"II*\0\x08\0\0\0", "TIFF data is damaged"),
        (b"BM123", "BMP data is damaged"),
        (b"GIF89a", "GIF data is damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WEBP data is damaged"),
        (b"RIFF\0\0\0\0WAVEfmt ", "an image is PNG"),
    ],
)
def test_what_is_no_image_is_said_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    (tmp_path / "x y é.png").write_bytes(content)
    assert reason in reason_for(tmp_path / "x y é.png", capfd)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_refused_not_filled_with_grey(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, share: float
) -> None:
    whole = encoded(kind)
    (tmp_path / "x").write_bytes(whole[: int(len(whole) * share)])
    assert any(
        word in reason_for(tmp_path / "x", capfd) for word in ("damaged", "incomplete", "ends")
    )


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_16_bit_tiff_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str | None, share: float
) -> None:
    import cv2

    samples = PHOTO.astype(np.uint16) * 257
    buffer = io.BytesIO()
    if compression == "lzw":
        flags = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
        buffer.write(cv2.imencode(".tif", samples, flags)[1].tobytes())
    else:
        tifffile.imwrite(buffer, samples, photometric="rgb", compression=compression)
    (tmp_path / "x.tif").write_bytes(buffer.getvalue()[: int(buffer.tell() * share)])
    reason_for(tmp_path / "x.tif", capfd)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_truncated_png_is_refused_wherever_it_ends(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], depth: int
) -> None:
    path = tmp_path / "x.png"
    write(path, Picture(PHOTO[:8, :8].astype(np.float32) / 255, depth=depth))
    whole = path.read_bytes()
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        reason_for(path, capfd)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_png_whose_pixels_end_early_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], depth: int
) -> None:
    few = zlib.compress(bytes(100))
    (tmp_path / "x.png").write_bytes(
        SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, depth, 2, 0, 0, 0))
        + chunk(b"IDAT", few)
        + chunk(b"IEND", b"")
    )
    assert "PNG data is damaged" in reason_for(tmp_path / "x.png", capfd)


def test_a_flipped_bit_in_a_png_is_noticed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(encoded("PNG"))
    content[len(content) // 2] ^= 16
    (tmp_path / "x.png").write_bytes(content)
    assert "checksum" in reason_for(tmp_path / "x.png", capfd)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG"])
def test_damage_anywhere_is_a_picture_or_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    rng = np.random.default_rng(1)
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    for _ in range(12):
        content = np.frombuffer(encoded(kind, **options), np.uint8).copy()
        at = rng.integers(8, len(content), 20)
        content[at] = rng.integers(0, 256, 20)
        (tmp_path / "x").write_bytes(content.tobytes())
        try:
            read(tmp_path / "x")
        except UnreadableImage as error:
            assert "\n" not in str(error)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_tiff_says_what_is_wrong_in_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, path = encoded("TIFF", compression="tiff_adobe_deflate"), tmp_path / "x.tif"
    directory = struct.unpack_from("<I", whole, 4)[0]
    path.write_bytes(whole[:directory])
    assert "(it ends before its directory)" in reason_for(path, capfd)
    spoilt = bytearray(whole)
    spoilt[200:300] = bytes(100)
    path.write_bytes(spoilt)
    assert "(its pixels cannot be unpacked)" in reason_for(path, capfd)


def test_no_damage_to_a_tiff_is_told_in_numbers_or_in_python(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    whole, path = encoded("TIFF"), tmp_path / "x.tif"
    start = struct.unpack_from("<I", whole, 4)[0]
    for _ in range(60):
        content = np.frombuffer(whole, np.uint8).copy()
        content[rng.integers(start, start + 150, 3)] = rng.integers(0, 256, 3)
        path.write_bytes(content.tobytes())
        try:
            read(path)
        except UnreadableImage as error:
            _, _, told = str(error).partition("(")
            assert not told or " " in told.partition(")")[0]
            assert "instances of" not in told
    assert capfd.readouterr() == ("", "")


def png_header(side: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def png_with(*extra: tuple[bytes, bytes]) -> bytes:
    whole = encoded("PNG", dpi=(72, 72))
    return whole[:33] + b"".join(chunk(*one) for one in extra) + whole[33:]


def test_a_large_profile_or_text_of_a_png_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile, text = PROFILE.ljust(3 << 20, b"\0"), b"a" * (2 << 20)
    (tmp_path / "x.png").write_bytes(
        png_with(
            (b"iCCP", b"p\0\0" + zlib.compress(profile)),
            (b"zTXt", b"Comment\0\0" + zlib.compress(text)),
        )
    )
    limit = PngImagePlugin.MAX_TEXT_CHUNK
    picture = read(tmp_path / "x.png")
    assert picture.metadata.icc == profile
    assert picture.metadata.text == (("Comment", text.decode()),)
    assert limit == PngImagePlugin.MAX_TEXT_CHUNK
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20 << 20))),
        (b"zTXt", b"Comment\0\7" + zlib.compress(b"packed in no known way")),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(20 << 20))),
        (b"tEXt", b"transparency\0no text that Pillow expects"),
    ],
)
def test_of_a_png_with_an_absurd_text_that_is_lost_and_not_the_picture(
    tmp_path: Path, text: tuple[bytes, bytes]
) -> None:
    profile = (b"iCCP", b"p\0\0" + zlib.compress(PROFILE))
    (tmp_path / "x.png").write_bytes(png_with(profile, text))
    picture = read(tmp_path / "x.png")
    np.testing.assert_array_equal(np.rint(picture.pixels * 255), PHOTO)
    assert picture.metadata.icc == PROFILE
    assert picture.metadata.dpi == pytest.approx((72, 72), abs=0.1)
    assert not any("packed" in value or "\0" in value for _, value in picture.metadata.text)
    assert picture.metadata.xmp is None


def test_of_a_png_with_an_absurd_profile_that_is_lost_and_not_the_picture(tmp_path: Path) -> None:
    absurd = PROFILE.ljust(20 << 20, b"\0")
    (tmp_path / "x.png").write_bytes(png_with((b"iCCP", b"p\0\0" + zlib.compress(absurd))))
    picture = read(tmp_path / "x.png")
    np.testing.assert_array_equal(np.rint(picture.pixels * 255), PHOTO)
    assert picture.metadata.icc is None
    assert picture.metadata.dpi == pytest.approx((72, 72), abs=0.1)


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata(icc=PROFILE.ljust(3 << 19, b"\0")),
        Metadata(text=(("Comment", "a" * (40 << 20)), ("Title", "a" * (40 << 20)))),
        Metadata(xmp=b"a" * (40 << 20), text=(("Comment", "ä" * (20 << 20)),)),
    ],
)
def test_metadata_too_large_for_other_programs_is_left_out_of_a_png(
    tmp_path: Path, metadata: Metadata
) -> None:
    texts = (*metadata.text, ("Author", "somebody"))
    metadata = replace(metadata, text=texts, dpi=(72, 72))
    write(tmp_path / "x.png", Picture(PHOTO.astype(np.float32) / 255, metadata=metadata))
    with Image.open(tmp_path / "x.png") as image:
        image.load()
        assert image.info["Author"] == "somebody"
    assert read(tmp_path / "x.png").metadata.text == (("Author", "somebody"),)


def test_a_profile_as_large_as_others_take_is_written(tmp_path: Path) -> None:
    profile = PROFILE.ljust(1 << 20, b"\0")
    picture = Picture(PHOTO.astype(np.float32) / 255, metadata=Metadata(icc=profile))
    write(tmp_path / "x.png", picture)
    with Image.open(tmp_path / "x.png") as image:
        assert image.info["icc_profile"] == profile


def test_an_absurd_size_is_refused_from_the_header(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.png").write_bytes(png_header(60000))
    reason = reason_for(tmp_path / "x.png", capfd)
    assert "at most 179 megapixels here, got 60000x60000 (3600 megapixels)" in reason


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_the_limit_of_pixels_is_the_callers(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x").write_bytes(encoded(kind))
    assert read(tmp_path / "x", max_pixels=64 * 64).pixels.shape == (64, 64, 3)
    with pytest.raises(UnreadableImage, match="got 64x64"):
        read(tmp_path / "x", max_pixels=64 * 64 - 1)


def test_a_size_that_pillow_warns_of_is_read_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("PNG", "JPEG", "TIFF"):
        (tmp_path / "x").write_bytes(encoded(kind))
        assert read(tmp_path / "x").pixels.shape == (64, 64, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize(
    ("dtype", "reason"),
    [(np.float32, "32-bit floating-point"), (np.int16, "16-bit signed"), (np.uint32, "32-bit")],
)
def test_a_tiff_of_other_numbers_says_which(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    dtype: type[np.generic],
    reason: str,
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((4, 5), dtype))
    assert f"got {reason} ones; save it with 16 bits" in reason_for(tmp_path / "x.tif", capfd)


def test_a_folder_a_pipe_and_a_missing_file_are_no_images(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.png").mkdir()
    assert "got a folder" in reason_for(tmp_path / "x.png", capfd)
    os.mkfifo(tmp_path / "pipe.png")
    assert "got a device or a pipe" in reason_for(tmp_path / "pipe.png", capfd)
    assert "no such file" in reason_for(tmp_path / "none.png", capfd)


def test_a_forbidden_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "x.png").write_bytes(encoded("PNG"))
    monkeypatch.setattr(Path, "open", refuse)
    assert "permission denied" in reason_for(tmp_path / "x.png", capfd)


PICTURE = Picture(PHOTO.astype(np.float32) / 255)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_nothing_and_harms_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    failure: BaseException,
    step: str,
) -> None:
    def fail(*_: Any) -> None:
        raise failure

    old, new = tmp_path / f"old{suffix}", tmp_path / f"new{suffix}"
    old.write_bytes(b"what was there")
    monkeypatch.setattr(os, step, fail)
    for path in (old, new):
        with pytest.raises(type(failure)) as caught:
            write(path, PICTURE)
        assert caught.value is failure
    assert [path.name for path in tmp_path.iterdir()] == [old.name]
    assert old.read_bytes() == b"what was there"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_an_interrupt_within_the_encoder_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(encoding, "to_samples", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / f"x{suffix}", PICTURE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_a_full_disk_is_told_as_the_system_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    # In place of the temporary file stands the device.
    monkeypatch.setattr(Path, "touch", lambda path, **_: path.symlink_to("/dev/full"))
    with pytest.raises(OSError, match="No space left") as caught:
        write(tmp_path / f"x{suffix}", PICTURE)
    assert caught.value.errno == errno.ENOSPC


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "x.png", PICTURE)


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
import numpy as np
from swinir.images import encoding
from swinir.images.files import Picture, write

def die(file, *_):
    file.write(b"half a picture")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

encoding.encode = die
write(Path(sys.argv[1]), Picture(np.zeros((2, 2, 3), np.float32)))
"""


def test_what_a_killed_run_left_is_no_input_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 120 + ".png")
    root = Path(files.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, path], cwd=root)
    assert done.returncode == -signal.SIGKILL
    (litter,) = tmp_path.iterdir()
    assert litter.name.startswith(UNFINISHED)
    assert find_images(tmp_path) == []
    write(path, PICTURE)
    assert list(tmp_path.iterdir()) == [path]
