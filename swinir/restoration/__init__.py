"""Restoration: a network over pictures of any size, on the device and in the memory there is."""

from swinir.restoration.devices import pick_device
from swinir.restoration.restorer import Cancelled, NotEnoughMemory, Restorer

__all__ = ["Cancelled", "NotEnoughMemory", "Restorer", "pick_device"]
