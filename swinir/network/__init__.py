"""The network: configuration, geometry, attention, blocks, heads, model."""

from swinir.network.config import Attention, GroupConv, Head, Norm, Shape, SwinIRConfig
from swinir.network.model import SwinIR

__all__ = ["Attention", "GroupConv", "Head", "Norm", "Shape", "SwinIR", "SwinIRConfig"]
