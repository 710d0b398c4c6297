"""A Swin2SR computes what Hugging Face transformers compute."""

import pytest
import torch
from torch import Tensor

from swinir.checkpoints.transformers_layout import from_transformers, to_transformers
from swinir.network import SwinIR, SwinIRConfig
from tests.network.published import EVERY_SCALE_V2, NAMES_V2, Kind, random_network

transformers = pytest.importorskip("transformers", reason="needs transformers")


def twin(network: SwinIR) -> torch.nn.Module:
    """The same network by transformers, from a configuration alone."""
    it = network.config
    config = transformers.Swin2SRConfig(
        image_size=8 * it.window,
        num_channels=it.channels,
        embed_dim=it.embed_dim,
        depths=list(it.depths),
        num_heads=list(it.num_heads),
        window_size=it.window,
        mlp_ratio=it.mlp_ratio,
        upscale=it.scale,
        img_range=it.img_range,
        resi_connection=it.group_conv.value,
        upsampler=it.head.value,
    )
    theirs = transformers.Swin2SRForImageSuperResolution(config).eval()
    # Of other sizes than whole windows their network makes nothing: another program mirrors first.
    theirs.load_state_dict(to_transformers(network.state_dict()), strict=True)
    return theirs


def outcomes(config: SwinIRConfig, height: int, width: int) -> tuple[Tensor, Tensor]:
    """What the network and its twin make of one image in float32."""
    network = random_network(config).float()
    theirs = twin(network)
    image = torch.rand(2, config.channels, height, width)
    if config.head.value == "pixelshuffle_aux":
        # They enlarge the image as it is, the published network with its mean colour taken off.
        theirs.upsample.register_forward_pre_hook(
            lambda _, given: (given[0], (given[1] - network.mean) * config.img_range, *given[2:])
        )
    with torch.no_grad():
        ours, reconstruction = network(image), theirs(image).reconstruction
    if config.head.value == "residual":
        # They divide the image that they add by its range too, though it was never multiplied.
        reconstruction = reconstruction + image - image / config.img_range
    return ours, reconstruction


@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE_V2, ids=NAMES_V2)
def test_every_published_swin2sr_equals_that_of_transformers(kind: Kind, scale: int) -> None:
    config = kind.config(scale, depths=(2, 2), embed_dim=12)
    ours, theirs = outcomes(config, 2 * kind.window, 3 * kind.window)
    assert ours.std() > 1e-2
    assert (ours - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("scale", [2, 3, 8])
def test_other_enlargements_equal_those_of_transformers(scale: int) -> None:
    config = EVERY_SCALE_V2[0][0].config(scale, depths=(2,), embed_dim=12)
    ours, theirs = outcomes(config, 16, 16)
    assert (ours - theirs).abs().max() < 1e-5


@pytest.mark.parametrize(("kind", "scale"), EVERY_SCALE_V2, ids=NAMES_V2)
def test_their_full_size_names_and_shapes_are_converted_whole(kind: Kind, scale: int) -> None:
    with torch.device("meta"):
        network = SwinIR(kind.config(scale))
        theirs = twin(network).state_dict()
    back = from_transformers(theirs)
    own = network.state_dict()
    assert {name: value.shape for name, value in back.items()} == {
        name: value.shape for name, value in own.items()
    }
