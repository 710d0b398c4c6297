"""A TIFF that is written from top to bottom, in as many runs as it takes.

The directory stands first, in room that is kept for it; strips of deflated rows follow, each at the
end of what is there. After a kill the file is cut back to the last strip that is known to be on the
disk, and grows from there to the same bytes. The numbers of the directory are filled in at the end:
before that no program takes the file for a picture.
"""

import os
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from swinir.images import tiff
from swinir.images.metadata import Metadata
from swinir.images.samples import to_samples


class Strips:
    """Rows into a TIFF, a BigTIFF where 4 GiB might not do.

    Attributes:
        shape: of the picture.
        depth: bits a sample.
        rows: of a strip; the last may have fewer.
        sizes: bytes of each strip so far.
    """

    def __init__(
        self, file: BinaryIO, shape: tuple[int, int, int], depth: int, metadata: Metadata
    ) -> None:
        """Rows of a picture ``(H, W, C)`` of 8 or 16 bits into a file open for reading and writing.

        Whatever the file holds is of no account before `go_on`.
        """
        self.shape, self.depth = shape, depth
        self._file, self._metadata = file, metadata
        self.rows = tiff.rows_of_strip(*shape[1:], depth)
        self.sizes: list[int] = []
        self._big = must_be_big(shape, depth)
        self._start = len(self._head([0] * -(-shape[0] // self.rows)))

    @property
    def written(self) -> int:
        """Rows so far."""
        return min(len(self.sizes) * self.rows, self.shape[0])

    def go_on(self, sizes: Sequence[int]) -> bool:
        """Keep strips of these sizes, drop what follows them, and go on there; none: begin.

        False, and nothing done, where the file does not hold as much.
        """
        end = self._start + sum(sizes)
        if sizes and os.fstat(self._file.fileno()).st_size < end:
            return False
        # What begins anew keeps no directory of what was there before.
        self._file.truncate(end if sizes else 0)
        self._file.truncate(end)
        self._file.seek(end)
        self.sizes = list(sizes)
        return True

    def append(self, pixels: NDArray[np.float32]) -> None:
        """Write rows ``(h, W, C)`` in [0, 1]: whole strips of them, or all that are left.

        Raises:
            OSError: the disk refuses.
        """
        for row in range(0, len(pixels), self.rows):
            strip = tiff.pack(to_samples(pixels[row : row + self.rows], None, self.depth))
            self._file.write(strip)
            self.sizes.append(len(strip))

    def flush(self) -> None:
        """Bring the rows to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Write the directory; all rows must be there."""
        self._file.seek(0)
        self._file.write(self._head(self.sizes))
        self._file.flush()

    def _head(self, sizes: Sequence[int]) -> bytes:
        return tiff.head(self.shape, self.depth, self._metadata, sizes, big=self._big)


def plain_size(shape: tuple[int, int, int], depth: int) -> int:
    """Bytes of the samples ``(H, W, C)`` before deflation."""
    height, width, channels = shape
    return height * width * channels * depth // 8


def must_be_big(shape: tuple[int, int, int], depth: int) -> bool:
    """Whether a picture ``(H, W, C)`` might not fit the 4 GiB of a TIFF."""
    # Noise grows by deflation, by less than a hundredth.
    return plain_size(shape, depth) * 1.01 > tiff.LARGEST - tiff.MARGIN
