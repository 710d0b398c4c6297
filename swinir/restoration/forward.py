"""One pass of a tile through the network, guarded against what low precision does to it."""

import torch
from torch import Tensor

from swinir.network import SwinIR
from swinir.restoration.report import Report

DARK = 0.05
BLACK = 1 / 255


class Forward:
    """The only place where a Restorer calls its network, so where padding would be decided.

    At present the network mirrors a tile up to whole windows by itself.
    """

    def __init__(
        self, network: SwinIR, device: torch.device, dtype: torch.dtype, report: Report
    ) -> None:
        """Passes on ``device``, where the network must be; weights stay in fp32."""
        self.network = network
        self.device = device
        self.dtype = dtype
        self.report = report

    @torch.inference_mode()
    def __call__(self, tile: Tensor) -> Tensor:
        """``(1, C, h, w) -> (1, C, h*s, w*s)``, float32 and on the device of the tile.

        Raises:
            ValueError: NaN or infinity in fp32.
        """
        image = tile.to(self.device)
        if self.dtype is not torch.float32:
            with torch.autocast(self.device.type, self.dtype):
                result = self.network(image).float()
            if _is_sound(image, result):
                return result.to(tile.device)
            self.report.redone += 1
        result = self.network(image)
        if not result.isfinite().all():
            raise ValueError(
                "the network's result must be numbers, got NaN or infinity in fp32; "
                "the weights are damaged or do not belong to this configuration"
            )
        return result.to(tile.device)


def _is_sound(image: Tensor, result: Tensor) -> bool:
    """Whether all is finite, and not black where the image was anything but dark."""
    if not result.isfinite().all():
        return False
    return bool(result.amax() > BLACK) or bool(image.mean() < DARK)
