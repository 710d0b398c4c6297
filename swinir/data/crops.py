"""Random training crops.

Every draw is a pure function of (seed, iteration, place in the batch): a run that resumes, or
that loads on another number of processes, sees the same crops.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from swinir.data.datasets import Pair
from swinir.data.onthefly import OnTheFly
from swinir.images.tensors import Image


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Draws aligned crops, flipped and turned at random.

    Every photograph is as likely as any other, and so is every place in it, which is the papers'
    way. As a dataset its indices are (iteration, place in the batch), without end. It can be sent
    to another process: of photographs in a cache only their places are.
    """

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

        With ``on_the_fly`` the truth alone is cut, and degraded then.

        Raises:
            ValueError: a degraded image is smaller than a crop and its margin.
            OSError: the cache cannot be written.
        """
        self.pairs, self.patch, self.scale, self.seed = pairs, patch, scale, seed
        self.on_the_fly = on_the_fly
        self.piece = patch + (on_the_fly.margin if on_the_fly else 0)
        for pair in pairs:
            height, width = pair.size
            if min(height, width) < self.piece:
                raise ValueError(
                    f"{pair.name}: {width}x{height} is smaller than a crop of {self.piece}"
                )
        self._look()

    def _look(self) -> None:
        """Look at the pairs once, where that decides what is drawn."""

    def _corner(self, rng: np.random.Generator) -> tuple[Pair, int, int]:
        """A pair, and the row and column where a crop of its degraded image begins."""
        pair = self.pairs[int(rng.integers(len(self.pairs)))]
        top, left = (int(rng.integers(side - self.piece, endpoint=True)) for side in pair.size)
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

    def __getitem__(self, index: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The `crop` of an (iteration, place)."""
        return self.crop(*index)
