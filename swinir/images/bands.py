"""A TIFF of any size, read in bands of rows of which only the strips or tiles are unpacked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from swinir.images import tiff
from swinir.images.decoding import SIGNATURES, judged, undisturbed
from swinir.images.files import opened
from swinir.images.metadata import collect
from swinir.images.picture import UnreadableImage
from swinir.images.samples import Samples, to_floats

LARGEST_PIECE = 1 << 28
"""Bytes of a strip or tile; a single one that holds the whole picture saves no memory."""

CHANGED = "the file has changed since its restoration began; give the same command again"


def look(path: Path) -> tiff.Layout | None:
    """What the directory of a TIFF says; None for any other file, and for a damaged one."""
    try:
        with opened(path) as file, judged("TIFF"):
            if SIGNATURES.get(file.read(4)) != "TIFF":
                return None
            file.seek(0)
            with undisturbed():
                return tiff.read_layout(file)
    except UnreadableImage:
        return None


class Bands:
    """A TIFF whose pixels stay on the disk.

    Attributes:
        path: where it is.
        shape: ``(H, W, C)``, grey or RGB.
        depth: bits a sample, 8 or 16.
        metadata: colour profile, EXIF, XMP, resolution.
        frames: pages in the file, of which this is the first.
        state: size in bytes and time of the last change of the file that was opened.
    """

    def __init__(self, path: Path) -> None:
        """Look at the directory of a TIFF; its pixels are read by `read`.

        Raises:
            UnreadableImage: a file that is damaged, or whose pixels cannot be had band by band.
        """
        self.path = path
        with opened(path) as file, judged("TIFF"):
            self.state = _state(file)
            with undisturbed():
                layout = tiff.read_layout(file)
                self.metadata, _ = collect(layout.info, layout.exif, {}, in_tiff=True)
                _check_kind(layout)
                file.seek(0)
                whole = tifffile.TiffFile(file)
                self._page = whole.pages.first
            self.shape = layout.height, layout.width, layout.colours
            self.depth = max(layout.bits)
            self.frames = layout.pages
            self._inverted = layout.photometric == tiff.WHITE_IS_ZERO
            self._dtype = np.dtype(f"{whole.byteorder}u{self.depth // 8}")
            self._mapped = self._page.is_memmappable
            self._check_extent()

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows ``start`` to ``stop``, the end excluded: ``(stop - start, W, C)`` in [0, 1].

        Raises:
            UnreadableImage: damaged pixels, or a file that is another than was opened.
        """
        band = np.empty((stop - start, *self.shape[1:]), np.float32)
        with opened(self.path) as file, judged("TIFF"):
            # What is mapped and then cut off would end the program without a word.
            if _state(file) != self.state:
                raise UnreadableImage(CHANGED)
            pieces = (
                self._map(file, start, stop) if self._mapped else self._unpack(file, start, stop)
            )
            for row, column, samples in pieces:
                height, width = samples.shape[:2]
                first, last = max(row, start), min(row + height, stop)
                band[first - start : last - start, column : column + width] = self._to_floats(
                    samples[first - row : last - row]
                )
        return band

    def _map(self, file: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, int, Samples]]:
        _, width, channels = self.shape
        offset = self._page.dataoffsets[0] + start * width * channels * self._dtype.itemsize
        shape = (stop - start, width, channels)
        yield start, 0, np.memmap(file, self._dtype, "r", offset, shape)

    def _unpack(self, file: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, int, Samples]]:
        height, width, _ = self.shape
        across, rows = self._grid
        for at in range(start // rows * across, -(-stop // rows) * across):
            file.seek(self._page.dataoffsets[at])
            stored = file.read(self._page.databytecounts[at])
            decoded, (_, _, row, column, _), _ = self._page.decode(stored, at)
            samples: NDArray[Any] = np.asarray(decoded)[0]
            if samples.shape[0] < min(rows, height - row):
                raise UnreadableImage("a strip or tile of the TIFF is too short; copy it again")
            yield row, column, samples[: height - row, : width - column]

    @property
    def _grid(self) -> tuple[int, int]:
        """Tiles side by side (1 for strips), and the rows of each."""
        page = self._page
        if page.is_tiled:
            return -(-self.shape[1] // page.tilewidth), page.tilelength
        return 1, min(page.rowsperstrip, self.shape[0])

    def _to_floats(self, samples: Samples) -> NDArray[np.float32]:
        if self._inverted:
            samples = np.iinfo(samples.dtype).max - samples
        return to_floats(samples)[0]

    def _check_extent(self) -> None:
        page, (height, width, channels) = self._page, self.shape
        across, rows = self._grid
        piece = rows * -(-width // across) * channels * self._dtype.itemsize
        if piece > LARGEST_PIECE and not self._mapped:
            _refuse(f"strips or tiles of {piece / 2**20:.0f} MiB")
        starts, sizes = page.dataoffsets, page.databytecounts
        if not len(starts) == len(sizes) == across * -(-height // rows):
            raise UnreadableImage(
                f"the TIFF data is damaged or incomplete ({len(starts)} strips or tiles of pixels "
                f"and {len(sizes)} sizes of them); copy or download it again"
            )
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        if self._mapped:
            ends.append(starts[0] + page.nbytes)
        if min(sizes) == 0 or max(ends) > self.state[0]:
            raise UnreadableImage("the TIFF ends before its pixels do; copy or download it again")


def _check_kind(layout: tiff.Layout) -> None:
    kinds = {
        f"{max(layout.bits)} bits a sample": set(layout.bits) not in ({8}, {16}),
        "other colours": layout.photometric
        not in (tiff.WHITE_IS_ZERO, tiff.BLACK_IS_ZERO, tiff.RGB),
        f"{len(layout.bits)} samples a pixel": len(layout.bits) != layout.colours,
        "a plane for each colour": layout.planar and layout.colours > 1,
        f"orientation {layout.orientation}": layout.orientation != 1,
        _name(layout.compression): layout.compression not in tiff.BY_TIFFFILE,
    }
    if wrong := [kind for kind, is_found in kinds.items() if is_found]:
        _refuse(", ".join(wrong))


def _refuse(found: str) -> None:
    raise UnreadableImage(
        "a TIFF that is too large to be held must be grey or RGB of 8 or 16 bits, upright, without "
        f"transparency, its strips or tiles small, deflated or plain; got {found}; "
        "save it so (vips tiffsave --tile --compression deflate)"
    )


def _state(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _name(compression: int) -> str:
    known = {int(each): each.name for each in tifffile.COMPRESSION}
    return f"{known.get(compression, compression)} compression"
