"""What a graph's tensors are called, and how large its tiles are."""

INPUT, OUTPUT, BATCH = "image", "restored", "batch"

SIDE = 128
"""Side in pixels of tiles of one size, unless told."""


def whole_windows(side: int | str, window: int) -> int:
    """Side of tiles of one size: rounded up as by `swinir.tiling.spans`; auto: `SIDE` or less."""
    if isinstance(side, str):
        return SIDE // window * window or window
    return -(-side // window) * window
