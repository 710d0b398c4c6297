"""A trained `SwinIR` as a graph of ONNX, for tiles of one size and any number of them.

Written node by node: torch's exporter takes a hundred times as long, and needs more packages. It
computes as `swinir.network.inference` does: tokens stay in the order of windows between blocks, and
what norms and the attention multiply is part of the layers beside them. The mask is a constant that
all shifted blocks share.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from swinir import __version__
from swinir.network import SwinIR
from swinir.network.blocks import RSTB, SwinBlock
from swinir.network.config import Attention, Norm, Shape
from swinir.network.folded import Dense, FoldedBlock
from swinir.network.heads import NearestConv, PixelShuffle, PixelShuffleDirect, Residual
from swinir.network.token_order import Geometry, geometry
from swinir.restoration.backends.names import BATCH, INPUT, OUTPUT

OPSET, IR_VERSION = 20, 10
"""The oldest with GELU as one step (onnx 1.16), so that as many programs as can be read it."""


class Graph:
    """Nodes and constants in the making; values go by their names."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: Tensor) -> str:
        """A tensor that does not depend on the image."""
        name = f"constant_{len(self.constants)}"
        array = value.detach().cpu().contiguous().numpy()
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def add(self, kind: str, *inputs: str | Tensor, **attributes: Any) -> str:
        """A step of the ONNX operator ``kind``; the name of what it gives."""
        names = [self.constant(it) if isinstance(it, Tensor) else it for it in inputs]
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], name=output, **attributes))
        return output

    def reshape(self, x: str, *sides: int) -> str:
        """Lay out ``x`` anew; a side of 0 stays as it is."""
        name = f"sides_{'_'.join(map(str, sides))}"
        self.constants[name] = numpy_helper.from_array(np.array(sides, np.int64), name)
        return self.add("Reshape", x, name)

    def transpose(self, x: str, *order: int) -> str:
        """``x`` with its dimensions in another order."""
        return self.add("Transpose", x, perm=order)

    def norm(self, x: str, gain: Tensor, epsilon: float, *bias: Tensor) -> str:
        """Normalise the last dimension."""
        return self.add("LayerNormalization", x, gain, *bias, axis=-1, epsilon=epsilon)

    def dense(self, x: str, weight: Tensor, bias: Tensor) -> str:
        """``x @ weight + bias`` over the last dimension."""
        return self.add("Add", self.add("MatMul", x, weight), bias)

    def layer(self, x: str, module: nn.Module) -> str:
        """A convolution or what stands between convolutions: ``(B, C, H, W)``."""
        match module:
            case nn.Sequential():
                for each in module:
                    x = self.layer(x, each)
                return x
            case nn.Conv2d():
                around = [cast(int, side) for side in module.padding] * 2
                bias = () if module.bias is None else (module.bias,)
                return self.add("Conv", x, module.weight, *bias, pads=around)
            case nn.LeakyReLU():
                return self.add("LeakyRelu", x, alpha=module.negative_slope)
            case nn.PixelShuffle():
                return self.add("DepthToSpace", x, blocksize=module.upscale_factor, mode="CRD")
            case _:
                raise ValueError(f"no ONNX is known for {type(module).__name__} in a network")


class Trunk:
    """The Swin blocks of a network on maps of one size, ``(B, H*W, C)``."""

    def __init__(self, graph: Graph, network: SwinIR, height: int, width: int) -> None:
        """Write to ``graph``; sides in whole windows."""
        self.graph = graph
        self.sides = (height, width)
        self.dim, self.area = network.config.embed_dim, network.config.window**2
        kind = network.mean.dtype
        side = network.config.window
        self.where: Geometry = geometry(1, height, width, side, kind, torch.device("cpu"))
        unmasked = torch.zeros(self.where.plain, self.area, self.area, dtype=kind)
        mask = torch.cat([unmasked, self.where.mask])
        self.mask = graph.constant(mask[None, :, None])
        self.ones = torch.ones(self.dim, dtype=kind)

    def tokens(self, x: str) -> str:
        """``(B, C, H, W) -> (B, H*W, C)``."""
        return self.graph.reshape(self.graph.transpose(x, 0, 2, 3, 1), 0, -1, self.dim)

    def pixels(self, x: str) -> str:
        """``(B, H*W, C) -> (B, C, H, W)``."""
        return self.graph.transpose(self.graph.reshape(x, 0, *self.sides, self.dim), 0, 3, 1, 2)

    def gather(self, x: str, rows: Tensor) -> str:
        """Tokens in another order."""
        return self.graph.add("Gather", x, rows, axis=1)

    def group(self, x: str, layer: RSTB) -> str:
        """A group of blocks, its convolution and what goes past them."""
        inside, shifted = self.gather(x, self.where.enter), False
        for each in layer.residual_group.blocks:
            block = FoldedBlock.of(cast(SwinBlock, each))
            rows = self.where.rows(before=shifted, after=block.shifted)
            inside = inside if rows is None else self.gather(inside, rows)
            shifted = block.shifted
            inside = self.block(inside, block)
        inside = self.gather(inside, self.where.leave_shifted if shifted else self.where.leave)
        return self.graph.add(
            "Add", x, self.tokens(self.graph.layer(self.pixels(inside), layer.conv))
        )

    def block(self, x: str, block: FoldedBlock) -> str:
        """Attention, then the MLP, each added to its input."""
        graph = self.graph
        normal = graph.norm(x, self.ones, block.epsilons[0])
        x = graph.add("Add", x, graph.dense(self.attend(normal, block), *_pair(block.proj)))
        normal = graph.norm(x, self.ones, block.epsilons[1])
        hidden = graph.add("Gelu", graph.dense(normal, *_pair(block.fc1)))
        return graph.add("Add", x, graph.dense(hidden, *_pair(block.fc2)))

    def attend(self, x: str, block: FoldedBlock) -> str:
        """Attention within each window, before its last layer."""
        graph, heads = self.graph, block.bias.shape[1]
        size = self.dim // heads
        weights, bias = list(block.qkv.weight.split(self.dim, dim=1)), block.qkv.bias[: self.dim]
        scale = 1 / sqrt(size)
        q = graph.dense(x, weights[0] * scale, bias * scale)
        k, v = (graph.add("MatMul", x, weight) for weight in weights[1:])
        q, k, v = (graph.reshape(it, 0, -1, self.area, heads, size) for it in (q, k, v))
        q, v = (graph.transpose(it, 0, 1, 3, 2, 4) for it in (q, v))
        scores = graph.add("MatMul", q, graph.transpose(k, 0, 1, 3, 4, 2))
        scores = graph.add("Add", scores, block.bias[None])
        if block.shifted:
            scores = graph.add("Add", scores, self.mask)
        mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
        return graph.reshape(graph.transpose(mixed, 0, 1, 3, 2, 4), 0, -1, self.dim)


