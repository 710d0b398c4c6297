"""Where the weights of a run start."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from swinir.checkpoints import load_file
from swinir.network import GroupConv, Head, SwinIR

QUIET = 0.05
"""Factor on the random weights by which deep features reach the image at the start."""


def sub_pixel_kernels(scale: int) -> Tensor:
    """Three-tap parabolic interpolation for each sub-pixel position: ``(scale, 3)``.

    Rows sum to 1.
    """
    at = (torch.arange(scale) + 0.5) / scale - 0.5
    return torch.stack([at * (at - 1) / 2, 1 - at * at, at * (at + 1) / 2], 1)


@torch.no_grad()
def start_as_interpolation(network: SwinIR) -> None:
    """Set fresh weights so that the network enlarges like an interpolation before any step.

    The image is passed through the first channels of the shallow features to the sub-pixel
    convolution, which interpolates; the deep features start almost silent. What enters attention
    and MLPs keeps its variance, where the published start (a standard deviation of 0.02) leaves
    narrow networks all but linear; so does what goes from level to level in a U, whose skips are
    added at first. A short run is spared the iterations in which a random network learns to copy
    its input and to bend.

    Raises:
        ValueError: the head has more than one convolution.
    """
    config = network.config
    _require_head(network, Head.PIXELSHUFFLE_DIRECT, "interpolation")
    # Parameters share their memory with the state dict, under names that all layouts share.
    weights = network.state_dict()
    _keep_variance(network)
    body = "conv_after_body" if config.group_conv is GroupConv.ONE else "conv_after_body.4"
    for name in ("conv_first.weight", "conv_first.bias", f"{body}.bias"):
        weights[name][: config.channels] = 0
    weights[f"{body}.weight"][: config.channels] *= QUIET
    weights["upsample.0.weight"].zero_()
    weights["upsample.0.bias"].zero_()
    taps = sub_pixel_kernels(config.scale)
    kernels = torch.einsum("yi,xj->yxij", taps, taps).flatten(0, 1)
    for colour in range(config.channels):
        weights["conv_first.weight"][colour, colour, 1, 1] = 1
        first = colour * config.scale**2
        weights["upsample.0.weight"][first : first + config.scale**2, colour] = kernels


@torch.no_grad()
def start_as_identity(network: SwinIR) -> None:
    """Set fresh weights so that a network that keeps the size changes its image little at first.

    The image itself is added at the end by the head; the rest starts almost silent, and attention
    and MLPs keep their variance, as in `start_as_interpolation`.

    Raises:
        ValueError: the head does not add the image.
    """
    _require_head(network, Head.RESIDUAL, "identity")
    _keep_variance(network)
    weights = network.state_dict()
    weights["conv_last.weight"] *= QUIET
    weights["conv_last.bias"].zero_()


def _require_head(network: SwinIR, head: Head, start: str) -> None:
    if network.config.head is not head:
        raise ValueError(
            f"start = {start!r} is for a {head} head, got {network.config.head}; "
            "use start = 'random'"
        )


def _keep_variance(network: SwinIR) -> None:
    for name, weight in network.state_dict().items():
        if name.endswith(_ENTRANCES):
            nn.init.trunc_normal_(weight, std=weight.shape[1] ** -0.5)
        elif name.endswith("fusion.weight"):
            # The sum of what comes from below and of the skip.
            weight.copy_(torch.eye(len(weight)).repeat(1, 2))


_ENTRANCES = ("attn.qkv.weight", "mlp.fc1.weight", "reduction.weight", "expansion.weight")
"""Linear layers by which attention, MLPs and the levels of a U are entered."""


def adopt(network: SwinIR, file: Path) -> list[str]:
    """Begin with the weights of a file, of which only what fits is taken.

    Fits what has the same name and shape; so a network for another enlargement gives all but its
    last layers, one with other windows all but its position biases.

    Returns:
        What was not taken, one text for each tensor of ``network``: its name and why.

    Raises:
        ValueError: the file holds no SwinIR, or nothing in it fits.
    """
    offered = load_file(file)[0].state_dict()
    own = network.state_dict()
    taken = {
        name: offered[name]
        for name, value in own.items()
        if name in offered and offered[name].shape == value.shape
    }
    if not any(name.endswith("attn.qkv.weight") for name in taken):
        raise ValueError(
            f"{file}: a warm start takes the Swin blocks of another network, and none of these fit "
            f"({network.config.embed_dim} channels, groups of {network.config.depths} blocks)"
        )
    network.load_state_dict(taken, strict=False)
    return [
        f"{name} ({_shape(offered[name])} there, {_shape(value)} here)"
        if name in offered
        else f"{name} (not there)"
        for name, value in own.items()
        if name not in taken
    ]


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape))


def start_at_random(network: SwinIR) -> None:
    """Leave the published initialisation as it is."""


STARTS: dict[str, Callable[[SwinIR], None]] = {
    "random": start_at_random,
    "interpolation": start_as_interpolation,
    "identity": start_as_identity,
}
"""How a run may start, as a recipe calls it."""
