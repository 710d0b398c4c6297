"""A picture -> the bytes of a file."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from PIL import Image

from swinir.images import png, tiff
from swinir.images.metadata import Metadata, exif_for, profile_for
from swinir.images.picture import Picture
from swinir.images.samples import Samples, to_samples

DEEP: dict[str, Callable[[BinaryIO, Samples, Metadata], None]] = {
    "PNG": png.write,
    "TIFF": tiff.write,
}
"""Formats that hold 16 bits a sample."""

WITHOUT_ALPHA = ("JPEG", "BMP")
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "BMP": 1 << 20}

JPEG_SEGMENT = 65533 - len(b"http://ns.adobe.com/xap/1.0/\0")
"""Bytes of EXIF, XMP or comment that a JPEG can surely hold."""


def check_size(kind: str, height: int, width: int) -> None:
    """Refuse a picture with more pixels a side than the format holds.

    Raises:
        ValueError: a side is too long.
    """
    longest = LONGEST_SIDE.get(kind)
    if longest and max(height, width) > longest:
        raise ValueError(
            f"{kind} holds at most {longest} pixels a side, got {width}x{height}; write PNG or TIFF"
        )


def encode(file: BinaryIO, picture: Picture, kind: str, quality: int) -> None:
    """Write a picture in a format (PNG, JPEG, WEBP, TIFF, BMP) to an empty file.

    Raises:
        ValueError: a picture that the format cannot hold.
    """
    check_size(kind, *picture.pixels.shape[:2])
    depth = picture.depth if kind in DEEP else 8
    samples = to_samples(picture.pixels, picture.alpha, depth, flat=kind in WITHOUT_ALPHA)
    if kind in DEEP:
        DEEP[kind](file, samples, picture.metadata)
        return
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    # Encoded in memory: the encoders hide what the disk says.
    buffer = io.BytesIO()
    image.save(buffer, kind, **_options(kind, picture, quality))
    file.write(buffer.getbuffer())


def _options(kind: str, picture: Picture, quality: int) -> dict[str, Any]:
    metadata = picture.metadata
    height, width, colours = picture.pixels.shape
    resolution = {"dpi": metadata.dpi} if metadata.dpi else {}
    if kind == "BMP":
        return resolution
    exif = exif_for(metadata, width, height, alone=True)
    # WebP has no grey, and a grey profile does not fit what it holds instead.
    profile = profile_for(metadata, 3 if kind == "WEBP" else colours)
    options: dict[str, Any] = {"icc_profile": profile, "xmp": metadata.xmp}
    if exif:
        options["exif"] = exif.tobytes()
    if kind == "WEBP":
        # Quality and method are effort here: less than the default, which is slow on large ones.
        options |= {"lossless": True, "exact": True, "quality": 50, "method": 2}
    if kind == "JPEG":
        comment = dict(metadata.text).get("Comment", "").encode(errors="replace")
        options |= resolution | {"quality": quality, "subsampling": "4:4:4", "comment": comment}
    limit = JPEG_SEGMENT if kind == "JPEG" else None
    return {key: value for key, value in options.items() if _fits(key, value, limit)}


def _fits(key: str, value: object, limit: int | None) -> bool:
    if not value:
        return False
    if limit is None or key == "icc_profile" or not isinstance(value, bytes):
        return True
    return len(value) <= limit