def _pair(layer: Dense) -> tuple[Tensor, Tensor]:
    return layer.weight, layer.bias


def _head(graph: Graph, head: nn.Module, features: str, image: str) -> str:
    """See `swinir.network.heads`."""
    match head:
        case PixelShuffle():
            layers = (head.conv_before_upsample, head.upsample, head.conv_last)
            return graph.layer(features, nn.Sequential(*layers))
        case PixelShuffleDirect():
            return graph.layer(features, head.upsample)
        case NearestConv():
            x = graph.layer(features, head.conv_before_upsample)
            for name in ("conv_up1", "conv_up2")[: head.scale // 2]:
                conv = head.get_submodule(name)
                x = graph.layer(_doubled(graph, x), nn.Sequential(conv, head.act))
            return graph.layer(x, nn.Sequential(head.conv_hr, head.act, head.conv_last))
        case Residual():
            return graph.add("Add", image, graph.layer(features, head.conv_last))
        case _:
            raise ValueError(f"no ONNX is known for the head {type(head).__name__}")


def _doubled(graph: Graph, x: str) -> str:
    sides = torch.tensor([1.0, 1.0, 2.0, 2.0])
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
    return graph.add("Resize", x, "", sides, nearest_mode="floor", **how)


@torch.inference_mode()
def model_of(network: SwinIR, height: int, width: int, texts: Mapping[str, str]) -> onnx.ModelProto:
    """The graph ``(batch, channels, height, width) -> (batch, channels, height*s, width*s)``.

    Args:
        network: in evaluation, on the CPU.
        height: of the tiles, in whole windows.
        width: likewise.
        texts: metadata of the file.

    Raises:
        ValueError: sides that are no whole windows, a Swin2SR, or a U.
    """
    config = network.config
    if config.shape is not Shape.FLAT:
        raise ValueError(
            "a graph is made of a flat SwinIR, got a U; take other weights, or --backend torch"
        )
    if height % config.window or width % config.window or min(height, width) < 1:
        raise ValueError(f"a tile is whole windows of {config.window} pixels, got {height}x{width}")
    first = network.patch_embed.norm
    if config.attention is not Attention.DOT or config.norm is not Norm.PRE or first is None:
        raise ValueError(
            "a graph is made of a SwinIR, got a Swin2SR; take other weights, or --backend torch"
        )
    graph = Graph()
    image = graph.add("Mul", graph.add("Sub", INPUT, network.mean), _number(config.img_range))
    shallow = graph.layer(image, network.conv_first)
    trunk = Trunk(graph, network, height, width)
    x = graph.norm(trunk.tokens(shallow), first.weight, first.eps, first.bias)
    for layer in network.layers:
        x = trunk.group(x, cast(RSTB, layer))
    x = graph.norm(x, network.norm.weight, network.norm.eps, network.norm.bias)
    deep = graph.layer(trunk.pixels(x), network.conv_after_body)
    out = _head(graph, network.head, graph.add("Add", shallow, deep), image)
    out = graph.add("Add", graph.add("Mul", out, _number(1 / config.img_range)), network.mean)
    graph.nodes.append(helper.make_node("Identity", [out], [OUTPUT], name=OUTPUT))
    return _model(graph, config.channels, (height, width), config.scale, texts)


def _number(value: float) -> Tensor:
    return torch.tensor(value)


def _model(
    graph: Graph, channels: int, sides: tuple[int, int], scale: int, texts: Mapping[str, str]
) -> onnx.ModelProto:
    def value(name: str, factor: int) -> onnx.ValueInfoProto:
        shape = [BATCH, channels, *(factor * side for side in sides)]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    body = helper.make_graph(
        graph.nodes,
        "SwinIR",
        [value(INPUT, 1)],
        [value(OUTPUT, scale)],
        initializer=list(graph.constants.values()),
    )
    model = helper.make_model(
        body,
        producer_name="swinir",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, dict(texts))
    return model
