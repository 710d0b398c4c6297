"""One pass of a tile through the network, guarded against what low precision does to it."""

from typing import Literal

import torch
from torch import Tensor

from swinir.network import SwinIR
from swinir.network.inference import Check, Pass, accelerated, plain
from swinir.restoration.backends.compiled import Compiled
from swinir.restoration.backends.runtimes import Backend
from swinir.restoration.devices import PRECISIONS
from swinir.restoration.report import Report

COMPARED = 64
"""Side in pixels of what is computed in both precisions to state the error of the lower."""

DARK = 0.05
BLACK = 1 / 255


Padding = Literal["needed", "published"]
"""How a tile becomes whole windows: as far as needed, or always further, as the public script."""


def extend_as_published(image: Tensor, step: int) -> Tensor:
    """Mirror at the bottom and the right: ``(B, C, H, W) -> (B, C, H', W')``.

    To the next multiple of ``step`` (a window) above the side, a whole one more where it is one;
    the edge row is repeated. The papers' figures were made so (test script of SwinIR). A side
    shorter than what it lacks is only doubled; the network does the rest.
    """
    for dim in (2, 3):
        side = image.shape[dim]
        lacking = (side // step + 1) * step - side
        mirrored = image.flip(dim).narrow(dim, 0, min(lacking, side))
        image = torch.cat([image, mirrored], dim)
    return image


class Forward:
    """The only place where a Restorer calls its network, and where its padding is decided.

    Attributes:
        own: a pass by torch in ``dtype``, not guarded; not a backend's.
    """

    def __init__(
        self,
        network: SwinIR,
        device: torch.device,
        dtype: torch.dtype,
        report: Report,
        *,
        padding: Padding = "needed",
        backend: Backend | None = None,
        side: int = 0,
    ) -> None:
        """Passes on ``device``, where the network must be; weights stay in fp32.

        Tiles of ``side`` pixels a side, in whole windows, go to ``backend`` where there is one;
        what low precision spoils is still redone by torch.
        """
        self.network = network
        self._fp32 = accelerated(network) if device.type == "cpu" else plain(network)
        self.own: Pass = self._fp32 if dtype is torch.float32 else self._low
        self._run = self.own
        if backend:
            compiled = Compiled(network, backend, side, fallback=self.own, precision=dtype)
            self._run = plain(compiled)
        self.device = device
        self.dtype = dtype
        self.report = report
        self.padding = padding
        self._compared = False

    @torch.inference_mode()
    def __call__(self, tile: Tensor, check: Check | None = None) -> Tensor:
        """``(1, C, h, w) -> (1, C, h*s, w*s)``, float32 and on the device of the tile.

        ``check`` is called before the pass, and within it where it takes long; it may raise.

        Raises:
            ValueError: NaN or infinity in fp32.
        """
        if check:
            check()
        image = tile.to(self.device)
        config = self.network.config
        if self.padding == "published":
            image = extend_as_published(image, config.multiple)
        height, width = (side * config.scale for side in tile.shape[-2:])
        return self._guarded(image, check)[..., :height, :width].to(tile.device)

    def _guarded(self, image: Tensor, check: Check | None) -> Tensor:
        if self.dtype is not torch.float32 and not self._compared:
            self._compare(image)
        result = self._run(image, check)
        if self.dtype is not torch.float32:
            if _is_sound(image, result):
                return result
            self.report.redone += 1
            result = self._fp32(image, check)
        if not result.isfinite().all():
            raise ValueError(
                "the network's result must be numbers, got NaN or infinity in fp32; "
                "the weights are damaged or do not belong to this configuration"
            )
        return result

    def _compare(self, image: Tensor) -> None:
        """Note how far low precision is from fp32, in the middle of a tile."""
        step = self.network.config.multiple
        side = max(COMPARED // step * step, step)
        top, left = (max(length - side, 0) // 2 for length in image.shape[-2:])
        part = image[:1, :, top : top + side, left : left + side]
        self._compared = True
        low = self._low(part)
        if not _is_sound(part, low):
            return
        error = (low.clamp(0, 1) - self._fp32(part).clamp(0, 1)).square().mean()
        if error > 0:
            names = {dtype: name for name, dtype in PRECISIONS.items()}
            self.report.precision = names[self.dtype]
            self.report.fidelity = float(-10 * error.log10())

    def _low(self, image: Tensor, check: Check | None = None) -> Tensor:
        with torch.autocast(self.device.type, self.dtype):
            return self.network(image).float()


def _is_sound(image: Tensor, result: Tensor) -> bool:
    """Whether all is finite, and not black where the image was anything but dark."""
    if not result.isfinite().all():
        return False
    return bool(result.amax() > BLACK) or bool(image.mean() < DARK)
