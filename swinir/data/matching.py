"""Whether a degraded image and its truth, each from a file of its own, belong together."""

from pathlib import Path


def misfit(
    truth: Path,
    truth_shape: tuple[int, ...],
    degraded: Path,
    degraded_shape: tuple[int, ...],
    scale: int,
) -> str | None:
    """Why a file is not the degraded image of another; shapes are (H, W, C) of the files."""
    height, width, channels = degraded_shape
    tall, wide, _ = truth_shape
    if (tall, wide) != (height * scale, width * scale):
        even = tall % scale == wide % scale == 0
        advice = "" if even else f"; cut the truth to whole multiples of {scale} first"
        return (
            f"{degraded}: {scale} times a degraded image is the size of its truth, got "
            f"{width}x{height} for the {wide}x{tall} of {truth}{advice}"
        )
    if truth_shape[2] != channels:
        kinds = {1: "grey", 3: "colour"}
        return (
            f"{degraded}: a degraded image and its truth are both grey or both colour, got a "
            f"{kinds[channels]} one for {truth}, which is {kinds[truth_shape[2]]}"
        )
    return None
