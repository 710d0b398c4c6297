"""What training minimises: functions of restored images and truths, ``(B, C, H, W)`` in [0, 1].

Each stands under the name that a recipe calls it by; the loss is their weighted sum, `Objective`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Term = Callable[[Tensor, Tensor], Tensor]
"""``(restored, truth) -> ()``, float32."""

CHARBONNIER_EPSILON = 1e-9


def l1(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error, the loss of the papers' super-resolution."""
    return F.l1_loss(restored, truth)


def charbonnier(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean of ``sqrt(error^2 + 1e-9)``, the loss of the papers' denoising and JPEG."""
    return (restored - truth).square().add(CHARBONNIER_EPSILON).sqrt().mean()


def frequency(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of the Fourier coefficients, real and imaginary parts apart.

    Coefficients are those of the orthonormal transform, so that white errors weigh as in `l1`.
    """
    ours, theirs = (
        torch.view_as_real(torch.fft.rfft2(image.float(), norm="ortho"))
        for image in (restored, truth)
    )
    return F.l1_loss(ours, theirs)


TERMS: dict[str, Term] = {"l1": l1, "charbonnier": charbonnier, "frequency": frequency}
"""Terms that need nothing but the images."""
