"""TIFF beyond Pillow: 16-bit pixels in, 8 and 16 bits out with their metadata."""

import io
import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from swinir.images.metadata import (
    DESCRIPTIVE,
    DIRECTORIES,
    Metadata,
    directory,
    exif_for,
    profile_for,
)
from swinir.images.picture import UnreadableImage
from swinir.images.samples import Samples, orient

LEVEL = 4
"""Effort of zlib, as in `png`."""

STRIP = 1 << 18
"""Bytes of a strip before compression."""

LARGEST = (1 << 32) - 1
"""Bytes that the offsets of a TIFF reach."""

MARGIN = 1 << 24
"""Bytes left for the directory."""

CLASSIC, BIG = b"II\x2a\0" + bytes(4), b"II\x2b\0\x08" + bytes(11)
"""How a TIFF and a BigTIFF begin."""

BY_TIFFFILE = (1, 8, 32946, 34925)
"""Compressions that need no optional package: none, deflate under two numbers, LZMA."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
UNKNOWN, PREMULTIPLIED, STRAIGHT = 0, 1, 2
DEFLATE, DIFFERENCES, PLANAR = 8, 2, 2
LONG, LONG8, BYTE, UNDEFINED = 4, 16, 1, 7

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, ORIENTATION, SAMPLES, ROWS, SIZES = 273, 274, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANES, UNIT, PREDICTOR = 282, 283, 284, 296, 317
EXTRA, SAMPLE_FORMAT, XMP, ICC = 338, 339, 700, 34675

# Without a handler of their own its warnings go to the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first directory says about the pixels (TIFF 6.0, sections 3 to 8 and 18)."""

    width: int
    height: int
    bits: tuple[int, ...]
    kind: int
    photometric: int
    compression: int
    planar: bool
    extra: int
    orientation: int
    pages: int
    info: dict[str, Any]
    exif: Image.Exif

    @property
    def is_16_bit(self) -> bool:
        """Whether this is grey or RGB of 16 bits, perhaps with alpha."""
        grey_or_rgb = self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
        return set(self.bits) == {16} and grey_or_rgb

    @property
    def colours(self) -> int:
        """Colours of a pixel, alpha aside."""
        return 3 if self.photometric == RGB else 1


def read_layout(file: BinaryIO) -> Layout:
    """The layout of the first page.

    Raises:
        UnreadableImage: samples other than unsigned integers of 1 to 8 or of 16 bits.
    """
    with tifffile.TiffFile(file) as tiff:
        if not len(tiff.pages):
            raise UnreadableImage(
                "the TIFF data is damaged or incomplete (it ends before its directory); "
                "copy or download it again"
            )
        page = tiff.pages.first
        tags = page.tags

        def values(tag: int, default: int) -> tuple[int, ...]:
            return tuple(int(v) for v in np.atleast_1d(tags.valueof(tag, default=default)))

        exif = Image.Exif()
        exif.bigtiff, exif.endian = tiff.is_bigtiff, tiff.byteorder
        exif.load_from_fp(file, page.offset)
        layout = Layout(
            width=values(WIDTH, 0)[0],
            height=values(HEIGHT, 0)[0],
            bits=values(BITS, 1) * (1 if len(values(BITS, 1)) > 1 else values(SAMPLES, 1)[0]),
            kind=values(SAMPLE_FORMAT, UNSIGNED)[0],
            photometric=values(PHOTOMETRIC, BLACK_IS_ZERO)[0],
            compression=values(COMPRESSION, 1)[0],
            planar=values(PLANES, 1)[0] == PLANAR,
            extra=values(EXTRA, STRAIGHT)[0],
            orientation=values(ORIENTATION, 1)[0],
            pages=len(tiff.pages),
            info={"icc_profile": tags.valueof(ICC), "xmp": tags.valueof(XMP)},
            exif=exif,
        )
    bits = max(layout.bits)
    if layout.kind != UNSIGNED or bits not in (1, 2, 4, 8, 16):
        kind = {SIGNED: " signed", FLOAT: " floating-point"}.get(layout.kind, "")
        raise UnreadableImage(
            "its samples must be unsigned integers of at most 8, or of 16 bits, "
            f"got {bits}-bit{kind} ones; save it with 16 bits"
        )
    return layout


def read_16_bit(file: BinaryIO, layout: Layout) -> Samples:
    """Decode the first page: upright, black at zero, alpha not multiplied into the colours.

    Raises:
        UnreadableImage: the decoders refuse it.
    """
    count = len(layout.bits)
    file.seek(0)
    if layout.compression in BY_TIFFFILE:
        samples = orient(_decode_any_layout(file, layout), layout.orientation)
    elif not layout.planar and count in (1, 3, 4):
        samples = _decode_any_compression(file.read(), count)
    else:
        raise UnreadableImage("its 16-bit samples are packed in a rare way; save it with deflate")
    colours = samples[..., : layout.colours]
    if layout.photometric == WHITE_IS_ZERO:
        colours = np.iinfo(np.uint16).max - colours
    if count == layout.colours or layout.extra == UNKNOWN:
        return colours
    alpha = samples[..., layout.colours : layout.colours + 1]
    if layout.extra == PREMULTIPLIED:
        colours = _divide(colours, alpha)
    return np.concatenate([colours, alpha], 2)


