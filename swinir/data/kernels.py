"""Blur kernels of the real-world degradations: arrays ``(K, K)`` that sum to one, K odd.

Sources: BSRGAN (arXiv 2103.14006, section 3.1), Real-ESRGAN (arXiv 2107.10833, sections 3.1, 3.3).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

Kernel = NDArray[np.float32]


def gaussian(size: int, sigma: float) -> Kernel:
    """A round Gaussian; ``sigma`` in pixels."""
    return elliptic(size, sigma, sigma, 0.0)


def elliptic(size: int, along: float, across: float, angle: float, *, shape: float = 1.0) -> Kernel:
    """A turned, possibly generalised Gaussian.

    Args:
        size: side in pixels.
        along: standard deviation in pixels in the direction of ``angle``.
        across: the same, at right angles to it.
        angle: in radians from the horizontal.
        shape: exponent of the squared distance; 1 is Gaussian, less has heavier tails.
    """
    return _normalised(np.exp(-0.5 * _distance(size, along, across, angle) ** shape))


def plateau(size: int, along: float, across: float, angle: float, *, shape: float) -> Kernel:
    """A kernel flat in the middle, ``1 / (1 + distance^shape)``; arguments as of `elliptic`."""
    return _normalised(1 / (1 + _distance(size, along, across, angle) ** shape))


def sinc(size: int, cutoff: float) -> Kernel:
    """The round ideal low-pass, which rings; ``cutoff`` in radians a pixel, up to pi."""
    y, x = _grid(size)
    radius = np.hypot(x, y)
    centre = radius == 0
    safe = np.where(centre, 1.0, radius)
    kernel = np.where(
        centre, cutoff**2 / (4 * np.pi), cutoff * j1(cutoff * safe) / (2 * np.pi * safe)
    )
    return _normalised(kernel)


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel has an odd side, got {size}")
    half = size // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    return y, x


def _distance(size: int, along: float, across: float, angle: float) -> NDArray[np.float64]:
    """Squared distance from the centre in standard deviations."""
    y, x = _grid(size)
    turned = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    # A deviation of next to nothing leaves the centre alone, which no blur is.
    return (turned[0] / max(along, 1e-3)) ** 2 + (turned[1] / max(across, 1e-3)) ** 2


def _normalised(kernel: NDArray[np.float64]) -> Kernel:
    return (kernel / kernel.sum()).astype(np.float32)
