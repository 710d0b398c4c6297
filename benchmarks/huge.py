"""A picture that memory should not have to hold, and how much of it its restoration takes."""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
import torch
from tqdm import tqdm

from swinir.images.bands import Bands
from swinir.network import Head, SwinIR, SwinIRConfig
from swinir.restoration.huge import restore_rows
from swinir.restoration.restorer import Restorer

SIDE = 256
"""Of the tiles that the file is stored in."""


def make(path: Path, height: int, width: int, *, deflated: bool) -> None:
    """Write an RGB picture of noise in tiles, of which one is in memory at a time."""
    noise = np.random.default_rng(0).integers(0, 32, (SIDE, SIDE, 3), np.uint8)
    count = -(-height // SIDE) * -(-width // SIDE)
    tifffile.imwrite(
        path,
        (noise + np.uint8(at % 224) for at in range(count)),
        shape=(height, width, 3),
        dtype=np.uint8,
        photometric="rgb",
        tile=(SIDE, SIDE),
        compression="zlib" if deflated else None,
    )


def tiny(scale: int) -> SwinIR:
    """A network that does next to nothing, as its time is not what is asked."""
    torch.manual_seed(0)
    head = Head.RESIDUAL if scale == 1 else Head.PIXELSHUFFLE_DIRECT
    config = SwinIRConfig(head=head, scale=scale, embed_dim=4, depths=(1,), num_heads=(1,))
    return SwinIR(config)


def main(words: Sequence[str] | None = None) -> int:
    """Make a picture, restore it, print the peak of the memory and what whole floats would take."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--height", type=int, default=20000)
    arguments.add_argument("--width", type=int, default=30000)
    arguments.add_argument("--scale", type=int, default=1)
    arguments.add_argument("--tile", type=int, default=256)
    arguments.add_argument("--deflated", action="store_true", help="the source is, as well")
    arguments.add_argument("--folder", type=Path, help="where the files go for the while")
    options = arguments.parse_args(words)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source, target = Path(folder) / "in.tif", Path(folder) / "out.tif"
        make(source, options.height, options.width, deflated=options.deflated)
        restorer = Restorer(tiny(options.scale), device="cpu", tile=options.tile, overlap=8)
        before, started = _peak(), time.perf_counter()
        with tqdm(unit="tile", disable=not sys.stderr.isatty()) as bar:

            def advance(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            restore_rows(restorer, Bands(source), target, progress=advance)
        seconds, size = time.perf_counter() - started, target.stat().st_size
    floats = 4 * 3 * options.height * options.width * (1 + options.scale**2)
    print(
        f"{options.width}x{options.height} x{options.scale}: {seconds:.0f} s, result of "
        f"{size / 2**20:.0f} MiB; peak of the process {_peak() / 2**20:.0f} MiB, of which "
        f"{before / 2**20:.0f} before; whole in floats {floats / 2**20:.0f} MiB"
    )
    return 0


def _peak() -> int:
    # Linux counts KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
