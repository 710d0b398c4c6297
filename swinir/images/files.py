"""Pictures in files: find, read, write.

Inside the package a picture is RGB or grey in floats; whatever else files hold is known in this
folder alone. Reading takes any grey, RGB, palette or CMYK picture with or without alpha; of an
animation or several pages the first, the others counted in `Picture.frames`. Content decides what
a file is, never its name.

Writing keeps depth, colours, alpha and metadata as far as the format can:

=====  ============  =========  ==========================================
       bits          alpha      metadata
=====  ============  =========  ==========================================
PNG    8, 16         kept       profile, EXIF, XMP, resolution, text
TIFF   8, 16         kept       profile, EXIF, XMP, resolution, some text
WebP   8, lossless   kept       profile, EXIF, XMP; resolution within EXIF
JPEG   8, 4:4:4      on white   profile, EXIF, XMP, resolution, comment
BMP    8             on white   resolution
=====  ============  =========  ==========================================
"""

import os
import re
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from swinir.images import encoding
from swinir.images.decoding import MAX_PIXELS, decode
from swinir.images.metadata import Metadata
from swinir.images.picture import Picture, UnreadableImage
from swinir.writing import replacing

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "WRITABLE",
    "Metadata",
    "Picture",
    "UnreadableImage",
    "check_size",
    "find_images",
    "opened",
    "read",
    "write",
]

WRITABLE: dict[str, str] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
"""Suffixes that `write` knows, and the format of each."""

SUFFIXES: frozenset[str] = frozenset({*WRITABLE, ".gif"})
"""Suffixes in lower case of the files that `find_images` finds."""


def find_images(
    folder: Path, *, unreadable: Callable[[Path, OSError], None] | None = None
) -> list[Path]:
    """All images in a folder and its sub-folders, by their suffix, in natural order.

    Numbers in names count as numbers (``2.png`` before ``10.png``), case does not matter. Names
    that begin with a dot or a tilde are skipped. Links are followed, each folder visited once.
    ``unreadable`` is told of each folder that cannot be listed, and why; the others are searched.

    Raises:
        OSError: a folder that cannot be listed, where there is nobody to tell.
    """
    found = _walk(folder, unreadable or _refuse)
    return sorted(found, key=lambda path: _natural_key(path.relative_to(folder)))


def check_size(path: Path, height: int, width: int) -> None:
    """Refuse a picture of so many pixels as `write` would, before there is one.

    Raises:
        ValueError: a suffix that is not written, or a size that its format cannot hold.
    """
    encoding.check_size(_format_for(path), height, width)


def read(path: Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image; of several frames or pages the first.

    EXIF orientation is applied. CMYK becomes RGB. Samples of 1 to 8 bits are given the depth 8.

    Raises:
        UnreadableImage: nothing to be had from this file, in one line; more than ``max_pixels``
            are refused before any is decoded.
    """
    with opened(path) as file:
        return decode(file, max_pixels)


@contextmanager
def opened(path: Path) -> Generator[BinaryIO]:
    """Open an image file, and tell what goes wrong with it within the block in one line.

    Raises:
        UnreadableImage: the file cannot be had, or is refused within the block.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableImage("an image is a file, got a folder; name the files in it")
        if not stat.S_ISREG(mode):
            # A pipe would wait for its writer for ever.
            raise UnreadableImage("an image is a regular file, got a device or a pipe")
        with path.open("rb") as file:
            yield file
            return
    except UnreadableImage as error:
        reason = str(error)
    except PermissionError:
        reason = "the file may not be read (permission denied); change its permissions"
    except FileNotFoundError:
        reason = "there is no such file; check the name"
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror or error}); check the disk"
    raise UnreadableImage(f"{path}: {reason}")


def write(path: Path, picture: Picture, *, quality: int = 95) -> None:
    """Write an image in the format of its suffix, whole or not at all.

    ``quality`` in 1 to 100 is that of JPEG; the other formats lose nothing but depth (see the
    table above). A colour profile for other colours than these (a grey one on RGB) is left out,
    as is from PNG what others could not read: a profile of over 1 MiB, texts of over 32 in all.

    Raises:
        ValueError: a suffix, size, quality or pixel that cannot be written.
        OSError: the disk refuses; nothing is left behind, an older file stays as it was.
    """
    kind = _format_for(path)
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is in 1 to 100, got {quality}")
    # A folder whose name is mistyped shall not come into being.
    path.parent.stat()
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        encoding.encode(file, picture, kind, quality)


def _format_for(path: Path) -> str:
    kind = WRITABLE.get(path.suffix.lower())
    if kind is None:
        raise ValueError(
            f"{path}: the suffix must be one of {', '.join(WRITABLE)}, got {path.suffix!r}"
        )
    return kind


def _walk(folder: Path, unreadable: Callable[[Path, OSError], None]) -> Iterator[Path]:
    # Folders may be nested deeper than Python's calls.
    waiting, visited = [folder], set[tuple[int, int]]()
    while waiting:
        current = waiting.pop()
        try:
            entries = _new_entries(current, visited)
        except OSError as error:
            unreadable(current, error)
            continue
        for entry in entries:
            if entry.name.startswith((".", "~")):
                continue
            path = current / entry.name
            if _is_folder(entry):
                waiting.append(path)
            elif path.suffix.lower() in SUFFIXES:
                yield path


def _new_entries(folder: Path, visited: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in visited:
        return []
    visited.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        return list(entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, say; if it is named like an image, reading it tells.
        return False


def _refuse(_: Path, error: OSError) -> None:
    raise error


def _natural_key(path: Path) -> tuple[list[list[str | int]], str]:
    def tokens(name: str) -> list[str | int]:
        # Text and digits take turns, so that like is compared with like.
        pieces = re.split("([0-9]+)", name.casefold())
        return [int(piece) if at % 2 else piece for at, piece in enumerate(pieces)]

    return [tokens(part) for part in path.parts], str(path)
