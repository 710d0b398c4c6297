"""Restoration: a network over pictures of any size, on the device and in the memory there is."""

from swinir.restoration.devices import pick_device
from swinir.restoration.engine import Engine
from swinir.restoration.restorer import Cancelled, NotEnoughMemory, Restorer

__all__ = ["Cancelled", "Engine", "NotEnoughMemory", "Restorer", "pick_device"]
