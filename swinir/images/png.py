"""PNG beyond Pillow: checked chunks, 16-bit pixels in, any depth out with its metadata."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from swinir.images.metadata import Metadata, exif_for, profile_for
from swinir.images.picture import UnreadableImage
from swinir.images.samples import Samples

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Samples of a pixel -> colour type of the header (PNG specification, 11.2.1)."""

LEVEL = 4
"""Effort of zlib: 3 percent larger than the best, three times as fast."""

BAND = 1 << 20
"""Bytes filtered at a time, and so the size of an IDAT chunk before compression."""

LARGEST_PROFILE = 1 << 20
"""Bytes of a colour profile that is written; Pillow reads no picture with a larger one."""

LONGEST_TEXTS = 1 << 25
"""Bytes of all texts that are written; Pillow reads no picture with twice as many."""

TEXTS = (b"tEXt", b"zTXt", b"iTXt")
PROFILE = b"iCCP"

LEFT, UP, PAETH = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Header:
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour_type: int


def read_header(head: bytes) -> Header:
    """The size and kind of a PNG from its first 33 bytes.

    Raises:
        UnreadableImage: the file does not begin with a header.
    """
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise UnreadableImage("the PNG ends before its header does; copy or download it again")
    return Header(*struct.unpack(">IIBB", head[16:26]))


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each chunk to the last, with its checksum verified.

    Raises:
        UnreadableImage: a chunk is damaged, or the file ends before IEND.
    """
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        if not kind or at + 12 + length > len(data):
            raise UnreadableImage("the PNG ends before its IEND chunk; copy or download it again")
        content = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if checksum != zlib.crc32(content, zlib.crc32(kind)):
            raise UnreadableImage(
                f"the checksum of its PNG chunk {kind!r} is wrong; copy or download it again"
            )
        yield kind, content
        at += 12 + length


def without(data: bytes, kinds: Sequence[bytes]) -> bytes:
    """The same file without the chunks of some kinds."""
    kept = (_chunk(kind, content) for kind, content in chunks(data) if kind not in kinds)
    return SIGNATURE + b"".join(kept)


def check(data: bytes) -> bytes | None:
    """Verify every chunk; the content of tRNS comes back if there is one.

    Raises:
        UnreadableImage: a chunk is damaged, or the file ends before IEND.
    """
    key = None
    for kind, content in chunks(data):
        if kind == b"tRNS":
            key = content
    return key


def transparent_colour(header: Header, key: bytes) -> tuple[int, ...] | None:
    """The one transparent colour of grey or RGB, in the samples that a decoder gives.

    None for a palette, whose transparency stands in the palette.
    """
    count = {0: 1, 2: 3}.get(header.colour_type)
    if count is None or len(key) < 2 * count:
        return None
    top = (1 << header.depth) - 1
    widened = 255 // top if header.depth < 8 else 1
    return tuple((v & top) * widened for v in struct.unpack_from(f">{count}H", key))


def read_16_bit(data: bytes, header: Header) -> Samples:
    """Decode the pixels of a checked 16-bit PNG, which Pillow would cut to 8 bits.

    Raises:
        UnreadableImage: the decoder refuses it.
    """
    # OpenCV complains aloud about metadata that it does not like, so it sees none.
    bare = SIGNATURE + b"".join(
        _chunk(kind, content)
        for kind, content in chunks(data)
        if kind in (b"IHDR", b"IDAT", b"IEND")
    )
    decoded = cv2.imdecode(np.frombuffer(bare, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise UnreadableImage("the 16-bit PNG data is damaged; copy or download it again")
    samples = decoded.reshape(header.height, header.width, -1)
    # Grey and alpha arrive as BGRA too.
    order = {0: [0], 4: [0, 3], 2: [2, 1, 0], 6: [2, 1, 0, 3]}[header.colour_type]
    return samples[..., order].astype(np.uint16, copy=False)


def write(file: BinaryIO, samples: Samples, metadata: Metadata) -> None:
    """Write ``(H, W, C)`` samples of 8 or 16 bits with their metadata."""
    height, width, channels = samples.shape
    depth = samples.dtype.itemsize * 8
    file.write(SIGNATURE)
    ihdr = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, 0)
    file.write(_chunk(b"IHDR", ihdr))
    for kind, content in _metadata_chunks(metadata, width, height, 1 if channels < 3 else 3):
        file.write(_chunk(kind, content))
    packer = zlib.compressobj(LEVEL)
    for band in _filtered(samples):
        if packed := packer.compress(band):
            file.write(_chunk(b"IDAT", packed))
    file.write(_chunk(b"IDAT", packer.flush()))
    file.write(_chunk(b"IEND", b""))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _metadata_chunks(
    metadata: Metadata, width: int, height: int, colours: int
) -> Iterator[tuple[bytes, bytes]]:
    icc = profile_for(metadata, colours)
    if icc and len(icc) <= LARGEST_PROFILE:
        yield PROFILE, b"ICC Profile\0\0" + zlib.compress(icc)
    if metadata.dpi:
        per_metre = [min(round(side / 0.0254), 2**31 - 1) for side in metadata.dpi]
        yield b"pHYs", struct.pack(">IIB", *per_metre, 1)
    if exif := exif_for(metadata, width, height):
        yield b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")
    room = LONGEST_TEXTS
    for kind, content in _texts(metadata):
        if len(content) <= room:
            room -= len(content)
            yield kind, content


def _texts(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    if metadata.xmp:
        yield b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp
    for key, value in metadata.text:
        keyword = key.encode("latin-1", "replace")[:79].strip()
        plain = value.replace("\0", "")
        if not keyword:
            continue
        if plain.isascii():
            yield b"tEXt", keyword + b"\0" + plain.encode()
        else:
            yield b"iTXt", keyword + b"\0\0\0\0\0" + plain.encode(errors="replace")


def _filtered(samples: Samples) -> Iterator[bytes]:
    """Scanlines with the filter of each chosen by the least sum of differences (spec, 12.8)."""
    height, width, channels = samples.shape
    pixel = channels * samples.dtype.itemsize
    rows = max(1, BAND // (width * pixel))
    above = np.zeros((1, width * pixel), np.uint8)
    for row in range(0, height, rows):
        # The most significant byte comes first.
        band = samples[row : row + rows].astype(samples.dtype.newbyteorder(">"), order="C")
        current = band.view(np.uint8).reshape(len(band), -1)
        yield _filter(current, np.concatenate([above, current[:-1]]), pixel)
        above = current[-1:]


def _filter(current: NDArray[np.uint8], above: NDArray[np.uint8], pixel: int) -> bytes:
    left, corner = np.zeros_like(current), np.zeros_like(above)
    left[:, pixel:], corner[:, pixel:] = current[:, :-pixel], above[:, :-pixel]
    lines = np.empty((len(current), current.shape[1] + 1), np.uint8)
    least = np.full(len(current), np.iinfo(np.int64).max)
    for number, guess in ((LEFT, left), (UP, above), (PAETH, _paeth(left, above, corner))):
        rest = current - guess
        cost = np.minimum(rest, -rest).sum(1, dtype=np.int64)
        better = cost < least
        lines[better, 0] = number
        lines[better, 1:] = rest[better]
        least = np.minimum(least, cost)
    return lines.tobytes()


def _paeth(
    left: NDArray[np.uint8], above: NDArray[np.uint8], corner: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The neighbour nearest to left + above - corner (spec, 9.4)."""
    across = above.astype(np.int16) - corner
    down = left.astype(np.int16) - corner
    to_corner = np.abs(across + down)
    to_left, to_above = np.abs(across), np.abs(down)
    first = (to_left <= to_above) & (to_left <= to_corner)
    return np.where(first, left, np.where(to_above <= to_corner, above, corner))
