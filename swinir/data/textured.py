"""Training crops drawn where photographs have texture."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from swinir.data.cache import Stored, keep
from swinir.data.crops import Crops
from swinir.data.datasets import Pair
from swinir.images.colour import LUMA

_WEIGHTS = torch.tensor(LUMA).view(3, 1, 1)


def texture(degraded: Tensor, patch: int, stride: int) -> Tensor:
    """Mean gradient of the luma in each candidate crop: uint8 ``(C, H, W) -> (rows, columns)``.

    In levels of 255 per pixel. Candidate (r, c) has its corner at (r, c) * stride.
    """
    luma = (degraded.float() * _WEIGHTS).sum(0) if len(degraded) == 3 else degraded[0].float()
    gradient = torch.zeros_like(luma)
    gradient[:, 1:] += (luma[:, 1:] - luma[:, :-1]).abs()
    gradient[1:] += (luma[1:] - luma[:-1]).abs()
    return F.avg_pool2d(gradient[None], patch, stride)[0]


def stride_of(patch: int) -> int:
    """Pixels between candidate crops."""
    return max(1, patch // 2)


def texture_of(pair: Pair, patch: int, stride: int) -> Tensor:
    """The `texture` of a pair's degraded image; of one in a cache it is kept beside it.

    Raises:
        OSError: the cache cannot be written.
    """
    kept = pair.kept_degraded
    if not isinstance(kept, Stored):
        return texture(kept, patch, stride)

    def make() -> list[NDArray[np.float32]]:
        return [texture(kept.open(), patch, stride).numpy()]

    place = kept.path.with_suffix(f".texture-{patch}-{stride}.npy")
    # By the pixels, so an entry that does not fit is one of an older photograph: no complaint.
    return keep([place], kept.digest, make, [])[0].open()


class TexturedCrops(Crops):
    """Draws a crop in proportion to its texture.

    That is bounded from below, so that flat regions stay represented, and from above, so that
    foliage does not take over. With ``on_the_fly`` the degraded images of the pairs say only where
    there is texture.
    """

    FLOOR, CEILING = 1.0, 4.0

    def _look(self) -> None:
        self.stride = stride_of(self.patch)
        grids = [self._grid(pair) for pair in self.pairs]
        self.columns = [columns for _, columns in grids]
        self.first = np.cumsum([0, *(rows * columns for rows, columns in grids)])
        # One array for all: small ones that stay between large ones that go would tear the memory.
        weights = np.empty(self.first[-1])
        for number, pair in enumerate(self.pairs):
            found = texture_of(pair, self.piece, self.stride).flatten()
            weights[self.first[number] : self.first[number + 1]] = found.numpy()
        self.cumulated: NDArray[np.float64] = np.cumsum(weights.clip(self.FLOOR, self.CEILING))

    def _grid(self, pair: Pair) -> tuple[int, int]:
        """Rows and columns of candidate crops."""
        rows, columns = ((side - self.piece) // self.stride + 1 for side in pair.size)
        return rows, columns

    def _corner(self, rng: np.random.Generator) -> tuple[Pair, int, int]:
        drawn = np.searchsorted(self.cumulated, rng.random() * self.cumulated[-1], side="right")
        number = int(np.searchsorted(self.first, drawn, side="right")) - 1
        row, column = divmod(int(drawn - self.first[number]), self.columns[number])
        pair = self.pairs[number]
        height, width = pair.size
        jitter = rng.integers(0, self.stride, 2, endpoint=True)
        top = min(row * self.stride + int(jitter[0]), height - self.piece)
        left = min(column * self.stride + int(jitter[1]), width - self.piece)
        return pair, top, left