def _decode_any_layout(file: BinaryIO, layout: Layout) -> NDArray[np.uint16]:
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        starts, sizes = page.dataoffsets, page.databytecounts
        if len(starts) != len(sizes):
            raise UnreadableImage(
                f"the TIFF data is damaged or incomplete ({len(starts)} strips of pixels and "
                f"{len(sizes)} sizes of them); copy or download it again"
            )
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        # Strips that are not there would be filled with black.
        if not ends or min(sizes) == 0 or max(ends) > tiff.filehandle.size:
            raise UnreadableImage("the TIFF ends before its pixels do; copy or download it again")
        stored = np.asarray(page.asarray(maxworkers=1))
    if layout.planar and len(layout.bits) > 1:
        stored = np.moveaxis(stored.reshape(-1, layout.height, layout.width), 0, 2)
    return stored.reshape(layout.height, layout.width, len(layout.bits)).astype(
        np.uint16, copy=False
    )


def _decode_any_compression(data: bytes, count: int) -> NDArray[np.uint16]:
    """Decode with OpenCV, which turns the picture upright by itself."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise UnreadableImage("the 16-bit TIFF data is damaged; copy or download it again")
    samples = decoded.astype(np.uint16, copy=False).reshape(*decoded.shape[:2], -1)
    return samples[..., [2, 1, 0, 3][:count] if count > 1 else [0]]


def _divide(colours: Samples, alpha: Samples) -> Samples:
    top = np.iinfo(np.uint16).max
    straight = colours.astype(np.float64) * top / np.maximum(alpha, 1)
    return np.minimum(straight + 0.5, top).astype(np.uint16)


def write(file: BinaryIO, samples: Samples, metadata: Metadata) -> None:
    """Write ``(H, W, C)`` samples of 8 or 16 bits, deflated, with their metadata.

    Raises:
        ValueError: the file would pass 4 GiB.
    """
    height, width, count = samples.shape
    depth = samples.dtype.itemsize * 8
    rows = rows_of_strip(width, count, depth)
    strips = [pack(samples[row : row + rows]) for row in range(0, height, rows)]
    sizes = [len(strip) for strip in strips]
    if sum(sizes) > LARGEST - MARGIN:
        raise ValueError(f"a TIFF file holds at most 4 GiB, got {width}x{height}; write a PNG")
    file.write(head((height, width, count), depth, metadata, sizes))
    for strip in strips:
        file.write(strip)


def rows_of_strip(width: int, count: int, depth: int) -> int:
    """Rows of ``width`` pixels of ``count`` samples that a strip has."""
    return max(1, STRIP // (width * count * depth // 8))


def pack(rows: Samples) -> bytes:
    """Deflate the differences of horizontal neighbours (TIFF 6.0, section 14)."""
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    return zlib.compress(differences.astype(differences.dtype.newbyteorder("<")).tobytes(), LEVEL)


def head(
    shape: tuple[int, int, int],
    depth: int,
    metadata: Metadata,
    sizes: Sequence[int],
    *,
    big: bool = False,
) -> bytes:
    """What stands before the strips, which follow one another; as long whatever their sizes are.

    Args:
        shape: ``(H, W, C)`` of the samples.
        depth: 8 or 16 bits a sample.
        metadata: of the picture.
        sizes: bytes of each strip.
        big: BigTIFF, whose offsets reach beyond 4 GiB.
    """
    tags = _directory(shape, depth, metadata, BIG if big else CLASSIC)
    tags[ROWS] = rows_of_strip(*shape[1:], depth)
    tags.tagtype[OFFSETS] = tags.tagtype[SIZES] = LONG8 if big else LONG
    tags[SIZES] = tuple(sizes)
    # Counted from the end of the directory; saving it adds where that is.
    tags[OFFSETS] = (0, *accumulate(sizes[:-1]))
    buffer = io.BytesIO()
    tags.save(buffer)
    return buffer.getvalue()


def _directory(
    shape: tuple[int, int, int], depth: int, metadata: Metadata, header: bytes
) -> ImageFileDirectory_v2:
    height, width, count = shape
    colours = 1 if count < 3 else 3
    tags = ImageFileDirectory_v2(header)
    exif = exif_for(metadata, width, height, alone=True)
    for tag in DESCRIPTIVE & set(exif):
        tags[tag] = exif[tag]
    for tag in DIRECTORIES:
        if entries := directory(exif, tag):
            tags[tag] = entries
    tags[WIDTH], tags[HEIGHT] = width, height
    tags[BITS] = (depth,) * count
    tags[COMPRESSION], tags[PREDICTOR] = DEFLATE, DIFFERENCES
    tags[PHOTOMETRIC] = RGB if colours == 3 else BLACK_IS_ZERO
    tags[SAMPLES] = count
    tags[PLANES] = 1
    if count > colours:
        tags[EXTRA] = STRAIGHT
    if metadata.dpi:
        tags[X_RESOLUTION], tags[Y_RESOLUTION] = metadata.dpi
        tags[UNIT] = 2
    if metadata.xmp:
        tags.tagtype[XMP] = BYTE
        tags[XMP] = metadata.xmp
    if icc := profile_for(metadata, colours):
        tags.tagtype[ICC] = UNDEFINED
        tags[ICC] = icc
    return tags
