"""What distinguishes one SwinIR from another, and a Swin2SR from both."""

from dataclasses import dataclass
from enum import StrEnum


class Head(StrEnum):
    """The reconstruction that turns deep features into an image (SwinIR paper, section 3.1)."""

    PIXELSHUFFLE = "pixelshuffle"
    """Classical super-resolution: one sub-pixel step per factor of 2 or 3."""
    PIXELSHUFFLE_AUX = "pixelshuffle_aux"
    """Compressed super-resolution: a clean small image in between, enlarged beside the bicubic."""
    PIXELSHUFFLE_DIRECT = "pixelshuffledirect"
    """Lightweight super-resolution: a single sub-pixel step straight to the image."""
    NEAREST_CONV = "nearest+conv"
    """Real-world super-resolution: nearest-neighbour steps of 2, a convolution after each."""
    RESIDUAL = "residual"
    """Denoising and JPEG: the network predicts what to add to its input."""


class Attention(StrEnum):
    """How tokens of a window are compared."""

    DOT = "dot"
    """Scaled dot product and a table of position biases (Swin Transformer)."""
    COSINE = "cosine"
    """Cosine with a learned scale, and a continuous position bias (Swin Transformer V2)."""


class Norm(StrEnum):
    """Where a block's norms are on its residual branches."""

    PRE = "pre"
    """At the beginning (Swin Transformer)."""
    POST = "post"
    """At the end, so that branches add up with equal variance (Swin Transformer V2)."""


class Shape(StrEnum):
    """How the residual groups follow each other."""

    FLAT = "flat"
    """All at the size of the image and of one width (SwinIR)."""
    U = "u"
    """Down a hierarchy by patch merging, as in Swin Transformer, and up again, with skips."""


class GroupConv(StrEnum):
    """The convolution that closes each residual group."""

    ONE = "1conv"
    THREE = "3conv"


SCALES: dict[Head, tuple[int, ...]] = {
    Head.PIXELSHUFFLE: (2, 3, 4, 8),
    Head.PIXELSHUFFLE_AUX: (2, 3, 4, 8),
    Head.PIXELSHUFFLE_DIRECT: (2, 3, 4, 8),
    Head.NEAREST_CONV: (2, 4),
    Head.RESIDUAL: (1,),
}
"""The enlargements that each head can make."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SwinIRConfig:
    """Hyper-parameters of the network; the defaults are the paper's medium model.

    A Swin2SR has cosine attention, norms at the end of branches, and projections.

    Attributes:
        head: reconstruction at the end of the network.
        scale: enlargement, output side over input side.
        channels: image channels, 1 (grey) or 3 (RGB).
        embed_dim: channels of the feature maps, ``C``; of a U at full size.
        depths: Swin blocks in each residual group.
        num_heads: attention heads in each residual group.
        window: side of the attention window in pixels.
        mlp_ratio: hidden channels of the MLP over those of its feature maps.
        group_conv: convolution that closes each residual group.
        attention: how tokens of a window are compared.
        norm: where a block's norms are.
        projection: whether a 1x1 convolution precedes the first norm and follows ``group_conv``.
        shape: how groups follow each other. Group i of the L of a U is at level min(i, L - 1 - i);
            at level k maps have ``embed_dim * 2**k`` channels, and sides of 1/2**k.
        img_range: factor applied to images in [0, 1] before the first convolution.
        drop_path: chance that the last block is skipped in training; earlier ones in proportion.

    Raises:
        ValueError: a combination that no SwinIR can have.
    """

    head: Head
    scale: int = 1
    channels: int = 3
    embed_dim: int = 180
    depths: tuple[int, ...] = (6, 6, 6, 6, 6, 6)
    num_heads: tuple[int, ...] = (6, 6, 6, 6, 6, 6)
    window: int = 8
    mlp_ratio: float = 2.0
    group_conv: GroupConv = GroupConv.ONE
    attention: Attention = Attention.DOT
    norm: Norm = Norm.PRE
    projection: bool = False
    shape: Shape = Shape.FLAT
    img_range: float = 1.0
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        if self.scale not in SCALES[self.head]:
            allowed = ", ".join(map(str, SCALES[self.head]))
            raise ValueError(f"a {self.head} head has scale {allowed}, got scale={self.scale}")
        if self.channels not in (1, 3):
            raise ValueError(f"channels is 1 (grey) or 3 (RGB), got {self.channels}")
        if self.head is Head.PIXELSHUFFLE_AUX and self.channels != 3:
            raise ValueError(f"a {self.head} head has channels 3 (RGB), got {self.channels}")
        if self.window < 2:
            raise ValueError(f"window is at least 2 pixels, got {self.window}")
        if self.img_range <= 0:
            raise ValueError(f"img_range is positive, got {self.img_range}")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path is in [0, 1), got {self.drop_path}")
        self._check_trunk()

    def _check_trunk(self) -> None:
        if self.embed_dim < 1:
            raise ValueError(f"embed_dim is at least 1, got {self.embed_dim}")
        if not self.depths or len(self.depths) != len(self.num_heads):
            raise ValueError(
                "depths and num_heads have one entry per residual group, "
                f"got {len(self.depths)} and {len(self.num_heads)}"
            )
        if min(self.depths) < 1 or min(self.num_heads) < 1:
            raise ValueError(
                f"depths and num_heads are at least 1, got {self.depths} and {self.num_heads}"
            )
        if self.shape is Shape.U and (len(self.depths) < 3 or len(self.depths) % 2 == 0):
            raise ValueError(
                f"a U has an odd number of residual groups, at least 3, got {len(self.depths)}"
            )
        for index, heads in enumerate(self.num_heads):
            if self.width(index) % heads:
                level = self.level(index)
                what = f"embed_dim * {2**level}" if level else "embed_dim"
                raise ValueError(
                    f"{what} is a multiple of num_heads, got {self.width(index)} and {heads}"
                )
        if int(self.embed_dim * self.mlp_ratio) < 1:
            raise ValueError(f"mlp_ratio leaves no hidden channel, got {self.mlp_ratio}")

    @property
    def levels(self) -> int:
        """How many sizes the feature maps have; 1 where the network is flat."""
        return (len(self.depths) + 1) // 2 if self.shape is Shape.U else 1

    @property
    def multiple(self) -> int:
        """What the sides of an image are extended to a multiple of: whole windows at all levels."""
        return self.window * 2 ** (self.levels - 1)

    def level(self, group: int) -> int:
        """How often the maps of a residual group were halved."""
        return min(group, len(self.depths) - 1 - group) if self.shape is Shape.U else 0

    def width(self, group: int) -> int:
        """Channels of the feature maps of a residual group."""
        return self.embed_dim * 2 ** self.level(group)
