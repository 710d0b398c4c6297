"""Real-world degradations: a sharp photograph becomes a small, blurred, noisy, compressed one.

Every draw comes from the generator that is handed in, so that a sample is a function of its seed.
Images are RGB or grey ``(H, W, C)`` in [0, 1].
"""

from collections.abc import Callable

import cv2
import numpy as np

from swinir.data import kernels
from swinir.data.kernels import Kernel
from swinir.images.colour import LUMA
from swinir.images.jpeg import compress
from swinir.images.tensors import Image

Rng = np.random.Generator

INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)


def bsrgan(image: Image, scale: int, rng: Rng) -> Image:
    """BSRGAN's shuffled pipeline (arXiv 2103.14006): ``(H, W, C) -> (H/scale, W/scale, C)``.

    Two blurs, two shrinkings, noise and JPEG in random order, the second shrinking after the first,
    and JPEG at the end. For x4 one image in four is halved beforehand.

    Args:
        image: sides are multiples of ``scale``.
        scale: 2 or 4.
        rng: source of every draw.
    """
    height, width = (side // scale for side in image.shape[:2])
    left = scale
    if scale == 4 and rng.random() < 0.25:
        image, left = _resize(image, height * 2, width * 2, _interpolation(rng)), 2
    first_size = image.shape[:2]

    def second_shrinking(current: Image) -> Image:
        return _resize(current, height, width, _interpolation(rng))

    steps: list[Callable[[Image], Image]] = [
        lambda it: _bsrgan_blur(it, left, rng),
        lambda it: _bsrgan_blur(it, left, rng),
        lambda it: _bsrgan_shrink(it, left, first_size, rng),
        second_shrinking,
        lambda it: _bsrgan_noise(it, rng),
        lambda it: compress(it, int(rng.integers(30, 96))) if rng.random() < 0.9 else it,
    ]
    order = rng.permutation(len(steps)).tolist()
    first, second = order.index(2), order.index(3)
    if first > second:
        order[first], order[second] = 3, 2
    for number in order:
        image = np.clip(steps[number](image), 0, 1)
    return compress(image, int(rng.integers(30, 96)))


def real_esrgan(image: Image, scale: int, rng: Rng) -> Image:
    """Real-ESRGAN's second-order pipeline (arXiv 2107.10833), with the published probabilities.

    Blur, resizing, noise and JPEG, twice with other strengths, then a sinc filter and JPEG in
    either order: ``(H, W, C) -> (H/scale, W/scale, C)``. Sides are multiples of ``scale``.
    """
    full = image.shape[:2]
    small = (full[0] // scale, full[1] // scale)
    image = _filter(image, _second_order_kernel(rng, widest=3.0))
    image = _random_resize(image, full, rng, chances=(0.2, 0.7, 0.1), reach=(0.15, 1.5))
    image = _second_order_noise(image, rng, sigma=(1, 30), poisson=(0.05, 3))
    image = compress(image, int(rng.integers(30, 96)))
    if rng.random() < 0.8:
        image = _filter(image, _second_order_kernel(rng, widest=1.5))
    image = _random_resize(image, small, rng, chances=(0.3, 0.4, 0.3), reach=(0.3, 1.2))
    image = _second_order_noise(image, rng, sigma=(1, 25), poisson=(0.05, 2.5))
    return _finish(image, small, rng)


def _finish(image: Image, size: tuple[int, int], rng: Rng) -> Image:
    """Back to the size wanted with ringing, and JPEG before or after it."""
    quality, interpolation = int(rng.integers(30, 96)), _interpolation(rng)
    ringing = kernels.gaussian(3, 1e-3)
    if rng.random() < 0.8:
        ringing = kernels.sinc(_odd_size(rng), rng.uniform(np.pi / 3, np.pi))
    if rng.random() < 0.5:
        image = _filter(_resize(image, *size, interpolation), ringing)
        return compress(np.clip(image, 0, 1), quality)
    image = compress(np.clip(image, 0, 1), quality)
    image = np.clip(_filter(_resize(image, *size, interpolation), ringing), 0, 1)
    return np.round(image * 255).astype(np.float32) / np.float32(255)


def _interpolation(rng: Rng) -> int:
    return int(rng.choice(INTERPOLATIONS))


def _odd_size(rng: Rng) -> int:
    return 2 * int(rng.integers(3, 11)) + 1


def _resize(image: Image, height: int, width: int, interpolation: int) -> Image:
    made = cv2.resize(image, (max(width, 1), max(height, 1)), interpolation=interpolation)
    return np.asarray(made, np.float32).reshape(*made.shape[:2], image.shape[2])


def _filter(image: Image, kernel: Kernel) -> Image:
    # Turned over, because OpenCV correlates; borders mirror without repeating the edge.
    made = cv2.filter2D(image, -1, kernel[::-1, ::-1], borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(made, np.float32).reshape(image.shape)


def _bsrgan_blur(image: Image, scale: int, rng: Rng) -> Image:
    size = 2 * int(rng.integers(2, 12)) + 3
    if rng.random() < 0.5:
        along, across = np.sqrt((4 + scale) * rng.random(2))
        kernel = kernels.elliptic(size, along, across, np.pi * rng.random())
    else:
        kernel = kernels.gaussian(size, (2 + 0.2 * scale) * rng.random())
    return _filter(image, kernel)


def _bsrgan_shrink(image: Image, scale: int, first_size: tuple[int, ...], rng: Rng) -> Image:
    """The first shrinking: by a random factor, or every n-th pixel after a shifted Gaussian."""
    if rng.random() < 0.75:
        factor = rng.uniform(1, 2 * scale)
        height, width = (round(side / factor) for side in first_size[:2])
        return _resize(image, height, width, _interpolation(rng))
    kernel = kernels.gaussian(25, rng.uniform(0.1, 0.6 * scale))
    # Towards the corner, so that every n-th pixel is the middle of its block.
    shift = (1 - scale) * 0.5
    move = np.array([[1, 0, shift], [0, 1, shift]], np.float32)
    moved = np.asarray(cv2.warpAffine(kernel, move, kernel.shape[::-1]), np.float32)
    return _filter(image, moved / moved.sum())[::scale, ::scale].copy()


def _bsrgan_noise(image: Image, rng: Rng) -> Image:
    """White noise in each channel, in all alike, or correlated between them."""
    level, kind = int(rng.integers(2, 26)) / 255, rng.random()
    height, width, channels = image.shape
    if kind > 0.6 or channels == 1:
        noise = rng.normal(0, level, image.shape)
    elif kind < 0.4:
        noise = rng.normal(0, level, (height, width, 1))
    else:
        basis = np.linalg.qr(rng.random((3, 3)))[0]
        covariance = np.abs((25 / 255) ** 2 * basis.T @ np.diag(rng.random(3)) @ basis)
        noise = rng.multivariate_normal(
            np.zeros(3), covariance, (height, width), check_valid="ignore"
        )
    return (image + noise).astype(np.float32)


def _second_order_kernel(rng: Rng, *, widest: float) -> Kernel:
    size = _odd_size(rng)
    if rng.random() < 0.1:
        # A small filter may not cut as low: it would not be a low-pass at all.
        lowest = np.pi / 3 if size < 13 else np.pi / 5
        return kernels.sinc(size, rng.uniform(lowest, np.pi))
    make, round_, shapes = (
        (kernels.elliptic, True, (1.0, 1.0)),
        (kernels.elliptic, False, (1.0, 1.0)),
        (kernels.elliptic, True, (0.5, 4.0)),
        (kernels.elliptic, False, (0.5, 4.0)),
        (kernels.plateau, True, (1.0, 2.0)),
        (kernels.plateau, False, (1.0, 2.0)),
    )[int(rng.choice(6, p=(0.45, 0.25, 0.12, 0.03, 0.12, 0.03)))]
    along, across = rng.uniform(0.2, widest, 2)
    low, high = shapes
    shape = rng.uniform(low, 1) if rng.random() < 0.5 else rng.uniform(1, high)
    angle = rng.uniform(-np.pi, np.pi)
    return make(size, along, along if round_ else across, angle, shape=shape)


def _random_resize(
    image: Image,
    size: tuple[int, int],
    rng: Rng,
    *,
    chances: tuple[float, float, float],
    reach: tuple[float, float],
) -> Image:
    """Larger, smaller or as it is, with these chances; ``size`` is what a factor of one gives."""
    kind = int(rng.choice(3, p=chances))
    factor = (rng.uniform(1, reach[1]), rng.uniform(reach[0], 1), 1.0)[kind]
    height, width = (int(side * factor) for side in size)
    return _resize(image, height, width, _interpolation(rng))


def _second_order_noise(
    image: Image, rng: Rng, *, sigma: tuple[float, float], poisson: tuple[float, float]
) -> Image:
    """Gaussian or Poisson noise, the same in all channels in two images of five."""
    gaussian, alike = rng.random() < 0.5, rng.random() < 0.4
    if gaussian:
        shape = (*image.shape[:2], 1) if alike else image.shape
        noise = rng.normal(0, rng.uniform(*sigma) / 255, shape)
    else:
        seen = (
            image @ np.array(LUMA, np.float32)[:, None] if alike and image.shape[2] == 3 else image
        )
        clean = np.round(np.clip(seen, 0, 1) * 255) / 255
        levels = 2 ** np.ceil(np.log2(len(np.unique(clean))))
        noise = (rng.poisson(clean * levels) / levels - clean) * rng.uniform(*poisson)
    return np.clip(image + noise, 0, 1).astype(np.float32)
