"""Where the weights of a run start."""

import torch
from torch import Tensor

from swinir.images.resize import cubic
from swinir.network import Head, SwinIR

QUIET = 0.05
"""Factor on what is random in the two layers that write the image, so that the start is clean."""


def sub_pixel_kernels(scale: int) -> Tensor:
    """Three-tap cubic interpolation for each sub-pixel position: ``(scale, 3)``, rows sum to 1."""
    offset = (torch.arange(scale) + 0.5) / scale - 0.5
    taps = cubic(torch.arange(-1, 2)[None] - offset[:, None])
    return taps / taps.sum(1, keepdim=True)


@torch.no_grad()
def start_as_interpolation(network: SwinIR) -> None:
    """Set fresh weights so that the network enlarges like an interpolation before any step.

    The image is passed through the first channels of the shallow features to the sub-pixel
    convolution, which interpolates; the deep features start almost silent. A short run is spared
    the iterations in which a random network learns to copy its input.

    Raises:
        ValueError: the head has more than one convolution.
    """
    config = network.config
    if config.head is not Head.PIXELSHUFFLE_DIRECT:
        raise ValueError(
            f"start = 'interpolation' is for a {Head.PIXELSHUFFLE_DIRECT} head, "
            f"got {config.head}; use start = 'random'"
        )
    colours = range(config.channels)
    network.conv_first.weight[: config.channels] = 0
    network.conv_first.bias[: config.channels] = 0
    to_pixels = network.head.upsample[0]
    to_pixels.weight *= QUIET
    to_pixels.bias.zero_()
    body = network.conv_after_body
    last = body if isinstance(body, torch.nn.Conv2d) else body[-1]
    last.weight *= QUIET
    last.bias *= QUIET
    taps = sub_pixel_kernels(config.scale)
    kernels = torch.einsum("yi,xj->yxij", taps, taps).flatten(0, 1)
    for colour in colours:
        network.conv_first.weight[colour, colour, 1, 1] = 1
        first = colour * config.scale**2
        to_pixels.weight[first : first + config.scale**2, colour] = kernels
