"""Networks whose answer is known."""

from collections.abc import Callable

import pytest
from torch import Tensor
from torch.nn import functional as F

from swinir.network import Head, SwinIR, SwinIRConfig

Build = Callable[..., SwinIR]


@pytest.fixture
def build() -> Build:
    """A small SwinIR, or one of its kind that does as a given function does."""

    def network(
        scale: int = 1, channels: int = 3, forward: Callable[[Tensor], Tensor] | None = None
    ) -> SwinIR:
        head = Head.RESIDUAL if scale == 1 else Head.PIXELSHUFFLE_DIRECT
        made = SwinIR(
            SwinIRConfig(
                head=head,
                scale=scale,
                channels=channels,
                embed_dim=12,
                depths=(1,),
                num_heads=(2,),
                window=4,
            )
        )
        if forward:
            made.forward = forward
        return made

    return network


@pytest.fixture
def repeat(build: Build) -> Build:
    """A network that enlarges by repeating pixels."""

    def network(scale: int = 1, channels: int = 3) -> SwinIR:
        def forward(image: Tensor) -> Tensor:
            assert image.shape[1] == channels
            return F.interpolate(image, scale_factor=scale, mode="nearest")

        return build(scale, channels, forward)

    return network
