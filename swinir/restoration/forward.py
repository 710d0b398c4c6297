"""One pass of a tile through the network, guarded against what low precision does to it."""

from threading import Lock
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from swinir.network import SwinIR
from swinir.network.inference import Check, Kernels, accelerated, lowered, plain, use
from swinir.restoration.allocator import keep_freed_memory
from swinir.restoration.backends.compiled import Compiled
from swinir.restoration.backends.runtimes import Backend
from swinir.restoration.devices import PRECISIONS
from swinir.restoration.report import Report

COMPARED = 64
"""Side in pixels of what is computed in both precisions to state the error of the lower."""

PROBED = 32
"""Side in pixels of the pattern on which it is tried whether weights are any good in it."""

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
        floor: float = 0.0,
    ) -> None:
        """Passes on ``device``, where the network must be; weights stay in fp32.

        Tiles of ``side`` pixels a side, in whole windows, go to ``backend`` where there is one;
        what low precision spoils is still redone by torch. A precision in which these weights come
        to less than ``floor`` dB (PSNR) from fp32 is not used.
        """
        self.network = network
        on_cpu = device.type == "cpu"
        if on_cpu:
            keep_freed_memory()
        self._fp32 = accelerated(network) if on_cpu else plain(network)
        if dtype is torch.float32:
            self.own = self._fp32
        else:
            self.own = accelerated(network, dtype) if on_cpu else lowered(network, dtype)
        self._run = self.own
        if backend:
            compiled = Compiled(network, backend, side, fallback=self.own, precision=dtype)
            self._run = plain(compiled)
        self.device = device
        self.dtype = dtype
        self.report = report
        self.padding = padding
        self._floor = floor
        self._settled = self._compared = dtype is torch.float32
        self._settling = Lock()

    def use(self, kernels: Kernels | None) -> None:
        """Have steps computed by ``kernels`` where a tile has one core; None for torch alone."""
        for run in (self._fp32, self.own):
            use(kernels, run)

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
        with self._settling:
            # Other lanes wait for what the first of them finds.
            if not self._settled:
                self._settle()
                self._settled = True
        if not self._compared:
            self._compare(image)
        result = self._run(image, check)
        if self.dtype is not torch.float32 and self._run is not self._fp32:
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

    def _settle(self) -> None:
        """Leave low precision where these weights are no good in it, whatever the picture."""
        if not self._floor:
            return
        config = self.network.config
        side = max(PROBED // config.multiple, 1) * config.multiple
        chance = torch.Generator().manual_seed(0)
        coarse = torch.rand(1, config.channels, 4, 4, generator=chance)
        probe = F.interpolate(coarse, size=(side, side), mode="bilinear").to(self.device)
        fidelity = self._fidelity(probe)
        if fidelity is not None and fidelity < self._floor:
            self.report.refused = self._name
            self.report.fidelity = fidelity
            self._run, self._compared = self._fp32, True

    def _compare(self, image: Tensor) -> None:
        """Note how far low precision is from fp32, in the middle of a tile."""
        self._compared = True
        multiple = self.network.config.multiple
        side = max(COMPARED // multiple * multiple, multiple)
        top, left = (max(length - side, 0) // 2 for length in image.shape[-2:])
        fidelity = self._fidelity(image[:1, :, top : top + side, left : left + side])
        if fidelity is not None:
            self.report.precision, self.report.fidelity = self._name, fidelity

    def _fidelity(self, image: Tensor) -> float | None:
        """PSNR in dB of low precision against fp32; None where it is spoilt, or no other."""
        low = self.own(image)
        if not _is_sound(image, low):
            return None
        error = (low.clamp(0, 1) - self._fp32(image).clamp(0, 1)).square().mean()
        return float(-10 * error.log10()) if error > 0 else None

    @property
    def _name(self) -> str:
        return next(name for name, dtype in PRECISIONS.items() if dtype is self.dtype)


def _is_sound(image: Tensor, result: Tensor) -> bool:
    """Whether all is finite, and not black where the image was anything but dark."""
    if not result.isfinite().all():
        return False
    return bool(result.amax() > BLACK) or bool(image.mean() < DARK)
