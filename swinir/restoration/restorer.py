"""The engine: an image or a picture in, the restored one out."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swinir.images.alpha import bleed
from swinir.images.picture import Picture
from swinir.images.tensors import to_image, to_tensor
from swinir.lines import is_out_of_memory
from swinir.network import SwinIR
from swinir.restoration.backends.choice import AUTO, TORCH, pick_backend, precisions_of
from swinir.restoration.backends.names import whole_windows
from swinir.restoration.channels import Run, for_alpha, for_channels, weakened
from swinir.restoration.devices import pick_device, pick_precision
from swinir.restoration.ensemble import SYMMETRIES, ensemble
from swinir.restoration.forward import Forward, Padding
from swinir.restoration.lanes import lanes
from swinir.restoration.memory import NotEnoughMemory, holding, require, within_grid
from swinir.restoration.planner import Planner
from swinir.restoration.report import Report
from swinir.restoration.sharing import Shared, further_devices
from swinir.restoration.watch import Cancelled, Progress, Watch
from swinir.tiling import Mapper, Tile, blend, longest_side, plan

__all__ = ["Cancelled", "NotEnoughMemory", "Restorer"]

log = logging.getLogger(__name__)

FAITHFUL = 50.0
"""PSNR in dB against fp32 that a low precision which nobody asked for must reach."""


class Restorer:
    """Restores images with one network; used by everything that restores.

    Image and result stay in the memory of the CPU, only tiles visit the device; all GPUs, where the
    device is cuda and no number says which. Where memory runs out, tiles are halved and the image
    begun again; later images keep the smaller tiles.

    Attributes:
        scale: enlargement.
        channels: of the network; images of the other kind are converted, see `channels`.
        precision: computed in.
        tile_passes: passes of a tile through the network.
        report: what departed from the expected so far.
    """

    def __init__(
        self,
        network: SwinIR,
        *,
        device: str = "auto",
        precision: str = "auto",
        tile: int | Literal["auto"] = "auto",
        overlap: int = 32,
        tta: bool = False,
        strength: float = 1.0,
        padding: Padding = "needed",
        memory: int | None = None,
        backend: str = AUTO,
    ) -> None:
        """Move the network to the device, in evaluation mode.

        Args:
            network: with its weights.
            device: auto, cpu, cuda, cuda:1 ... or mps.
            precision: auto, fp32, bf16 or fp16; what low precision spoils is redone in fp32. Auto
                leaves a low precision that comes to less than `FAITHFUL` with these weights.
            tile: side in input pixels, rounded up to whole windows; 0 for the whole picture, auto
                for what takes least time in the free memory, see `Planner`.
            overlap: input pixels that neighbouring tiles share, at most half a tile.
            tta: average over the eight flips and turns of each tile.
            strength: 1 for the restoration as it is, 0 for the input enlarged by bicubic; what is
                between is a blend of both.
            padding: how a tile becomes whole windows; "published" is for reproducing the papers'
                figures, with ``tile`` 0.
            memory: bytes that an auto tile may take; None for half of what is free.
            backend: what computes, torch being our own computation: a name of
                `backends.choice.NAMES`; auto for what was measured to be quickest. Others take
                tiles of one size, of side ``tile``; what is smaller goes through torch.

        Raises:
            ValueError: an option that means nothing, or a device that is not there.
        """
        if isinstance(tile, str) and tile != "auto":
            raise ValueError(f"tile is auto or a number of pixels, got {tile!r}")
        if isinstance(tile, int) and tile < 0:
            raise ValueError(f"tile is at least 0 (the whole picture), got {tile}")
        if overlap < 0:
            raise ValueError(f"overlap is at least 0 pixels, got {overlap}")
        if not 0 <= strength <= 1:
            raise ValueError(f"strength is in 0 to 1, got {strength}")
        if memory is not None and memory < 1:
            raise ValueError(f"memory is at least 1 byte, got {memory}")
        self.device = pick_device(device)
        self.network = network.to(self.device).eval()
        self.scale = network.config.scale
        self.channels = network.config.channels
        self.tile = tile
        self.overlap = overlap
        self.memory = memory
        self.strength = strength
        self.report = Report()
        self.precision = pick_precision(precision, self.device, precisions_of(backend))
        self.padding: Padding = padding
        self._planner = Planner(
            network, self.device, self.precision, overlap=overlap, memory=memory
        )
        # What was measured to be quicker holds for tiles that we choose.
        quicker = (tile == "auto" and self._planner.speed.backend) or ""
        chosen = pick_backend(backend, self.device, self.precision, quicker=quicker)
        if chosen and tile == 0:
            raise ValueError(
                f"backend {chosen.name} computes tiles of one size, got a tile of 0 (the whole "
                f"picture); name a side, or take backend {TORCH}"
            )
        # Of a backend, whose tiles have one size.
        self._side = whole_windows(tile, network.config.multiple) if chosen else 0
        one_of_them = partial(
            Forward,
            dtype=self.precision,
            report=self.report,
            padding=padding,
            backend=chosen,
            side=self._side,
            floor=FAITHFUL if precision == "auto" else 0.0,
        )
        self._forward = one_of_them(self.network, self.device)
        others = [
            one_of_them(deepcopy(self.network).to(each), each)
            for each in further_devices(self.device)
        ]
        self._devices = 1 + len(others)
        self._shared = Shared([self._forward, *others]) if others else self._forward
        self.tile_passes = SYMMETRIES if tta else 1
        self._bound: int | None = None

    def restore(
        self,
        image: NDArray[np.float32],
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.float32]:
        """``(H, W, C) -> (H*s, W*s, C)``, grey or RGB, both in [0, 1].

        Args:
            image: to restore; not changed.
            progress: called with passes through the network done and in all, which begin anew
                with more in all where tiles are halved.
            cancelled: asked before each pass.

        Raises:
            ValueError: not an image, or one that does not fit in memory (`NotEnoughMemory`).
            Cancelled: ``cancelled`` said so.
        """
        return self._restore(image, Watch(progress, cancelled))

    def restore_picture(
        self,
        picture: Picture,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Picture:
        """A picture with all that travels with it; see `restore` for arguments and errors.

        Colours are bled under transparency first, so that it has no dark edge. Transparency itself
        goes through the network as a grey image when it is enlarged, and is kept otherwise.
        """
        alpha = picture.alpha
        if alpha is None:
            pixels = self._restore(picture.pixels, Watch(progress, cancelled))
            return replace(picture, pixels=pixels)
        watch = Watch(progress, cancelled, layers=1 if self.scale == 1 else 2)
        pixels = self._restore(bleed(picture.pixels, alpha), watch)
        if self.scale > 1:
            alpha = self._restore(alpha[..., None], watch, alpha=True)[..., 0]
        return replace(picture, pixels=pixels, alpha=alpha)

    def measure(self, height: int, width: int) -> None:
        """Find out which tiles are quickest, if that pays for an image of this size."""
        if self.tile == "auto" and not self._side:
            self._planner.measure(self._forward, height, width)

    def expected_seconds(self, height: int, width: int) -> float | None:
        """How long an image will take, where that was ever measured; transparency aside."""
        tiles = self.tiles(height, width)
        alone = self._planner.expected_seconds(tiles, self.tile_passes)
        return None if alone is None else alone / min(self._devices, len(tiles))

    @torch.inference_mode()
    def _restore(
        self, image: NDArray[np.float32], watch: Watch, *, alpha: bool = False
    ) -> NDArray[np.float32]:
        if image.ndim != 3 or 0 in image.shape:
            raise ValueError(f"an image is (H, W, C) and not empty, got shape {image.shape}")
        if not np.isfinite(image).all():
            raise ValueError("the pixels of an image are numbers in [0, 1], got NaN or infinity")
        run = self.passes(image.shape[2], watch)
        if alpha:
            run = for_alpha(run, self.scale, lambda: watch.step(self.tile_passes))
        height, width = (self.scale * side for side in image.shape[:2])
        channels = image.shape[2]
        what = f"the result of {width}x{height} pixels"
        require(4 * height * width * channels, what)
        with holding(what):
            # Laid out as the array that is given back, of which there must be no second copy.
            canvas = torch.zeros((1, height, width, channels)).permute(0, 3, 1, 2)
            source = to_tensor(image)
        self._fill(canvas, source, run, watch)
        watch.end()
        return to_image(canvas.clamp_(0, 1))

    def passes(self, channels: int, watch: Watch) -> Run:
        """What restores a tile of an image of so many channels, told to ``watch`` pass by pass."""

        def run(tile: Tensor) -> Tensor:
            result = self._shared(tile, watch.check)
            watch.step()
            return result

        turned = ensemble(run) if self.tile_passes > 1 else run
        fitting = for_channels(turned, channels, self.channels, self.scale)
        # Lanes are threads, each of which has to be told.
        return torch.inference_mode()(weakened(fitting, self.strength, self.scale))

    def _fill(self, canvas: Tensor, image: Tensor, run: Run, watch: Watch) -> None:
        """Blend the tiles of an image, halving them until they fit."""
        self.measure(*image.shape[-2:])
        while True:
            tiles = self.tiles(*image.shape[-2:])
            watch.begin(len(tiles) * self.tile_passes)
            try:
                with self.side_by_side(tiles, watch) as each:
                    return blend(run, image, tiles, scale=self.scale, canvas=canvas, each=each)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Out of the handler, where the exception no longer holds on to the tensors.
            self.halve(tiles)
            canvas.zero_()

    def tiles(self, height: int, width: int) -> Sequence[Tile]:
        """How an image of this size is cut, row by row."""
        config = self.network.config
        if self._side:
            side = self._side
        elif isinstance(self.tile, str):
            side = self._planner.side(height, width)
        else:
            side = self.tile
        if self._bound is not None:
            side = min(side or self._bound, self._bound)
        if self.device.type == "cuda":
            side = within_grid(side, height, width, config)
        fixed = side == self._side
        step = config.multiple
        tiles = plan(height, width, tile=side, overlap=self.overlap, step=step, fixed=fixed)
        self.report.tile = longest_side(tiles)
        return tiles

    def side_by_side(self, tiles: Sequence[Tile], watch: Watch) -> AbstractContextManager[Mapper]:
        """What runs a function over tiles of a picture, several at once where that is quicker."""
        self._planner.equip(self._forward, tiles, self.tile_passes)
        # A backend has its own way of using all cores.
        count = 1 if self._side else self._planner.lanes(tiles)
        return lanes(count * min(self._devices, len(tiles)), watch.stop)

    def halve(self, tiles: Sequence[Tile]) -> None:
        """Have tiles of half the size from here on, as these do not fit.

        Raises:
            NotEnoughMemory: they are as small as can be.
        """
        step, side = self.network.config.multiple, longest_side(tiles)
        if side <= step:
            raise NotEnoughMemory(
                f"not enough memory on {self.device} for a tile of {step} pixels, the smallest "
                "there is; free some, or choose a smaller network or another device"
            )
        self._bound = -(-side // (2 * step)) * step
        self.report.halvings += 1
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning("out of memory on %s: tiles of %d pixels from here", self.device, self._bound)
