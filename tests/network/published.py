"""The published kinds of SwinIR and Swin2SR, their state-dict keys and their sizes.

Written down from the published checkpoints, without the package: figures are those of the release
files, or of the published network where no public list has them; keys leave out ``attn_mask``,
``relative_position_index`` and ``relative_coords_table``, which are geometry.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from swinir.network import Attention, GroupConv, Head, Norm, SwinIR, SwinIRConfig

BLOCK = (
    "norm1.weight",
    "norm1.bias",
    "attn.relative_position_bias_table",
    "attn.qkv.weight",
    "attn.qkv.bias",
    "attn.proj.weight",
    "attn.proj.bias",
    "norm2.weight",
    "norm2.bias",
    "mlp.fc1.weight",
    "mlp.fc1.bias",
    "mlp.fc2.weight",
    "mlp.fc2.bias",
)

BLOCK_V2 = (
    "norm1.weight",
    "norm1.bias",
    "attn.logit_scale",
    "attn.cpb_mlp.0.weight",
    "attn.cpb_mlp.0.bias",
    "attn.cpb_mlp.2.weight",
    "attn.qkv.weight",
    "attn.q_bias",
    "attn.v_bias",
    "attn.proj.weight",
    "attn.proj.bias",
    "norm2.weight",
    "norm2.bias",
    "mlp.fc1.weight",
    "mlp.fc1.bias",
    "mlp.fc2.weight",
    "mlp.fc2.bias",
)

HEAD_LAYERS = {
    ("pixelshuffle", 2): "conv_before_upsample.0 upsample.0 conv_last",
    ("pixelshuffle", 3): "conv_before_upsample.0 upsample.0 conv_last",
    ("pixelshuffle", 4): "conv_before_upsample.0 upsample.0 upsample.2 conv_last",
    ("pixelshuffle", 8): "conv_before_upsample.0 upsample.0 upsample.2 upsample.4 conv_last",
    ("pixelshuffle_aux", 4): "conv_bicubic conv_before_upsample.0 conv_aux conv_after_aux.0 "
    "upsample.0 upsample.2 conv_last",
    ("pixelshuffledirect", 2): "upsample.0",
    ("pixelshuffledirect", 3): "upsample.0",
    ("pixelshuffledirect", 4): "upsample.0",
    ("nearest+conv", 2): "conv_before_upsample.0 conv_up1 conv_hr conv_last",
    ("nearest+conv", 4): "conv_before_upsample.0 conv_up1 conv_up2 conv_hr conv_last",
    ("residual", 1): "conv_last",
}


@dataclass(frozen=True)
class Kind:
    """One row of the release: what the files of a family have in common."""

    name: str
    head: str
    parameters: dict[int, int]  # of each scale
    depths: tuple[int, ...] = (6,) * 6
    embed_dim: int = 180
    heads: int = 6
    channels: int = 3
    window: int = 8
    img_range: float = 1.0
    group_conv: str = "1conv"
    v2: bool = False

    def config(
        self, scale: int, *, depths: tuple[int, ...] | None = None, embed_dim: int | None = None
    ) -> SwinIRConfig:
        """The configuration for ``scale``; smaller than published where asked."""
        depths = depths or self.depths
        v2 = {"attention": Attention.COSINE, "norm": Norm.POST, "projection": True}
        return SwinIRConfig(
            head=Head(self.head),
            scale=scale,
            channels=self.channels,
            embed_dim=embed_dim or self.embed_dim,
            depths=depths,
            num_heads=(self.heads,) * len(depths),
            window=self.window,
            group_conv=GroupConv(self.group_conv),
            img_range=self.img_range,
            **(v2 if self.v2 else {}),
        )

    def keys(self, scale: int) -> set[str]:
        """Every key of the published state dict."""
        body = {"1conv": [""], "3conv": [".0", ".2", ".4"]}[self.group_conv]
        layers = ["conv_first", "patch_embed.norm", "norm"]
        layers += [f"conv_after_body{part}" for part in body]
        layers += HEAD_LAYERS[self.head, scale].split()
        layers += ["patch_embed.proj"] * self.v2
        keys: set[str] = set()
        for group, depth in enumerate(self.depths):
            layers += [f"layers.{group}.conv{part}" for part in body]
            blocks = [f"layers.{group}.residual_group.blocks.{number}" for number in range(depth)]
            layers += [f"layers.{group}.patch_embed.proj"] * self.v2
            names = BLOCK_V2 if self.v2 else BLOCK
            keys |= {f"{block}.{name}" for block in blocks for name in names}
        return keys | {f"{layer}.{part}" for layer in layers for part in ("weight", "bias")}


KINDS = (
    Kind("classical", "pixelshuffle", {2: 11752487, 3: 11937127, 4: 11900199, 8: 12047911}),
    Kind(
        "lightweight",
        "pixelshuffledirect",
        {2: 910152, 3: 918267, 4: 929628},
        depths=(6,) * 4,
        embed_dim=60,
    ),
    Kind("real medium", "nearest+conv", {2: 11678631, 4: 11715559}),
    Kind(
        "real large",
        "nearest+conv",
        {4: 28013059},
        depths=(6,) * 9,
        embed_dim=240,
        heads=8,
        group_conv="3conv",
    ),
    Kind("gray denoising", "residual", {1: 11497681}, channels=1),
    Kind("colour denoising", "residual", {1: 11504163}),
    Kind("gray JPEG", "residual", {1: 11485585}, channels=1, window=7, img_range=255.0),
    Kind("colour JPEG", "residual", {1: 11492067}, window=7, img_range=255.0),
)

KINDS_V2 = (
    Kind("Swin2SR classical", "pixelshuffle", {2: 12091571, 4: 12239283}, v2=True),
    Kind("Swin2SR compressed", "pixelshuffle_aux", {4: 12244598}, v2=True),
    Kind(
        "Swin2SR lightweight",
        "pixelshuffledirect",
        {2: 1005348},
        depths=(6,) * 4,
        embed_dim=60,
        v2=True,
    ),
    Kind("Swin2SR real", "nearest+conv", {4: 12054643}, v2=True),
    Kind("Swin2SR JPEG", "residual", {1: 11836765}, channels=1, window=7, img_range=255.0, v2=True),
)

EVERY_SCALE_V2 = [(kind, scale) for kind in KINDS_V2 for scale in kind.parameters]
NAMES_V2 = [f"{kind.name} x{scale}" for kind, scale in EVERY_SCALE_V2]

EVERY_SCALE = [(kind, scale) for kind in KINDS for scale in kind.parameters]
NAMES = [f"{kind.name} x{scale}" for kind, scale in EVERY_SCALE]


def random_network(config: SwinIRConfig, seed: int = 0) -> SwinIR:
    """A float64 network in which every parameter matters: no bias at 0, no norm at 1."""
    network = SwinIR(config).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(_scaled(name, noise))
    return network


def _scaled(name: str, noise: Tensor) -> Tensor:
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.2 * noise
    if name.endswith("logit_scale"):
        return 2 + 0.5 * noise
    if "bias" in name:
        return 0.3 * noise
    return noise / noise[0].numel() ** 0.5
