"""The network: configuration, geometry, attention, blocks, heads, model."""

from swinir.network.config import Attention, GroupConv, Head, Norm, SwinIRConfig
from swinir.network.model import SwinIR

__all__ = ["Attention", "GroupConv", "Head", "Norm", "SwinIR", "SwinIRConfig"]
