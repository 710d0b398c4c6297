"""Random training crops, drawn where photographs have texture.

Every draw is a pure function of (seed, iteration, place in the batch): a run that resumes, or
that loads on another number of processes, sees the same crops.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from swinir.data.datasets import Pair

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)


def texture(degraded: Tensor, patch: int, stride: int) -> Tensor:
    """Mean gradient of the luma in each candidate crop: uint8 ``(3, H, W) -> (rows, columns)``.

    In levels of 255 per pixel. Candidate (r, c) has its corner at (r, c) * stride.
    """
    luma = (degraded.float() * LUMA).sum(0)
    gradient = torch.zeros_like(luma)
    gradient[:, 1:] += (luma[:, 1:] - luma[:, :-1]).abs()
    gradient[1:] += (luma[1:] - luma[:-1]).abs()
    return F.avg_pool2d(gradient[None], patch, stride)[0]


class TexturedCrops:
    """Draws batches of aligned crops, flipped and turned at random.

    A crop is drawn in proportion to its texture, which is bounded from below, so that flat
    regions stay represented, and from above, so that foliage does not take over.
    """

    FLOOR, CEILING = 1.0, 4.0

    def __init__(self, pairs: Sequence[Pair], *, patch: int, scale: int, seed: int) -> None:
        """Crops of ``patch`` pixels of the degraded images (``patch * scale`` of the truth).

        Raises:
            ValueError: a degraded image is smaller than ``patch``.
        """
        for pair in pairs:
            if min(pair.degraded.shape[1:]) < patch:
                height, width = pair.degraded.shape[1:]
                raise ValueError(f"{pair.name}: {width}x{height} is smaller than a crop of {patch}")
        self.pairs, self.patch, self.scale, self.seed = pairs, patch, scale, seed
        self.stride = max(1, patch // 2)
        maps = [texture(pair.degraded, patch, self.stride) for pair in pairs]
        self.columns = [each.shape[1] for each in maps]
        self.first = np.cumsum([0, *(each.numel() for each in maps)])
        weights = torch.cat([each.flatten() for each in maps]).clamp(self.FLOOR, self.CEILING)
        self.cumulated: NDArray[np.float64] = np.cumsum(weights.double().numpy())

    def _corner(self, rng: np.random.Generator) -> tuple[Pair, int, int]:
        drawn = np.searchsorted(self.cumulated, rng.random() * self.cumulated[-1], side="right")
        number = int(np.searchsorted(self.first, drawn, side="right")) - 1
        row, column = divmod(int(drawn - self.first[number]), self.columns[number])
        pair = self.pairs[number]
        height, width = pair.degraded.shape[1:]
        jitter = rng.integers(0, self.stride, 2, endpoint=True)
        top = min(row * self.stride + int(jitter[0]), height - self.patch)
        left = min(column * self.stride + int(jitter[1]), width - self.patch)
        return pair, top, left

    def crop(self, iteration: int, place: int) -> tuple[Tensor, Tensor]:
        """One crop and its truth: ``(3, P, P)`` and ``(3, P*scale, P*scale)``, uint8."""
        rng = np.random.default_rng((self.seed, iteration, place))
        pair, top, left = self._corner(rng)
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))

        def cut(image: Tensor, factor: int) -> Tensor:
            side = self.patch * factor
            piece = image[:, top * factor : top * factor + side, left * factor :][:, :, :side]
            piece = torch.rot90(piece, turns, (1, 2))
            return piece.flip(2) if mirrored else piece

        return cut(pair.degraded, 1), cut(pair.truth, self.scale)

    def batch(self, iteration: int, size: int) -> tuple[Tensor, Tensor]:
        """A batch in [0, 1]: ``(size, 3, P, P)`` and ``(size, 3, P*scale, P*scale)``, float32."""
        crops = [self.crop(iteration, place) for place in range(size)]
        degraded, truth = (torch.stack(side).float() / 255 for side in zip(*crops, strict=True))
        return degraded, truth
