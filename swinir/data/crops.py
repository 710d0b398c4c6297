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
from swinir.data.onthefly import OnTheFly
from swinir.images.colour import LUMA
from swinir.images.tensors import Image

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


class TexturedCrops:
    """Draws batches of aligned crops, flipped and turned at random.

    A crop is drawn in proportion to its texture, which is bounded from below, so that flat
    regions stay represented, and from above, so that foliage does not take over.
    """

    FLOOR, CEILING = 1.0, 4.0

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        patch: int,
        scale: int,
        seed: int,
        on_the_fly: OnTheFly | None = None,
    ) -> None:
        """Crops of ``patch`` pixels of the degraded images (``patch * scale`` of the truth).

        With ``on_the_fly`` the degraded images of the pairs say only where there is texture.

        Raises:
            ValueError: a degraded image is smaller than a crop and its margin.
        """
        self.pairs, self.patch, self.scale, self.seed = pairs, patch, scale, seed
        self.on_the_fly = on_the_fly
        self.piece = patch + (on_the_fly.margin if on_the_fly else 0)
        for pair in pairs:
            if min(pair.degraded.shape[1:]) < self.piece:
                height, width = pair.degraded.shape[1:]
                raise ValueError(
                    f"{pair.name}: {width}x{height} is smaller than a crop of {self.piece}"
                )
        self.stride = max(1, patch // 2)
        maps = [texture(pair.degraded, self.piece, self.stride) for pair in pairs]
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
        top = min(row * self.stride + int(jitter[0]), height - self.piece)
        left = min(column * self.stride + int(jitter[1]), width - self.piece)
        return pair, top, left

    def crop(self, iteration: int, place: int) -> tuple[Tensor, Tensor]:
        """One crop and its truth: ``(C, P, P)`` and ``(C, P*scale, P*scale)`` in [0, 1], float32.

        On the fly the crop may leave [0, 1].
        """
        rng = np.random.default_rng((self.seed, iteration, place))
        pair, top, left = self._corner(rng)
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))

        def cut(image: Tensor, factor: int) -> Tensor:
            side = self.piece * factor
            piece = image[:, top * factor : top * factor + side, left * factor :][:, :, :side]
            piece = torch.rot90(piece, turns, (1, 2))
            return (piece.flip(2) if mirrored else piece).float() / 255

        truth = cut(pair.truth, self.scale)
        if self.on_the_fly is None:
            return cut(pair.degraded, 1), truth
        image: Image = truth.permute(1, 2, 0).contiguous().numpy()
        degraded = torch.from_numpy(self.on_the_fly.degrade(image, rng)).permute(2, 0, 1)
        down, across = rng.integers(0, self.on_the_fly.margin, 2, endpoint=True).tolist()
        return (
            degraded[:, down : down + self.patch, across : across + self.patch],
            truth[
                :,
                down * self.scale : (down + self.patch) * self.scale,
                across * self.scale : (across + self.patch) * self.scale,
            ],
        )

    def batch(self, iteration: int, size: int) -> tuple[Tensor, Tensor]:
        """A batch: ``(size, C, P, P)`` and ``(size, C, P*scale, P*scale)``, as from `crop`."""
        crops = [self.crop(iteration, place) for place in range(size)]
        degraded, truth = (torch.stack(side) for side in zip(*crops, strict=True))
        return degraded, truth
