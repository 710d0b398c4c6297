"""The network: configuration, geometry, attention, blocks, heads, model."""

from swinir.network.config import GroupConv, Head, SwinIRConfig
from swinir.network.model import SwinIR

__all__ = ["GroupConv", "Head", "SwinIR", "SwinIRConfig"]
