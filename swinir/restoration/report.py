"""What a user should know about how the restoring went."""

from dataclasses import dataclass


@dataclass(slots=True)
class Report:
    """Counts over all that one Restorer did.

    Attributes:
        tile: longest side of the last picture's tiles, in input pixels.
        redone: passes through the network that low precision spoilt, done again in fp32.
        halvings: how often memory ran out and the tiles were halved.
        precision: name of the low precision that was computed in; empty for fp32.
        refused: name of the low precision that was left for fp32, because of these weights.
        fidelity: PSNR in dB of low precision against fp32, in a part of the first tile.
    """

    tile: int = 0
    redone: int = 0
    halvings: int = 0
    precision: str = ""
    refused: str = ""
    fidelity: float | None = None

    def notes(self) -> list[str]:
        """What departed from the expected, a line each; none where nothing did."""
        lines: list[str] = []
        if self.refused:
            lines.append(
                f"computed in fp32: {self.refused} is {self.fidelity:.1f} dB (PSNR) from it with "
                f"these weights; --precision {self.refused} takes it all the same"
            )
        elif self.fidelity is not None:
            lines.append(
                f"computed in {self.precision}, which is {self.fidelity:.1f} dB (PSNR) from fp32"
            )
        if self.redone:
            lines.append(
                f"{self.redone} tiles came out black or not a number in low precision and were "
                "redone in fp32; --precision fp32 (or bf16) is quicker here"
            )
        if self.halvings:
            lines.append(
                f"memory ran out and tiles were halved (times: {self.halvings}); "
                f"--tile {self.tile} saves the attempts"
            )
        return lines
