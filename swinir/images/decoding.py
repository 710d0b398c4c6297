"""The bytes of a file -> a picture."""

import io
import logging
import os
import threading
import warnings
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import cv2
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from swinir.images import png, tiff
from swinir.images.metadata import Metadata, collect, exif_of, profile_for
from swinir.images.picture import Picture, UnreadableImage
from swinir.images.samples import Samples, from_pillow, orient, to_floats, with_key

MAX_PIXELS = 178_956_970
"""Pixels that are read unless told otherwise: 2 GiB of RGB in floats."""

MAX_TEXT = 1 << 24
"""Bytes that a profile or a text of a PNG may unpack to; of a picture with more it is lost."""

SIGNATURES = {
    png.SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WEBP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
}
"""First bytes of a file -> its format."""

Decoded = tuple[Samples, Metadata, int]
"""Upright samples, what travels with them, and the number of frames."""

_TURN = threading.Lock()

# Without a handler of their own its errors go to the terminal.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode(file: BinaryIO, max_pixels: int) -> Picture:
    """Decode the first picture of an opened file.

    Raises:
        UnreadableImage: a reason for the user, without the name of the file.
    """
    head = file.read(64)
    kind = _recognise(head)
    file.seek(0)
    with judged(kind):
        with undisturbed():
            samples, metadata, frames = DECODERS[kind](file, kind, max_pixels)
        pixels, alpha = to_floats(samples)
    depth = samples.dtype.itemsize * 8
    # The profile of a CMYK file has no meaning for what became of its colours.
    metadata = replace(metadata, icc=profile_for(metadata, pixels.shape[2]))
    return Picture(pixels, alpha, depth, metadata, kind, frames)


@contextmanager
def judged(kind: str) -> Generator[None, None, None]:
    """Say in one line what is wrong with the bytes of a file, whatever a decoder makes of them.

    Raises:
        UnreadableImage: an exception within the block.
    """
    try:
        yield
    except UnreadableImage:
        raise
    except MemoryError:
        raise UnreadableImage("it does not fit into memory; close programs or cut it up") from None
    except Exception as error:
        # On bytes made to confuse them the decoders raise whatever happened to go wrong.
        raise UnreadableImage(
            f"the {kind} data is damaged or incomplete ({_what_is_wrong(error)}); "
            "copy or download it again"
        ) from error


def _recognise(head: bytes) -> str:
    if not head:
        raise UnreadableImage("the file is empty (0 bytes); copy or download it again")
    kind = next((name for start, name in SIGNATURES.items() if head.startswith(start)), None)
    if kind is None or (kind == "WEBP" and head[8:12] != b"WEBP"):
        raise UnreadableImage(
            "an image is PNG, JPEG, WebP, TIFF, BMP or GIF inside, whatever its name; "
            f"got a file that begins with {head[:12]!r}; convert it first"
        )
    return kind


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no sound header"
    said = str(error).partition("\n")[0]
    if said.startswith("decoder error"):
        return "its pixels cannot be unpacked"
    # The others speak of Python: a missing key is told by the key alone.
    speaks_of_files = isinstance(error, (OSError, SyntaxError, ValueError, zlib.error))
    return said if said and speaks_of_files else "its parts contradict each other"


def _refuse_absurd(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise UnreadableImage(f"an image has at least one pixel, got {width}x{height}")
    if width * height > max_pixels:
        raise UnreadableImage(
            f"an image has at most {max_pixels / 1e6:.4g} megapixels here, got {width}x{height} "
            f"({width * height / 1e6:.4g} megapixels); cut it up or make it smaller"
        )


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Keep the decoders from speaking to the user and from guarding sizes, which we do.

    What has to be set for that belongs to the process, hence one picture at a time.
    """
    with _TURN, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, level = Image.MAX_IMAGE_PIXELS, cv2.utils.logging.getLogLevel()
        longest = PngImagePlugin.MAX_TEXT_CHUNK
        Image.MAX_IMAGE_PIXELS = None
        PngImagePlugin.MAX_TEXT_CHUNK = max(longest, MAX_TEXT)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            PngImagePlugin.MAX_TEXT_CHUNK = longest
            cv2.utils.logging.setLogLevel(level)


@contextmanager
def _deaf_terminal() -> Generator[None, None, None]:
    """Drop what is written to the error stream: Pillow's libtiff complains there, from C."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _decode_with_pillow(file: BinaryIO, kind: str, max_pixels: int) -> Decoded:
    with Image.open(file, formats=[kind]) as image:
        _refuse_absurd(*image.size, max_pixels)
        # A phone's JPEG may carry a depth map or a preview; those are no frames.
        frames = 1 if kind == "JPEG" else int(getattr(image, "n_frames", 1))
        image.load()
        metadata, orientation = collect(image.info, exif_of(image), {})
        return orient(from_pillow(image), orientation), metadata, frames


def _decode_png(file: BinaryIO, kind: str, max_pixels: int) -> Decoded:
    header = png.read_header(file.read(33))
    _refuse_absurd(header.width, header.height, max_pixels)
    file.seek(0)
    data = file.read()
    key = png.check(data)
    for lost in (png.TEXTS, (png.PROFILE,)):
        try:
            return _decode_checked_png(data, header, key)
        except (OSError, SyntaxError, ValueError):
            # Pillow gives up a picture over a text that is too long or packed amiss.
            data = png.without(data, lost)
    return _decode_checked_png(data, header, key)


def _decode_checked_png(data: bytes, header: png.Header, key: bytes | None) -> Decoded:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        image.load()
        # Texts after the pixels are known once those are loaded.
        text = {k: v for k, v in image.info.items() if isinstance(k, str) and isinstance(v, str)}
        metadata, orientation = collect(image.info, exif_of(image), text)
        frames = int(getattr(image, "n_frames", 1))
        samples = png.read_16_bit(data, header) if header.depth == 16 else from_pillow(image)
    colour = png.transparent_colour(header, key) if key else None
    if colour:
        samples = with_key(samples, colour)
    return orient(samples, orientation), metadata, frames


def _decode_tiff(file: BinaryIO, kind: str, max_pixels: int) -> Decoded:
    layout = tiff.read_layout(file)
    _refuse_absurd(layout.width, layout.height, max_pixels)
    if layout.is_16_bit:
        metadata, _ = collect(layout.info, layout.exif, {}, in_tiff=True)
        return tiff.read_16_bit(file, layout), metadata, layout.pages
    file.seek(0)
    with Image.open(file, formats=[kind]) as image:
        with _deaf_terminal():
            image.load()
        metadata, _ = collect(layout.info, layout.exif, {}, in_tiff=True)
        # Pillow may have turned it upright on loading, and then says so.
        orientation = int(exif_of(image).get(tiff.ORIENTATION, 1))
        return orient(from_pillow(image), orientation), metadata, layout.pages


DECODERS: dict[str, Callable[[BinaryIO, str, int], Decoded]] = {
    "PNG": _decode_png,
    "JPEG": _decode_with_pillow,
    "WEBP": _decode_with_pillow,
    "TIFF": _decode_tiff,
    "BMP": _decode_with_pillow,
    "GIF": _decode_with_pillow,
}
