"""What travels with the pixels: colour profile, EXIF, XMP, resolution, text."""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from PIL import ExifTags, Image

Resolution = tuple[float, float]
T = TypeVar("T")

ORIENTATION = int(ExifTags.Base.Orientation)
X_RESOLUTION = int(ExifTags.Base.XResolution)
Y_RESOLUTION = int(ExifTags.Base.YResolution)
RESOLUTION_UNIT = int(ExifTags.Base.ResolutionUnit)

DESCRIPTIVE = frozenset(
    int(tag)
    for tag in (
        ExifTags.Base.ImageDescription,
        ExifTags.Base.Make,
        ExifTags.Base.Model,
        ExifTags.Base.Software,
        ExifTags.Base.DateTime,
        ExifTags.Base.Artist,
        ExifTags.Base.HostComputer,
        ExifTags.Base.Copyright,
        ExifTags.Base.Rating,
        ExifTags.Base.XPTitle,
        ExifTags.Base.XPComment,
        ExifTags.Base.XPAuthor,
        ExifTags.Base.XPKeywords,
        ExifTags.Base.XPSubject,
    )
)
"""Tags that describe the picture; the rest of a TIFF's directory describes the file."""

DIRECTORIES = frozenset((int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo)))
"""Tags that hold directories of their own."""

TEXT_TAGS = {
    "Description": int(ExifTags.Base.ImageDescription),
    "Author": int(ExifTags.Base.Artist),
    "Copyright": int(ExifTags.Base.Copyright),
    "Software": int(ExifTags.Base.Software),
}
"""PNG keywords and the EXIF tags that say the same."""

PROFILE_SPACES = {b"GRAY": 1, b"RGB ": 3}
"""Colour space in the header of an ICC profile (ICC.1, 7.2.6) -> colours of a pixel."""

ABSURD_DPI = 65536
"""What some formats cannot hold, and nothing has."""

XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What travels with the pixels, as far as the file written can hold it.

    Attributes:
        icc: colour profile as embedded.
        exif: EXIF as Pillow reads and writes it, its orientation already applied and reset.
        xmp: XMP packet, its orientation reset likewise.
        dpi: horizontal and vertical resolution in dots per inch.
        text: keywords and texts; a JPEG or GIF comment has the keyword Comment.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: Resolution | None = None
    text: tuple[tuple[str, str], ...] = ()


def exif_of(image: Image.Image) -> Image.Exif:
    """The EXIF of an opened file; empty if what it has is none."""
    return _sound(image.getexif, Image.Exif())


def collect(
    info: Mapping[Any, Any], exif: Image.Exif, text: Mapping[str, str], *, in_tiff: bool = False
) -> tuple[Metadata, int]:
    """Metadata of an opened file and the orientation (1 to 8) that its pixels still need.

    ``info`` has the keys of Pillow's ``Image.info``. ``in_tiff`` says that ``exif`` is the
    directory of a TIFF, which describes the file besides the picture. EXIF that cannot be
    understood is left behind.
    """
    orientation = _sound(lambda: int(exif.get(ORIENTATION, 1)), 1)
    dpi = _resolution(info.get("dpi")) or _sound(lambda: _exif_resolution(exif), None)
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    texts = [(key, str(value)) for key, value in text.items() if not _is_wrapped(key)]
    if isinstance(comment := info.get("comment"), bytes):
        texts.append(("Comment", comment.decode(errors="replace").strip("\0")))
    metadata = Metadata(
        icc=info.get("icc_profile") or None,
        exif=_sound(lambda: _upright(exif, in_tiff=in_tiff), None),
        xmp=XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if isinstance(xmp, bytes) and xmp else None,
        dpi=dpi,
        text=tuple(texts),
    )
    return metadata, orientation if 1 <= orientation <= 8 else 1


def profile_for(metadata: Metadata, colours: int) -> bytes | None:
    """The colour profile, if it is one for pixels of so many colours (1 or 3)."""
    icc = metadata.icc
    return icc if icc and PROFILE_SPACES.get(icc[16:20]) == colours else None


def exif_for(metadata: Metadata, width: int, height: int, *, alone: bool = False) -> Image.Exif:
    """EXIF for a picture of this size in pixels; empty if there is nothing to say.

    ``alone`` makes it carry the resolution and the texts too, for a format with no other place.
    """
    exif = Image.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
        sides = ((ExifTags.Base.ExifImageWidth, width), (ExifTags.Base.ExifImageHeight, height))
        if details := directory(exif, ExifTags.IFD.Exif):
            details.update({int(tag): side for tag, side in sides if tag in details})
            exif[ExifTags.IFD.Exif] = details
    if alone:
        for key, value in metadata.text:
            if key in TEXT_TAGS and TEXT_TAGS[key] not in exif and value.isascii():
                exif[TEXT_TAGS[key]] = value
        if metadata.dpi:
            exif[X_RESOLUTION], exif[Y_RESOLUTION] = metadata.dpi
            exif[RESOLUTION_UNIT] = 2
    return exif


def _is_wrapped(key: str) -> bool:
    return key == "XML:com.adobe.xmp" or key.startswith("Raw profile type ")


def _upright(exif: Image.Exif, *, in_tiff: bool) -> bytes | None:
    kept = Image.Exif()
    for tag in set(exif) - DIRECTORIES:
        if tag == ORIENTATION:
            kept[tag] = 1
        elif tag in DESCRIPTIVE or not in_tiff:
            kept[tag] = exif[tag]
    for tag in DIRECTORIES:
        if entries := directory(exif, tag):
            kept[tag] = entries
    if not set(kept) - {ORIENTATION}:
        return None
    return kept.tobytes()


def directory(exif: Image.Exif, tag: int) -> dict[int, Any]:
    """The entries of a directory within EXIF, those of another within it included."""
    entries = dict(exif.get_ifd(tag))
    interop = int(ExifTags.IFD.Interop)
    if interop in entries:
        entries[interop] = dict(exif.get_ifd(interop))
    return entries


def _exif_resolution(exif: Image.Exif) -> Resolution | None:
    unit = 2.54 if exif.get(RESOLUTION_UNIT) == 3 else 1.0
    if X_RESOLUTION not in exif or Y_RESOLUTION not in exif:
        return None
    sides = float(exif[X_RESOLUTION]) * unit, float(exif[Y_RESOLUTION]) * unit
    return _resolution(sides)


def _resolution(dpi: Any) -> Resolution | None:
    try:
        x, y = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < ABSURD_DPI and 0 < y < ABSURD_DPI else None


def _sound(parse: Callable[[], T], otherwise: T) -> T:
    """What Pillow makes of bytes from a stranger, which need not be EXIF at all."""
    try:
        return parse()
    except (
        ArithmeticError, AttributeError, LookupError, OSError, SyntaxError, TypeError, ValueError,
        struct.error,
    ):  # fmt: skip
        return otherwise
